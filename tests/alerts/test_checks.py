"""Each kind of alert beyond and within its threshold; told once, again, and when it is over."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone, translation

from enterprise import wording
from enterprise.models import (
    AlertRule,
    AlertState,
    BillingModel,
    Credential,
    Enterprise,
    GitHubSyncStatus,
    ServerInstance,
    Snapshot,
    Source,
    User,
)
from enterprise.models.alert import UNITS
from enterprise.services.alert_checks import alerts_check
from enterprise.services.alerts import alert_edit
from enterprise.services.audit import SYSTEM
from enterprise.wording import alerts
from tests.alerts.conftest import check, last_event, rule_of
from tests.factories import (
    CredentialFactory,
    GitHubSyncStatusFactory,
    ServerInstanceFactory,
    SnapshotFactory,
    SyncRunFactory,
    ago,
)
from tests.threads import together

pytestmark = pytest.mark.django_db


def text() -> str:
    event = last_event()
    return wording.event_sentence(event.kind, event.params)


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    return ServerInstanceFactory(
        enterprise=enterprise, host_name="ghes1.example.com", syncing=True, synced=True
    )


# --- Once, again, over ---------------------------------------------------------------------------


def test_it_is_told_once_again_after_its_days_and_when_it_is_over(
    enterprise: Enterprise, mona: User, snapshot: Snapshot
) -> None:
    rule_of(enterprise, "free_seats", 10, repeat_days=3)
    assert check(enterprise) == ["raised"]
    assert check(enterprise) == []
    AlertState.objects.update(last_sent_at=ago(days=2, hours=23))
    assert check(enterprise) == []
    AlertState.objects.update(last_sent_at=ago(days=3, seconds=1))
    assert check(enterprise) == ["reminded"]
    assert check(enterprise) == []
    Snapshot.objects.update(github_total=100)
    assert check(enterprise) == ["over"]
    assert check(enterprise) == []
    Snapshot.objects.update(github_total=195)
    assert check(enterprise) == ["raised"]
    assert AlertState.objects.count() == 2


def test_with_no_days_it_is_not_reminded_of(
    enterprise: Enterprise, mona: User, snapshot: Snapshot
) -> None:
    rule_of(enterprise, "free_seats", 10, repeat_days=0)
    check(enterprise)
    AlertState.objects.update(last_sent_at=ago(days=300))
    assert check(enterprise) == []


def test_what_is_switched_off_is_not_looked_at(
    enterprise: Enterprise, mona: User, snapshot: Snapshot
) -> None:
    rule_of(enterprise, "free_seats", 10, active=False)
    assert check(enterprise) == []
    assert not AlertState.objects.exists()


def test_what_is_switched_off_and_on_again_begins_anew(
    enterprise: Enterprise, mona: User, snapshot: Snapshot
) -> None:
    rule = rule_of(enterprise, "free_seats", 10, repeat_days=0)
    (first,) = check(enterprise)
    alert_edit(rule=rule, actor=SYSTEM, active=False)
    assert AlertState.objects.filter(over_at=None).count() == 0
    alert_edit(rule=rule, actor=SYSTEM, active=True)
    (again,) = check(enterprise)
    assert again == first


def test_another_kind_begins_anew_without_a_word(
    enterprise: Enterprise, mona: User, snapshot: Snapshot
) -> None:
    rule = rule_of(enterprise, "free_seats", 10)
    check(enterprise)
    alert_edit(rule=rule, actor=SYSTEM, kind="token_expiry", threshold=5, unit="days")
    assert check(enterprise) == []
    assert AlertState.objects.filter(over_at=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_checks_at_once_tell_once(
    enterprise: Enterprise, mona: User, snapshot: Snapshot
) -> None:
    rule_of(enterprise, "free_seats", 10)
    told = together(lambda: alerts_check(enterprise_id=enterprise.pk), 4)
    assert told.count(1) == 1, told
    assert told.count(0) == 3, told
    assert AlertState.objects.count() == 1


# --- Seats and jumps -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threshold", "unit", "told"),
    [(5, "number", False), (6, "number", True), (2, "percent", False), (3, "percent", True)],
)
def test_free_seats_are_compared_strictly_by_number_or_per_cent(
    enterprise: Enterprise, mona: User, snapshot: Snapshot, threshold: int, unit: str, told: bool
) -> None:
    rule_of(enterprise, "free_seats", threshold, unit=unit)  # 5 of 200 are free: 2.5 per cent
    assert check(enterprise) == (["raised"] if told else [])


def test_githubs_count_is_the_basis_where_it_is_known_and_ours_elsewhere(
    enterprise: Enterprise, mona: User, snapshot: Snapshot
) -> None:
    rule = rule_of(enterprise, "free_seats", 11)
    check(enterprise)
    assert text() == (
        "Licenses are running short: GitHub counts 195 of 200 purchased, so 5 are free."
    )
    rule.delete()
    Snapshot.objects.update(github_total=None)
    rule_of(enterprise, "free_seats", 11)
    check(enterprise)
    assert "this console finds 190 persons for 200 purchased, so 10 are free" in text()


def test_what_cannot_be_compared_is_neither_raised_nor_over(
    enterprise: Enterprise, mona: User, snapshot: Snapshot
) -> None:
    rule_of(enterprise, "free_seats", 10)
    check(enterprise)
    Snapshot.objects.update(github_purchased=None)
    assert check(enterprise) == []
    Snapshot.objects.update(github_purchased=200)
    Enterprise.objects.update(billing_model=BillingModel.METERED)
    assert check(enterprise) == []
    assert AlertState.objects.get().over_at is None


@pytest.mark.parametrize(
    ("before", "now", "threshold", "unit", "told"),
    [
        (100, 109, 10, "number", False),
        (100, 110, 10, "number", True),
        (100, 90, 10, "number", True),
        (200, 219, 10, "percent", False),
        (200, 220, 10, "percent", True),
        (0, 1, 10, "percent", True),
        (100, 100, 0, "number", False),
    ],
)
def test_a_jump_is_of_our_count_within_seven_days(
    enterprise: Enterprise,
    mona: User,
    before: int,
    now: int,
    threshold: int,
    unit: str,
    told: bool,
) -> None:
    SnapshotFactory(enterprise=enterprise, persons=before, taken_at=ago(days=8))
    SnapshotFactory(enterprise=enterprise, persons=before + 50, taken_at=ago(days=3))
    SnapshotFactory(enterprise=enterprise, persons=now, taken_at=ago(hours=1))
    rule_of(enterprise, "count_jump", threshold, unit=unit)
    assert check(enterprise) == (["raised"] if told else [])


# --- Syncs ---------------------------------------------------------------------------------------


def test_our_syncs_that_failed_are_held_or_overdue(
    enterprise: Enterprise, mona: User, instance: ServerInstance
) -> None:
    rule_of(enterprise, "sync")
    assert check(enterprise) == []
    SyncRunFactory(instance=instance, failed=True)
    assert check(enterprise) == ["raised"]
    assert text() == "This console's last sync of ghes1.example.com failed."
    SyncRunFactory(instance=instance, held=True)
    assert sorted(check(enterprise)) == ["over", "raised"]
    instance.runs.all().delete()
    ServerInstance.objects.update(last_success_at=ago(days=9))
    assert sorted(check(enterprise)) == ["over", "raised"]
    assert "longer than its rhythm" in text() or "Over" in text()
    SyncRunFactory(enterprise=enterprise, of_cloud=True, failed=True)
    assert check(enterprise) == ["raised"]
    assert text() == "This console's last sync of GitHub Enterprise Cloud failed."
    ServerInstance.objects.update(license_sync_enabled=False)
    assert check(enterprise) == ["over"]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ({"last_sync_at": None}, "never happened"),
        ({"status": "failed"}, "its own last sync of ghes1.example.com failed"),
        ({"last_sync_at": ago(days=9)}, "older than 8 days"),
    ],
)
def test_githubs_own_sync_is_githubs_event(
    enterprise: Enterprise,
    mona: User,
    instance: ServerInstance,
    status: dict[str, Any],
    says: str,
) -> None:
    rule_of(enterprise, "github_sync")
    assert check(enterprise) == []  # not known is no trouble
    GitHubSyncStatusFactory(enterprise=enterprise, host_name=instance.host_name, **status)
    assert check(enterprise) == ["raised"]
    assert says in text()
    assert "GitHub" in text()
    GitHubSyncStatus.objects.update(last_sync_at=timezone.now(), status="success")
    assert check(enterprise) == ["over"]


# --- What ends -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "told"), [(31, False), (30, True), (-1, True)])
def test_licenses_tokens_and_certificates_near_their_end(
    enterprise: Enterprise, mona: User, instance: ServerInstance, days: int, told: bool
) -> None:
    expected = ["raised"] if told else []
    ends = timezone.now() + dt.timedelta(days=days) - dt.timedelta(minutes=1)
    instance.license_expires_on = timezone.now().date() + dt.timedelta(days=days)
    instance.certificate_expires_at = ends
    instance.save()
    CredentialFactory(enterprise=enterprise, instance=instance, expires_at=ends)
    Credential.objects.filter(instance=None).delete()
    for kind in ("license_expiry", "token_expiry", "certificate_expiry"):
        rule_of(enterprise, kind, 30)
        assert check(enterprise) == expected
        if told:
            assert "ghes1.example.com" in text()


def test_what_an_instance_that_is_off_showed_last_is_not_told(
    enterprise: Enterprise, mona: User, instance: ServerInstance
) -> None:
    instance.license_expires_on = timezone.now().date()
    instance.certificate_expires_at = timezone.now()
    instance.license_sync_enabled = False
    instance.save()
    for kind in ("license_expiry", "certificate_expiry"):
        rule_of(enterprise, kind, 30)
    assert check(enterprise) == []
    ServerInstance.objects.update(license_sync_enabled=True)
    assert check(enterprise) == ["raised", "raised"]


def test_an_old_upload_of_an_instance_that_takes_uploads_only(
    enterprise: Enterprise, mona: User, instance: ServerInstance
) -> None:
    rule_of(enterprise, "upload_old", 14)
    ServerInstance.objects.update(applied_as_of=ago(days=15, hours=1))
    assert check(enterprise) == []
    ServerInstance.objects.update(source=Source.UPLOAD)
    assert check(enterprise) == ["raised"]
    ServerInstance.objects.update(applied_as_of=ago(days=14, hours=1))
    assert check(enterprise) == ["over"]


# --- Words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de", "zh-hans"])
def test_every_rule_and_every_finding_has_its_sentence(language: str) -> None:
    with translation.override(language):
        for kind, units in UNITS.items():
            for unit in units or ("",):
                assert alerts.rule_sentence(kind, 5, unit)
        for template in alerts._FOUND.values():
            names = ["free", "used", "purchased", "now", "before", "host", "on", "days"]
            assert template % dict.fromkeys(names, 5)


def test_the_database_keeps_one_open_state_a_subject(
    enterprise: Enterprise, mona: User, snapshot: Snapshot
) -> None:
    rule = rule_of(enterprise, "free_seats", 10)
    check(enterprise)
    now = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        AlertState.objects.create(rule=rule, subject="enterprise", since=now, last_sent_at=now)
    assert AlertRule.objects.count() == 1
