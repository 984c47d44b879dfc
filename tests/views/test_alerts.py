"""The page of alerts: who sees it, adding, changing, trying, and what could not be delivered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from enterprise.models import (
    AlertRule,
    AuditEvent,
    Delivery,
    DeliveryState,
    Enterprise,
    User,
)
from enterprise.services.alert_checks import alerts_check
from tests.alerts.conftest import rule_of
from tests.deliveries.conftest import hook_to
from tests.factories import MembershipFactory, SnapshotFactory, UserFactory, ago

PAGE = "/enterprises/acme/settings/alerts"
NEW = {
    "kind": "free_seats",
    "threshold": "10",
    "unit": "percent",
    "repeat_days": "3",
    "roles": ["owner", "billing_manager"],
    "people": "Audrey",
    "active": "on",
}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("who", "status"),
    [("owner", 200), ("auditor", 200), ("billing_manager", 404), ("stranger", 404)],
)
def test_owners_and_auditors_see_them(
    cast: Callable[[str], Client], acme: Enterprise, who: str, status: int
) -> None:
    rule_of(acme, "free_seats", 10)
    assert cast(who).get(PAGE).status_code == status


@pytest.mark.parametrize("who", ["auditor", "billing_manager", "stranger"])
def test_only_owners_change_them(cast: Callable[[str], Client], acme: Enterprise, who: str) -> None:
    rule = rule_of(acme, "sync")
    before = AuditEvent.objects.count()
    for path in ("new", f"{rule.pk}/edit", f"{rule.pk}/remove", f"{rule.pk}/test"):
        assert cast(who).post(f"{PAGE}/{path}", NEW).status_code == 404
    assert AuditEvent.objects.count() == before


def test_one_is_added_changed_and_deleted(owner: Client, auditor: Client, acme: Enterprise) -> None:
    hook = hook_to(acme, "https://hooks.example.com/x")
    assert owner.post(f"{PAGE}/new", {**NEW, "webhooks": [hook.pk]}).status_code == 302
    rule = AlertRule.objects.get()
    assert (rule.threshold, rule.unit, rule.repeat_days) == (10, "percent", 3)
    assert [member.user.username for member in rule.people.all()] == ["audrey"]
    assert list(rule.webhooks.all()) == [hook]
    page = owner.get(PAGE).content.decode()
    assert "Less than 10 % of the purchased licenses free" in page
    edit = f"{PAGE}/{rule.pk}/edit"
    assert "audrey" in owner.get(edit).content.decode()
    owner.post(edit, {"kind": "sync", "threshold": "", "repeat_days": "0", "roles": ["owner"]})
    rule.refresh_from_db()
    assert (rule.kind, rule.threshold, rule.unit, rule.active) == ("sync", None, "", False)
    assert not rule.people.exists()
    owner.post(f"{PAGE}/{rule.pk}/remove")
    assert not AlertRule.objects.exists()
    told = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
    assert told[-3:] == ["alert.add", "alert.edit", "alert.remove"]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "nonsense"},
        {"threshold": ""},
        {"threshold": "-1"},
        {"threshold": "99999999999"},
        {"unit": "days"},
        {"repeat_days": "366"},
        {"roles": ["king"]},
        {"people": "nobody-of-this-name"},
        {"webhooks": ["424242"]},
    ],
)
def test_what_cannot_be_is_refused(
    owner: Client, auditor: Client, acme: Enterprise, fault: dict[str, object]
) -> None:
    assert owner.post(f"{PAGE}/new", {**NEW, **fault}).status_code == 422
    assert not AlertRule.objects.exists()


def test_a_person_or_webhook_of_another_enterprise_cannot_be_chosen(
    owner: Client, stranger: Client, acme: Enterprise
) -> None:
    other = Enterprise.objects.get(slug="other")
    hook = hook_to(other, "https://hooks.example.com/x")
    assert owner.post(f"{PAGE}/new", {**NEW, "people": "hubot"}).status_code == 422
    new = {**NEW, "people": "", "webhooks": [hook.pk]}
    assert owner.post(f"{PAGE}/new", new).status_code == 422


def test_what_is_beyond_shows_with_its_basis(owner: Client, acme: Enterprise) -> None:
    SnapshotFactory(enterprise=acme, persons=90, github_total=95, github_purchased=100)
    rule_of(acme, "free_seats", 10)
    alerts_check(enterprise_id=acme.pk)
    assert "GitHub counts 95 of 100 purchased, so 5 are free" in owner.get(PAGE).content.decode()


def test_a_test_without_anybody_to_tell_is_refused(owner: Client, acme: Enterprise) -> None:
    rule = rule_of(acme, "sync", roles=[])
    assert owner.post(f"{PAGE}/{rule.pk}/test").status_code == 422
    rule.roles = ["owner"]
    rule.save()
    assert owner.post(f"{PAGE}/{rule.pk}/test").status_code == 302
    assert Delivery.objects.get().user == User.objects.get(username="mona")


def test_what_could_not_be_delivered_shows_and_is_sent_again(
    owner: Client, auditor: Client, acme: Enterprise
) -> None:
    someone = UserFactory(username="someone@example.com")
    MembershipFactory(enterprise=acme, user=someone, billing_manager=True)
    rule = rule_of(acme, "sync", roles=["billing_manager"])
    owner.post(f"{PAGE}/{rule.pk}/test")
    Delivery.objects.update(
        state=DeliveryState.FAILED, finished_at=ago(hours=1), error_code="mail_failed"
    )
    assert "could not be delivered" in owner.get("/enterprises/acme").content.decode()
    page = owner.get(PAGE).content.decode()
    assert "The mail server did not answer" in page
    assert "someone@example.com" in page
    assert "someone@example.com" not in auditor.get(PAGE).content.decode()
    path = f"{PAGE}/deliveries/{Delivery.objects.get().pk}/redeliver"
    assert auditor.post(path).status_code == 404
    assert owner.post(path).status_code == 302
    assert Delivery.objects.get().state == DeliveryState.QUEUED
    again = owner.post(path)
    assert again.status_code == 422
    assert "This delivery still waits or is being sent" in again.content.decode()
    assert "could not be delivered" not in owner.get("/enterprises/acme").content.decode()
