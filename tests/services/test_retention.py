"""Old runs go, with their logs; what an instance's history needs stays."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from enterprise.models import (
    AlertKind,
    AlertRule,
    AlertState,
    RunChunk,
    RunKind,
    RunLogLine,
    RunState,
    ServerInstance,
    SignInLink,
    SyncRun,
)
from enterprise.services import retention
from enterprise.services.members import sign_in_link_make
from enterprise.services.retention import chunks_sweep, retention_apply_due, runs_expire
from tests.factories import PASSWORD, ServerInstanceFactory, UserFactory, ago

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def short_memory(settings: Any) -> None:
    settings.LICSYNC_RUN_RETENTION_DAYS = 10
    cache.delete(retention.RETENTION_CACHE_KEY)


@pytest.fixture
def instance() -> ServerInstance:
    made: ServerInstance = ServerInstanceFactory()
    return made


def run_of(instance: ServerInstance, state: RunState, days: float) -> SyncRun:
    """A run that was brought to a state so many days ago, with a line in its log."""
    then = timezone.now() - dt.timedelta(days=days)
    run = SyncRun.objects.create(
        enterprise=instance.enterprise,
        instance=instance,
        kind=RunKind.INSTANCE,
        state=state,
        queued_at=then,
        not_before=then,
        finished_at=then,
    )
    RunLogLine.objects.create(run=run, at=then, attempt=1, code="run_started")
    return run


@pytest.mark.parametrize(("days", "gone"), [(10.001, True), (9.999, False)])
@pytest.mark.parametrize("state", [RunState.FAILED, RunState.CANCELLED])
def test_an_ended_run_goes_with_its_log_after_so_many_days(
    instance: ServerInstance, state: RunState, days: float, gone: bool
) -> None:
    run_of(instance, state, days)
    assert runs_expire(as_of=timezone.now()) == gone
    assert SyncRun.objects.count() == RunLogLine.objects.count() == (not gone)


def test_the_last_success_of_each_instance_stays_however_old(instance: ServerInstance) -> None:
    other = ServerInstanceFactory(enterprise=instance.enterprise)
    first = run_of(instance, RunState.SUCCEEDED, 700)
    run_of(instance, RunState.FAILED, 600)
    run_of(other, RunState.SUCCEEDED, 600)
    second = run_of(other, RunState.SUCCEEDED, 500)
    assert runs_expire(as_of=timezone.now()) == 2
    assert set(SyncRun.objects.values_list("pk", flat=True)) == {first.pk, second.pk}


@pytest.mark.parametrize("state", [RunState.HELD, RunState.QUEUED])
def test_what_waits_for_somebody_stays(instance: ServerInstance, state: RunState) -> None:
    run_of(instance, state, 500)
    assert runs_expire(as_of=timezone.now()) == 0


def test_many_runs_go_a_few_at_a_time(
    instance: ServerInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_A_BATCH", 2)
    for _ in range(5):
        run_of(instance, RunState.FAILED, 20)
    assert runs_expire(as_of=timezone.now()) == 5


def test_chunks_of_ended_runs_go_and_others_stay(instance: ServerInstance) -> None:
    for state in (RunState.FAILED, RunState.HELD, RunState.QUEUED):
        run_of(instance, state, 0).chunks.create(number=0, payload=b"")
    assert chunks_sweep() == 1
    assert not RunChunk.objects.filter(run__state=RunState.FAILED).exists()


def test_it_is_done_once_a_day(instance: ServerInstance) -> None:
    run_of(instance, RunState.FAILED, 20)
    assert retention_apply_due() == 1
    run_of(instance, RunState.FAILED, 20)
    assert retention_apply_due() == 0


@pytest.mark.parametrize("cache_is_lost", [False, True])
def test_a_clock_that_jumped_ahead_for_a_tick_erases_nothing(
    instance: ServerInstance, cache_is_lost: bool
) -> None:
    run_of(instance, RunState.FAILED, 1)
    run_of(instance, RunState.SUCCEEDED, 0)
    retention_apply_due()
    if cache_is_lost:
        cache.delete(retention.RETENTION_CACHE_KEY)
    with time_machine.travel(timezone.now() + dt.timedelta(days=3650)):
        assert retention_apply_due() == 0
        assert retention_apply_due() == 0  # nor by the ticks that follow
    run_of(instance, RunState.FAILED, 20)
    assert retention_apply_due() == 1, "and the right clock is believed again at once"


def test_after_a_long_rest_retention_catches_up_in_some_days(instance: ServerInstance) -> None:
    run_of(instance, RunState.FAILED, 0)
    retention_apply_due()
    gone = []
    for day in range(30, 34):
        with time_machine.travel(timezone.now() + dt.timedelta(days=day)):
            gone.append(retention_apply_due())
    assert gone == [0, 1, 0, 0]


def test_sessions_and_links_that_have_run_out_go() -> None:
    mona = UserFactory()
    sessions = []
    for _each in range(2):
        client = Client()
        client.post("/accounts/login/", {"login": mona.username, "password": PASSWORD})
        sessions.append(client.session.session_key)
    sign_in_link_make(user=mona)
    retention_apply_due()
    assert Session.objects.count() == UserSession.objects.count() == 2
    past = timezone.now() - dt.timedelta(minutes=1)
    Session.objects.filter(session_key=sessions[0]).update(expire_date=past)
    SignInLink.objects.update(expires_at=past)
    cache.delete(retention.RETENTION_CACHE_KEY)
    retention_apply_due()
    assert Session.objects.get().session_key == UserSession.objects.get().session_key == sessions[1]
    assert not SignInLink.objects.exists()


def test_what_is_over_long_enough_goes_from_the_history_of_alerts(
    instance: ServerInstance, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(retention, "_A_BATCH", 2)
    settings.LICSYNC_ALERT_RETENTION_DAYS = 30
    rule = AlertRule.objects.create(enterprise=instance.enterprise, kind=AlertKind.SYNC)
    for n, over_at in enumerate([ago(days=31)] * 5 + [ago(days=29), None]):
        AlertState.objects.create(
            rule=rule,
            subject=str(n),
            since=ago(days=90),
            last_sent_at=ago(days=90),
            over_at=over_at,
        )
    retention_apply_due()
    assert set(AlertState.objects.values_list("subject", flat=True)) == {"5", "6"}
