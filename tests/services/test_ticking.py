"""The tick: it starts what is due, once, and a trouble in one part stops no other."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import OperationalError

from enterprise.models import (
    Enterprise,
    RunKind,
    RunState,
    RunTrigger,
    ServerInstance,
    Source,
    SyncRun,
)
from enterprise.services import ticking
from enterprise.services.recounts import recount_mark, recounts_request_due
from enterprise.services.ticking import TICK_CACHE_KEY, clouds_start_due, instances_start_due, tick
from tests.factories import EnterpriseFactory, ServerInstanceFactory, SyncRunFactory

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)  # a Monday
MONDAYS = {"schedule_weekday": 0, "schedule_time": dt.time(9, 0)}


@pytest.fixture(autouse=True)
def at_ten() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def instance_due(seconds: float, **fields: Any) -> ServerInstance:
    """An instance whose next window is ``seconds`` from now."""
    values = {**MONDAYS, "next_sync_at": NOW + dt.timedelta(seconds=seconds), **fields}
    return ServerInstanceFactory(syncing=True, **values)


@pytest.mark.parametrize(("seconds", "starts"), [(-1, True), (0, True), (1, False)])
def test_an_instance_starts_when_its_window_has_come(seconds: float, starts: bool) -> None:
    instance = instance_due(seconds)
    assert instances_start_due() == starts
    assert SyncRun.objects.filter(instance=instance, state=RunState.QUEUED).count() == starts


def test_a_window_starts_once_and_the_next_one_is_a_week_on() -> None:
    instance = instance_due(-1)
    instances_start_due()
    assert instances_start_due() == 0
    run = SyncRun.objects.get()
    assert (run.trigger, run.actor) == (RunTrigger.SCHEDULE, "licsync")
    instance.refresh_from_db()
    assert instance.next_sync_at is not None
    assert instance.next_sync_at.date() == dt.date(2026, 11, 30)


def test_windows_missed_while_down_run_once() -> None:
    instance = instance_due(-dt.timedelta(days=30).total_seconds())
    tick()
    tick()
    assert SyncRun.objects.filter(instance=instance).count() == 1
    instance.refresh_from_db()
    assert instance.next_sync_at is not None
    assert instance.next_sync_at > NOW


def test_a_window_that_comes_while_a_run_is_active_starts_no_second_one() -> None:
    instance = instance_due(-1)
    SyncRunFactory(instance=instance, running=True)
    instances_start_due()
    assert SyncRun.objects.count() == 1
    instance.refresh_from_db()
    assert instance.next_sync_at is not None
    assert instance.next_sync_at > NOW


def test_what_is_off_or_takes_uploads_is_not_started() -> None:
    instance_due(-1, license_sync_enabled=False)
    upload = instance_due(-1, source=Source.UPLOAD)
    assert instances_start_due() == 0
    assert not SyncRun.objects.exists()
    upload.refresh_from_db()
    assert upload.next_sync_at is not None
    assert upload.next_sync_at > NOW


def test_the_cloud_has_its_own_weekly_schedule() -> None:
    enterprise: Enterprise = EnterpriseFactory(**MONDAYS, next_sync_at=NOW)
    assert (clouds_start_due(), clouds_start_due()) == (1, 0)
    assert SyncRun.objects.get().kind == RunKind.CLOUD
    enterprise.refresh_from_db()
    assert enterprise.next_sync_at == dt.datetime(2026, 11, 30, 9, tzinfo=dt.UTC)


def test_a_due_recount_is_asked_for_and_waits_a_while_after_a_failure() -> None:
    enterprise: Enterprise = EnterpriseFactory()
    recount_mark(enterprise=enterprise)
    tick()
    tick()
    run = SyncRun.objects.get(kind=RunKind.RECOUNT)
    SyncRun.objects.update(state=RunState.FAILED, finished_at=NOW)
    tick()
    assert SyncRun.objects.count() == 1
    SyncRun.objects.update(finished_at=NOW - dt.timedelta(minutes=10))
    tick()
    assert SyncRun.objects.exclude(pk=run.pk).get().state == RunState.QUEUED


def test_recounts_that_are_queued_already_cost_a_tick_one_query(
    django_assert_num_queries: Any,
) -> None:
    for enterprise in EnterpriseFactory.create_batch(3):
        recount_mark(enterprise=enterprise)
    assert recounts_request_due() == 3
    with django_assert_num_queries(1):
        assert recounts_request_due() == 0


def test_a_locked_database_in_one_part_leaves_the_others_to_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def locked() -> int:
        raise OperationalError("database is locked")

    monkeypatch.setattr(ticking, "runs_sweep", locked)
    instance_due(-1)
    tick()
    assert SyncRun.objects.count() == 1


def test_a_tick_says_that_it_was() -> None:
    cache.delete(TICK_CACHE_KEY)
    tick()
    assert cache.get(TICK_CACHE_KEY) == NOW.timestamp()
