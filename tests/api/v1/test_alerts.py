"""Alerts by API."""

from __future__ import annotations

import pytest

from enterprise.models import Delivery, DeliveryState, Enterprise
from enterprise.services.alert_checks import alerts_check
from tests.alerts.conftest import rule_of
from tests.api.v1.conftest import V1, problem
from tests.factories import MembershipFactory, SnapshotFactory, UserFactory, ago

pytestmark = pytest.mark.django_db


def test_one_is_added_changed_and_deleted(admin: V1, enterprise: Enterprise) -> None:
    MembershipFactory(enterprise=enterprise, user=UserFactory(username="mona"))
    new = {"kind": "free_seats", "threshold": 10, "people": ["mona"], "roles": ["auditor"]}
    response = admin.send("POST", "/alerts", new)
    assert response.status_code == 201
    made = response.json()
    assert (made["unit"], made["people"], made["repeat_days"]) == ("number", ["mona"], 7)
    path = f"/alerts/{made['id']}"
    changed = admin.send("PATCH", path, {"threshold": 5, "unit": "percent"}).json()
    assert (changed["threshold"], changed["unit"], changed["people"]) == (5, "percent", ["mona"])
    assert admin.send("DELETE", path).status_code == 204
    assert admin.read("/alerts")["items"] == []


def test_what_is_beyond_is_told(reader: V1, enterprise: Enterprise) -> None:
    SnapshotFactory(enterprise=enterprise, persons=90, github_total=95, github_purchased=100)
    rule = rule_of(enterprise, "free_seats", 10)
    alerts_check(enterprise_id=enterprise.pk)
    (beyond,) = reader.read(f"/alerts/{rule.pk}")["beyond"]
    assert "GitHub counts 95 of 100" in beyond["text"]


def test_a_missing_threshold_names_its_field(admin: V1, enterprise: Enterprise) -> None:
    response = admin.send("POST", "/alerts", {"kind": "token_expiry"})
    assert problem(response) == (422, "threshold_needed")
    assert response.json()["field"] == "threshold"


def test_a_test_and_what_could_not_be_told(admin: V1, enterprise: Enterprise) -> None:
    rule = rule_of(enterprise, "sync")
    assert problem(admin.send("POST", f"/alerts/{rule.pk}/test")) == (409, "alert_without_receiver")
    MembershipFactory(enterprise=enterprise, user=UserFactory(username="mona"))
    assert len(admin.send("POST", f"/alerts/{rule.pk}/test").json()["deliveries"]) == 1
    Delivery.objects.update(
        state=DeliveryState.FAILED, finished_at=ago(hours=1), error_code="person_without_email"
    )
    (failure,) = admin.read("/alert-failures")["items"]
    assert (failure["person"], failure["webhook"]) == ("mona", None)
    assert admin.send("POST", f"/alert-failures/{failure['id']}/redeliver").status_code == 204
    assert admin.read("/alert-failures")["items"] == []


def test_the_digest_is_read_and_set(admin: V1, enterprise: Enterprise) -> None:
    assert admin.read("/digest")["rhythm"] == "off"
    change = {"rhythm": "weekly", "weekday": 2, "time": "07:30:00", "roles": ["owner"]}
    changed = admin.send("PATCH", "/digest", change).json()
    assert (changed["weekday"], changed["roles"]) == (2, ["owner"])
    assert changed["next_at"] is not None
    assert problem(admin.send("PATCH", "/digest", {"month_day": 31})) == (422, "out_of_range")
    assert admin.send("PATCH", "/digest", {"time": "07:30:00+01:00"}).status_code == 422
