"""The sweep: a run whose worker died is taken up or failed, and never stuck."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from kombu.exceptions import OperationalError
from pytest_django import Settings

from enterprise.models import RunPhase, RunState, SyncRun
from enterprise.services import runs
from enterprise.services.runs import runs_sweep
from tests.factories import SyncRunFactory

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def at_ten() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the runs for which a worker was woken."""
    ids: list[int] = []
    monkeypatch.setattr(runs, "run_publish", ids.append)
    monkeypatch.setattr(runs, "wakes_held", lambda: 0)
    return ids


def running(seconds_left: float | None, **fields: Any) -> SyncRun:
    lease = None if seconds_left is None else NOW + dt.timedelta(seconds=seconds_left)
    run: SyncRun = SyncRunFactory(running=True, lease_until=lease, phase=RunPhase.READING, **fields)
    run.chunks.create(number=0, payload=b"")
    return run


@pytest.mark.parametrize(
    ("seconds_left", "lost"), [(1, False), (0, False), (-0.001, True), (-3600, True), (None, True)]
)
def test_a_run_is_lost_once_its_lease_has_passed_or_if_it_has_none(
    published: list[int], seconds_left: float | None, lost: bool
) -> None:
    run = running(seconds_left)
    assert runs_sweep() == lost
    run.refresh_from_db()
    assert run.state == (RunState.QUEUED if lost else RunState.RUNNING)
    assert published == ([run.pk] if lost else [])


def test_a_lost_run_is_queued_at_once_with_what_it_staged(published: list[int]) -> None:
    run = running(-1)
    runs_sweep()
    run.refresh_from_db()
    assert (run.tries, run.attempt, run.phase) == (1, 1, RunPhase.WAITING)
    assert run.not_before == NOW
    assert run.chunks.exists()
    assert [line.code for line in run.log.all()] == ["worker_lost_requeued"]


@pytest.mark.parametrize(("tries", "state"), [(3, RunState.QUEUED), (4, RunState.FAILED)])
def test_after_the_last_try_it_is_failed(
    published: list[int], settings: Settings, tries: int, state: RunState
) -> None:
    settings.LICSYNC_MAX_TRIES = 5
    run = running(-1, tries=tries)
    runs_sweep()
    run.refresh_from_db()
    assert (run.state, run.tries) == (state, tries + 1)
    if state == RunState.FAILED:
        assert (run.error_code, run.error_params) == ("worker_lost", {"tries": 5})
        assert run.finished_at == NOW
        assert not run.chunks.exists()
        assert published == []


def test_a_lost_run_that_was_to_be_cancelled_is_cancelled(published: list[int]) -> None:
    run = running(-1, cancel_requested=True)
    assert runs_sweep() == 1
    run.refresh_from_db()
    assert (run.state, run.error_code) == (RunState.CANCELLED, "cancelled_by_owner")
    assert not run.chunks.exists()
    assert [line.code for line in run.log.all()] == ["cancelled_by_owner"]
    assert published == []


def test_a_worker_that_comes_back_as_the_sweep_looks_keeps_its_run(
    published: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = running(-1)
    atomic = runs.transaction.atomic

    def come_back() -> Any:  # after the sweep has read its list, before it writes
        lease = timezone.now() + dt.timedelta(seconds=45)
        SyncRun.objects.filter(pk=run.pk).update(lease_until=lease)
        return atomic()

    monkeypatch.setattr(runs.transaction, "atomic", come_back)
    assert runs_sweep() == 0
    run.refresh_from_db()
    assert (run.state, run.tries) == (RunState.RUNNING, 0)


@pytest.mark.parametrize(("seconds", "woken"), [(-61, True), (-60, True), (-59, False), (1, False)])
def test_a_queued_run_that_nobody_took_for_a_tick_is_published_again(
    published: list[int], settings: Settings, seconds: float, woken: bool
) -> None:
    settings.LICSYNC_TICK_SECONDS = 60
    run = SyncRunFactory(not_before=NOW + dt.timedelta(seconds=seconds))
    assert runs_sweep() == 0
    assert published == ([run.pk] if woken else [])


@pytest.mark.parametrize(("held", "again"), [(0, 3), (1, 1), (5000, 1)])
def test_while_the_broker_holds_messages_only_what_waits_longest_is_published_again(
    published: list[int], monkeypatch: pytest.MonkeyPatch, held: int, again: int
) -> None:
    """Else a thousand runs that wait for their turn are a thousand more messages at each tick."""
    waiting = [SyncRunFactory(not_before=NOW - dt.timedelta(hours=hours)).pk for hours in (1, 3, 2)]
    monkeypatch.setattr(runs, "wakes_held", lambda: held)
    runs_sweep()
    assert published == [waiting[1], waiting[2], waiting[0]][:again]


def test_a_broker_that_cannot_be_asked_is_left_to_the_next_tick(
    published: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> int:
        raise OperationalError("no broker")

    monkeypatch.setattr(runs, "wakes_held", away)
    SyncRunFactory(not_before=NOW - dt.timedelta(hours=1))
    lost = running(-1)
    assert runs_sweep() == 1
    assert published == [lost.pk]


def test_ended_and_held_runs_are_left_alone(published: list[int]) -> None:
    for trait in ("succeeded", "failed", "held"):
        SyncRunFactory(**{trait: True}, lease_until=NOW - dt.timedelta(hours=1))
    before = list(SyncRun.objects.order_by("pk").values())
    assert runs_sweep() == 0
    assert list(SyncRun.objects.order_by("pk").values()) == before
