"""Alerts by API."""

from __future__ import annotations

import csv
import io
import json

import pytest

from enterprise.models import (
    AlertRule,
    AlertState,
    AuditEvent,
    Delivery,
    DeliveryState,
    Enterprise,
)
from enterprise.reports.alerts import ALERT_HISTORY_HEAD
from enterprise.selectors.alerts import states_walk
from enterprise.services.alert_checks import alerts_check
from tests.alerts.conftest import rule_of
from tests.api.conftest import links
from tests.api.v1.conftest import V1, problem
from tests.factories import (
    EnterpriseFactory,
    MembershipFactory,
    SnapshotFactory,
    UserFactory,
    ago,
)

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


def test_the_digest_is_sent_to_whom_one_names(admin: V1, enterprise: Enterprise) -> None:
    mona = MembershipFactory(enterprise=enterprise, user=UserFactory(username="mona")).user
    MembershipFactory(enterprise=enterprise, user=UserFactory(username="hubot"))
    assert problem(admin.send("POST", "/digest/send", {"people": ["mona"]})) == (
        409,
        "digest_not_counted",
    )
    SnapshotFactory(enterprise=enterprise)
    assert problem(admin.send("POST", "/digest/send", {"people": ["nobody"]})) == (
        422,
        "no_such_member",
    )
    assert admin.send("POST", "/digest/send", {"people": []}).status_code == 422
    (guid,) = admin.send("POST", "/digest/send", {"people": ["Mona"]}).json()["deliveries"]
    delivery = Delivery.objects.get()
    assert (str(delivery.guid), delivery.user, delivery.event.kind) == (guid, mona, "digest")
    event = AuditEvent.objects.get(action="digest.send")
    assert (event.actor, event.after) == ("admin", {"people": 1})


def test_a_digest_that_could_not_be_delivered_is_told_and_sent_again(
    admin: V1, enterprise: Enterprise
) -> None:
    MembershipFactory(enterprise=enterprise, user=UserFactory(username="mona"))
    SnapshotFactory(enterprise=enterprise)
    admin.send("POST", "/digest/send", {"people": ["mona"]})
    assert admin.read("/digest/failures")["items"] == []
    Delivery.objects.update(
        state=DeliveryState.FAILED, finished_at=ago(hours=1), error_code="person_without_email"
    )
    (failure,) = admin.read("/digest/failures")["items"]
    assert (failure["person"], failure["error_code"]) == ("mona", "person_without_email")
    assert admin.read("/alert-failures")["items"] == []
    other = f"/alert-failures/{failure['id']}/redeliver"
    assert problem(admin.send("POST", other)) == (404, "not_found")
    path = f"/digest/failures/{failure['id']}/redeliver"
    assert admin.send("POST", path).status_code == 204
    assert Delivery.objects.get().state == DeliveryState.QUEUED


# --- The history ---------------------------------------------------------------------------------


@pytest.fixture
def history(enterprise: Enterprise) -> list[AlertState]:
    """One that is over, and one that goes on, of a host that a spreadsheet would run."""
    rule = rule_of(enterprise, "sync")
    host = {"host": "=ghes1.example.com", "state": "failing"}
    made = [
        AlertState.objects.create(
            rule=rule,
            subject="=ghes1.example.com",
            params=host,
            since=ago(days=9 - n),
            last_sent_at=ago(days=5 - n),
            over_at=over_at,
        )
        for n, over_at in enumerate([ago(days=2), None])
    ]
    foreign = AlertRule.objects.create(enterprise=EnterpriseFactory(), kind="sync")
    AlertState.objects.create(rule=foreign, subject="x", since=ago(), last_sent_at=ago())
    return made


def test_what_was_beyond_is_listed_newest_first(reader: V1, history: list[AlertState]) -> None:
    newest, over = reader.read("/alert-history")["items"]
    assert (newest["id"], newest["over_at"]) == (history[1].pk, None)
    assert over["over_at"] is not None
    assert over["text"] == "This console's last sync of =ghes1.example.com failed."
    assert reader.read("/alert-history", alert=history[0].rule_id)["items"] == [newest, over]
    assert reader.read("/alert-history", alert=history[0].rule_id + 99)["items"] == []
    assert reader.read("/alert-history", before=newest["id"])["items"] == [over]


def test_the_history_goes_on_by_link(
    reader: V1, history: list[AlertState], monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = history[0].rule
    for n in range(60):
        AlertState.objects.create(rule=rule, subject=str(n), since=ago(), last_sent_at=ago())
    AlertState.objects.update(params={"host": "h", "state": "held"})
    found: list[int] = []
    address = f"{reader.start}/alert-history"
    while address:
        response = reader.get(address)
        found += [each["id"] for each in response.json()["items"]]
        address = links(response).get("next", "")
    assert found == sorted(found, reverse=True)
    assert len(found) == 62
    monkeypatch.setattr("enterprise.selectors.alerts.WALK", 7)
    assert len(list(states_walk(rule.enterprise))) == 62


def test_the_history_is_a_file_that_is_safe(reader: V1, history: list[AlertState]) -> None:
    response = reader.get(f"{reader.start}/alert-history.csv")
    text = b"".join(response.streaming_content).decode()
    head, newest, over = csv.reader(io.StringIO(text))
    assert head == [*ALERT_HISTORY_HEAD]
    assert newest[5] == "'=ghes1.example.com"
    marked = reader.get(f"{reader.start}/alert-history.csv?bom=true")
    assert b"".join(marked.streaming_content).decode() == "\ufeff" + text
    assert (newest[8] == "", over[8] == "") == (True, False)
    assert json.loads(newest[9])["state"] == "failing"
    response = reader.get(f"{reader.start}/alert-history.jsonl")
    lines = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert [line["subject"] for line in lines] == ["=ghes1.example.com"] * 2
    targets = AuditEvent.objects.filter(action="report.download").values_list("target", flat=True)
    assert set(targets) == {"alert-history.csv", "alert-history.jsonl"}
