"""The reclaim planner by ``/api/v1``."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from enterprise.models import AuditEvent, Enterprise, ReclaimCandidate, ServerInstance
from tests.api.conftest import links
from tests.api.v1.conftest import V1, problem
from tests.views.counted import account, count

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _counted(enterprise: Enterprise, instance: ServerInstance) -> None:
    for n in range(3):
        account(instance, n, f"idle{n}@acme.example", dormant=True, last_active=f"2026-0{n + 1}-01")
    count(enterprise, [])


def test_who_could_be_reclaimed_comes_page_by_page_longest_not_active_first(reader: V1) -> None:
    first = reader.get(f"{reader.start}/reclaim?per_page=2")
    assert [each["key"] for each in first.json()["items"]] == [
        "idle0@acme.example",
        "idle1@acme.example",
    ]
    last = reader.get(links(first)["next"])
    assert (len(last.json()["items"]), last.json()["free"]) == (1, 3)


def test_a_walk_does_not_begin_anew_from_a_candidate_that_is_gone(reader: V1) -> None:
    second = links(reader.get(f"{reader.start}/reclaim?per_page=2"))["next"]
    ReclaimCandidate.objects.all().delete()
    assert problem(reader.get(second)) == (409, "list_moved")


def test_a_plan_is_made_read_and_ended(admin: V1) -> None:
    made = admin.send("POST", "/reclaim/plans", {"seats": 2})
    assert (made.status_code, made.json()["seats"]) == (201, 2)
    plan = made.json()["id"]
    (seat, _) = admin.read(f"/reclaim/plans/{plan}/seats")["items"]
    assert seat["accounts"][0]["email"] == "idle0@acme.example"
    assert admin.read("/reclaim/plans")["items"][0]["planned"] == 2
    assert admin.send("POST", f"/reclaim/plans/{plan}/end").json()["ended_at"]
    again = admin.send("POST", f"/reclaim/plans/{plan}/end")
    assert problem(again) == (409, "plan_ended")
    assert problem(admin.send("POST", "/reclaim/plans", {"seats": 0})) == (422, "out_of_range")


def test_an_exemption_is_set_and_taken_back(admin: V1) -> None:
    number = admin.read("/reclaim")["items"][0]["number"]
    until = (timezone.localdate() + dt.timedelta(days=9)).isoformat()
    path = f"/reclaim/persons/{number}/exemption"
    assert admin.send("PUT", path, {"reason": "on leave", "until": until}).status_code == 204
    (exempt,) = admin.read("/reclaim", which="exempt")["items"]
    assert exempt["exemption"] == {"reason": "on leave", "until": until, "decided_by": "admin"}
    assert admin.send("DELETE", path).status_code == 204
    assert admin.read("/reclaim", which="exempt")["items"] == []
    missing = admin.send("PUT", "/reclaim/persons/999/exemption", {"reason": "x", "until": until})
    assert missing.status_code == 404


def test_whether_logins_are_kept_is_a_setting_of_the_instance(admin: V1) -> None:
    changed = admin.send("PATCH", "/instances/ghes1.example.com", {"keep_logins": True})
    assert changed.json()["keep_logins"] is True


def test_each_walk_is_one_event(admin: V1) -> None:
    plan = admin.send("POST", "/reclaim/plans", {"seats": 1}).json()["id"]
    before = AuditEvent.objects.latest("pk").pk
    for path in ("reclaim", "duplicates", f"reclaim/plans/{plan}/seats"):
        admin.read(f"/{path}?per_page=2")
        admin.read(f"/{path}?per_page=3")
    events = AuditEvent.objects.filter(pk__gt=before, action="report.download")
    targets = sorted(events.values_list("target", flat=True))
    assert targets == ["duplicates", "reclaim", f"reclaim-plan-{plan}"]
