"""Long reports and syncs do not wait for each other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from django.db import connection, transaction
from django.test import Client

from enterprise.models import (
    Enterprise,
    PersonVersion,
    RunKind,
    RunState,
    RunTrigger,
    ServerUserAccount,
)
from enterprise.services.runs import run_request
from enterprise.services.sync import run_execute
from tests.factories import MembershipFactory
from tests.sync.conftest import sync, sync_everything

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 5.0  # seconds; one that waits for a lock waits for 30


@pytest.fixture
def synced(enterprise: Enterprise) -> Enterprise:
    sync_everything(enterprise)
    return enterprise


@pytest.fixture
def reader(synced: Enterprise) -> Client:
    client = Client()
    client.force_login(MembershipFactory(enterprise=synced).user)
    return client


def test_a_download_that_is_half_read_holds_no_sync_up_and_stays_whole(
    synced: Enterprise, reader: Client
) -> None:
    instance = synced.instances.order_by("host_name")[0]
    response = reader.get(f"/enterprises/{synced.slug}/licensing.csv")
    persons = int(response["X-Licsync-Rows"])
    parts = iter(response.streaming_content)  # type: ignore[attr-defined]
    first = next(parts)
    ServerUserAccount.objects.filter(instance=instance).order_by("pk")[0].delete()

    started = time.perf_counter()
    assert (
        sync(synced, instance).state == RunState.SUCCEEDED
    )  # and what it makes due, the count too
    assert time.perf_counter() - started < AT_ONCE

    text = (first + b"".join(parts)).decode()
    assert "INCOMPLETE" not in text
    assert len(text.splitlines()) == persons + 1


@contextmanager
def an_apply_under_way() -> Iterator[None]:
    """A transaction that has written accounts and versions, and has not ended."""
    written, end = Event(), Event()

    def apply() -> None:
        with transaction.atomic():
            ServerUserAccount.objects.update(dormant=True)
            PersonVersion.objects.update(accounts=77)
            written.set()
            end.wait(60)
            transaction.set_rollback(True)
        connection.close()

    thread = Thread(target=apply)
    thread.start()
    assert written.wait(30)
    try:
        yield
    finally:
        end.set()
        thread.join(30)


def test_an_apply_under_way_holds_no_page_up(synced: Enterprise, reader: Client) -> None:
    pages = ("licensing", "licensing?page=2", "licensing/history")
    for _ in range(2):  # a first look is slower for other reasons
        with an_apply_under_way():
            started = time.perf_counter()
            for page in pages:
                assert reader.get(f"/enterprises/{synced.slug}/{page}").status_code == 200
            elapsed = time.perf_counter() - started
    assert elapsed < AT_ONCE


def test_an_apply_under_way_holds_no_download_up_on_postgresql(
    synced: Enterprise, reader: Client
) -> None:
    """SQLite has one writer at a time, and a download is recorded before it begins."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    with an_apply_under_way():
        started = time.perf_counter()
        response = reader.get(f"/enterprises/{synced.slug}/licensing.csv")
        text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
        assert time.perf_counter() - started < AT_ONCE
    assert len(text.splitlines()) == int(response["X-Licsync-Rows"]) + 1


def test_enterprises_do_not_wait_for_each_other_on_postgresql(synced: Enterprise) -> None:
    """A run of another enterprise goes through while one applies."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    from tests.factories import EnterpriseFactory

    other = EnterpriseFactory(slug="other")
    with an_apply_under_way():
        started = time.perf_counter()
        run, _ = run_request(enterprise=other, kind=RunKind.RECOUNT, trigger=RunTrigger.MANUAL)
        run_execute(run_id=run.pk)
        run.refresh_from_db()
        assert time.perf_counter() - started < AT_ONCE
    assert run.state == RunState.SUCCEEDED
