"""The two switches: their order, what each does, and what each leaves."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from enterprise.models import (
    AuditEvent,
    Credential,
    Enterprise,
    Rhythm,
    RunState,
    ServerInstance,
    Source,
)
from enterprise.services.connect import (
    connect_disable,
    connect_enable,
    license_sync_set,
    schedule_set,
)
from tests.factories import (
    CredentialFactory,
    ServerInstanceFactory,
    ServerUserAccountFactory,
    SyncRunFactory,
)
from tests.services.conftest import MONA, actions, refusal


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    return ServerInstanceFactory(
        enterprise=enterprise, host_name="ghes1.example.com", with_token=True
    )


@pytest.fixture
def syncing(enterprise: Enterprise) -> ServerInstance:
    return ServerInstanceFactory(
        enterprise=enterprise, host_name="ghes1.example.com", with_token=True, syncing=True
    )


def enable_license_sync(instance: ServerInstance) -> bool:
    return license_sync_set(instance=instance, enabled=True, actor=MONA)


def test_license_sync_cannot_be_enabled_before_connect(instance: ServerInstance) -> None:
    assert refusal(enable_license_sync, instance) == ("connect_first", "")
    assert actions() == []


def test_the_database_keeps_the_order_too(instance: ServerInstance) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ServerInstance.objects.filter(pk=instance.pk).update(license_sync_enabled=True)


def test_connect_needs_a_token_where_the_source_does(enterprise: Enterprise) -> None:
    instance = ServerInstanceFactory(enterprise=enterprise)
    assert refusal(connect_enable, instance=instance, actor=MONA) == ("connect_needs_token", "")
    for source in (Source.CLOUD_COPY, Source.UPLOAD):
        other = ServerInstanceFactory(enterprise=enterprise, source=source)
        assert connect_enable(instance=other, actor=MONA) is True


def test_both_switches_go_on_in_order_and_are_audited(instance: ServerInstance) -> None:
    assert connect_enable(instance=instance, actor=MONA) is True
    assert enable_license_sync(instance) is True
    assert connect_enable(instance=instance, actor=MONA) is False
    assert enable_license_sync(instance) is False
    assert actions() == ["instance.connect_enable", "instance.license_sync_enable"]
    event = AuditEvent.objects.latest("pk")
    assert (event.actor, event.actor_kind, event.ip_address) == ("mona", "user", "192.0.2.1")
    assert (event.target, event.before, event.after) == (
        "ghes1.example.com",
        {"license_sync": False},
        {"license_sync": True},
    )


def test_enabling_anchors_the_schedule_a_week_from_that_moment(instance: ServerInstance) -> None:
    connect_enable(instance=instance, actor=MONA)
    before = timezone.now()
    enable_license_sync(instance)
    instance.refresh_from_db()
    assert instance.schedule_weekday == before.weekday()
    assert instance.next_sync_at is not None
    late = instance.next_sync_at - before - dt.timedelta(days=7)
    assert dt.timedelta(minutes=-1) <= late <= dt.timedelta(minutes=5)


def test_disabling_license_sync_stops_the_schedule_and_keeps_the_rest(
    syncing: ServerInstance,
) -> None:
    ServerUserAccountFactory(instance=syncing)
    assert license_sync_set(instance=syncing, enabled=False, actor=MONA) is True
    syncing.refresh_from_db()
    assert syncing.next_sync_at is None
    assert syncing.connect_enabled
    assert Credential.objects.filter(instance=syncing).exists()
    assert syncing.user_accounts.count() == 1
    assert license_sync_set(instance=syncing, enabled=False, actor=MONA) is False


def test_disabling_connect_erases_the_token_and_keeps_the_data(syncing: ServerInstance) -> None:
    ServerUserAccountFactory(instance=syncing)
    assert connect_disable(instance=syncing, actor=MONA) is True
    syncing.refresh_from_db()
    assert (syncing.connect_enabled, syncing.license_sync_enabled) == (False, False)
    assert syncing.next_sync_at is None
    assert not Credential.objects.filter(instance=syncing).exists()
    assert syncing.user_accounts.count() == 1
    assert connect_disable(instance=syncing, actor=MONA) is False
    assert actions() == ["instance.connect_disable"]


def test_disabling_connect_erases_what_was_saved_since_another_owner_disabled_it(
    syncing: ServerInstance,
) -> None:
    connect_disable(instance=syncing, actor=MONA)
    CredentialFactory(enterprise=syncing.enterprise, instance=syncing)
    assert connect_disable(instance=syncing, actor=MONA) is True
    assert not Credential.objects.filter(instance=syncing).exists()


@pytest.mark.parametrize("trait", [{}, {"running": True}, {"held": True}])
def test_disabling_connect_ends_what_is_active_or_held(
    syncing: ServerInstance, trait: dict[str, bool]
) -> None:
    run = SyncRunFactory(instance=syncing, **trait)
    run.chunks.create(number=0, payload=b"")
    connect_disable(instance=syncing, actor=MONA)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (RunState.CANCELLED, "connect_disabled")
    assert run.error_params == {"host": "ghes1.example.com"}
    assert not run.chunks.exists()


def test_disabling_connect_leaves_other_runs_alone(syncing: ServerInstance) -> None:
    done = SyncRunFactory(instance=syncing, succeeded=True)
    elsewhere = SyncRunFactory(instance__enterprise=syncing.enterprise)
    connect_disable(instance=syncing, actor=MONA)
    done.refresh_from_db()
    elsewhere.refresh_from_db()
    assert (done.state, elsewhere.state) == (RunState.SUCCEEDED, RunState.QUEUED)


def test_a_daily_rhythm_moves_the_next_run_near(syncing: ServerInstance) -> None:
    assert schedule_set(instance=syncing, rhythm="daily", actor=MONA) == ["rhythm"]
    syncing.refresh_from_db()
    assert syncing.rhythm == Rhythm.DAILY
    assert syncing.next_sync_at is not None
    assert syncing.next_sync_at - timezone.now() <= dt.timedelta(days=1)
    assert schedule_set(instance=syncing, rhythm="daily", actor=MONA) == []


def test_another_weekday_and_hour_move_the_next_run_by_the_enterprises_clock(
    syncing: ServerInstance,
) -> None:
    Enterprise.objects.update(time_zone="America/New_York")
    chosen = {"schedule_weekday": 6, "schedule_time": "02:30"}
    changed = schedule_set(instance=syncing, actor=MONA, **chosen)
    assert changed == ["schedule_weekday", "schedule_time"]
    syncing.refresh_from_db()
    assert syncing.next_sync_at is not None
    local = syncing.next_sync_at.astimezone(ZoneInfo("America/New_York"))
    assert (local.weekday(), local.hour) == (6, 2)
    assert 30 <= local.minute <= 35  # its own small offset
    event = AuditEvent.objects.latest("pk")
    assert event.action == "instance.schedule"
    assert event.after == {"schedule_weekday": 6, "schedule_time": "02:30"}
    assert schedule_set(instance=syncing, actor=MONA, **chosen) == []


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"rhythm": "hourly"}, "bad_rhythm", "rhythm"),
        ({"schedule_weekday": 7}, "out_of_range", "schedule_weekday"),
        ({"schedule_weekday": None}, "out_of_range", "schedule_weekday"),
        ({"schedule_time": "noon"}, "bad_time", "schedule_time"),
        ({"schedule_time": None}, "bad_time", "schedule_time"),
        ({"schedule_time": dt.time(3, tzinfo=dt.UTC)}, "bad_time", "schedule_time"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(
    syncing: ServerInstance, values: dict[str, object], code: str, field: str
) -> None:
    assert refusal(schedule_set, instance=syncing, actor=MONA, **values) == (code, field)


def test_what_was_chosen_stays_through_disabling_and_enabling(syncing: ServerInstance) -> None:
    license_sync_set(instance=syncing, enabled=False, actor=MONA)
    schedule_set(instance=syncing, schedule_weekday=6, schedule_time="02:30", actor=MONA)
    syncing.refresh_from_db()
    assert syncing.next_sync_at is None
    license_sync_set(instance=syncing, enabled=True, actor=MONA)
    syncing.refresh_from_db()
    assert (syncing.schedule_weekday, syncing.schedule_time) == (6, dt.time(2, 30))
    assert syncing.next_sync_at is not None
    assert syncing.next_sync_at.weekday() == 6


def test_a_rhythm_without_license_sync_starts_no_schedule(instance: ServerInstance) -> None:
    schedule_set(instance=instance, rhythm="daily", actor=MONA)
    instance.refresh_from_db()
    assert instance.next_sync_at is None
