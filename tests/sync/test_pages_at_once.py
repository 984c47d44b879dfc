"""How many pages a cloud run asks for at once, as the server sees it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from pytest_django import Settings

from enterprise.models import RunState
from sandbox.faults import Fault
from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from sandbox.site import Site
from sandbox.transport import Reply, Request
from tests.sync.conftest import register, sync

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with serve(generate_world(7, cloud=1500, instances={})) as fleet:
        yield fleet


class Seen(NamedTuple):
    page: int
    in_flight: int


def watched(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """Every page of consumed licenses asked for, and how many were unanswered then, itself included."""
    seen: list[Seen] = []
    in_flight = 0
    lock = threading.Lock()
    real = site.respond

    def respond(request: Request, fault: Fault | None) -> Reply:
        nonlocal in_flight
        if not request.path.endswith("/consumed-licenses"):
            return real(request, fault)
        with lock:
            in_flight += 1
            seen.append(Seen(request.number("page", 1), in_flight))
        try:
            time.sleep(0.1)
            return real(request, fault)
        finally:
            with lock:
                in_flight -= 1

    monkeypatch.setattr(site, "respond", respond)
    return seen


@pytest.mark.parametrize("at_once", [None, 1, 2])
def test_a_run_asks_for_four_pages_at_once_or_as_many_as_are_set(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, settings: Settings, at_once: int | None
) -> None:
    if at_once is not None:
        settings.LICSYNC_PAGES_AT_ONCE = at_once
    enterprise = register(fleet)
    seen = watched(fleet.ghec, monkeypatch)
    assert sync(enterprise).state == RunState.SUCCEEDED
    assert sorted(each.page for each in seen) == list(range(1, len(seen) + 1))
    assert max(each.in_flight for each in seen) == (at_once or 4)


def test_once_the_server_objects_there_is_never_more_than_one(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    enterprise = register(fleet)
    seen = watched(fleet.ghec, monkeypatch)
    fleet.ghec.faults.add(
        "rate_limited", query={"page": "6"}, times=1, seconds=1, retry_after="seconds"
    )
    assert sync(enterprise).state == RunState.SUCCEEDED
    asked = [each.page for each in seen]
    again = len(asked) - 1 - asked[::-1].index(6)
    assert asked.count(6) == 2
    assert max(each.in_flight for each in seen[:again]) == 4
    assert len(seen[again:]) > 3
    assert {each.in_flight for each in seen[again:]} == {1}
