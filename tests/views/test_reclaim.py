"""The reclaim planner's pages: who, exemptions, plans, and files."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enterprise.models import Enterprise, ReclaimPlan, ReclaimSeat, ServerInstance, Snapshot
from tests.reports.ledger import member
from tests.views.counted import account, count, table, text_of

PAGE = "/enterprises/acme/insights/reclaim"
pytestmark = pytest.mark.django_db


@pytest.fixture
def snapshot(acme: Enterprise, read_instance: ServerInstance) -> Snapshot:
    account(read_instance, 1, "ada@acme.example", dormant=True, last_active="2026-03-01")
    account(read_instance, 2, "ben@acme.example", dormant=True)
    account(read_instance, 3, "carla@acme.example")
    return count(acme, [member("mona")])


def number_of(owner: Client, key: str) -> str:
    html = owner.get(PAGE).content.decode()
    return html.split(f">{key}</a>")[0].rsplit("/", 1)[1].rstrip('"')


def test_before_the_first_count_the_page_says_so(owner: Client) -> None:
    assert "Nothing looked into yet" in text_of(owner.get(PAGE))


def test_the_page_lists_who_holds_a_seat_and_says_that_it_suspends_nobody(
    owner: Client, snapshot: Snapshot
) -> None:
    text = text_of(owner.get(PAGE))
    assert text.index("ada@acme.example March 1, 2026") < text.index("ben@acme.example not known")
    assert "carla" not in text
    assert "it never suspends anybody" in text
    assert "Last activity is not kept for ghes1.example.com" in text


def test_from_a_candidate_that_is_gone_the_page_begins_anew(
    owner: Client, snapshot: Snapshot
) -> None:
    page = owner.get(f"{PAGE}?after=999")
    assert "ada@acme.example" in text_of(page)
    assert page.context["first_url"] is None


def test_a_plan_is_made_shown_downloaded_and_ended(owner: Client, snapshot: Snapshot) -> None:
    made = owner.post(PAGE, {"seats": "1"}, follow=True)
    assert "Plan to free 1 license" in text_of(made)
    assert "ada@acme.example ghes1.example.com:1 March 1, 2026 Planned" in text_of(made)
    plan = ReclaimPlan.objects.get()
    head, row = table(owner.get(f"{PAGE}/plans/{plan.pk}.csv"))
    assert dict(zip(head, row, strict=True))["Action"] == "suspend"
    assert "ada@acme.example" not in text_of(owner.get(PAGE)).split("Dormant persons")[-1]
    assert "Ended on" in text_of(owner.post(f"{PAGE}/plans/{plan.pk}/end", follow=True))
    again = owner.post(f"{PAGE}/plans/{plan.pk}/end", follow=True)
    assert f"Plan {plan.pk} has ended already." in text_of(again)


@pytest.mark.parametrize("seats", ["", "0", "-3", "x", "9" * 30])
def test_a_plan_for_no_number_is_refused_beside_the_field(
    owner: Client, snapshot: Snapshot, seats: str
) -> None:
    assert owner.post(PAGE, {"seats": seats}).status_code == 422
    assert not ReclaimSeat.objects.exists()


def test_an_exemption_is_set_shown_and_taken_back(owner: Client, snapshot: Snapshot) -> None:
    path = f"{PAGE}/persons/{number_of(owner, 'ada@acme.example')}"
    until = timezone.localdate() + dt.timedelta(days=30)
    assert owner.post(path, {"reason": "x", "until": "yesterday"}).status_code == 422
    assert owner.post(path, {"reason": "x", "until": "2020-01-01"}).status_code == 422
    owner.post(path, {"reason": "on leave", "until": until.isoformat()})
    assert "mona: on leave" in text_of(owner.get(f"{PAGE}?which=exempt"))
    assert "ada@acme.example" not in text_of(owner.get(PAGE))
    owner.post(path, {"end": "1"})
    assert "ada@acme.example" in text_of(owner.get(PAGE))


@pytest.mark.parametrize("who", ["auditor", "billing_manager"])
def test_who_may_not_change_plans_nothing(
    who: str, request: pytest.FixtureRequest, snapshot: Snapshot
) -> None:
    client = request.getfixturevalue(who)
    assert "Make a plan" not in text_of(client.get(PAGE))
    assert client.post(PAGE, {"seats": "1"}).status_code == 404
    assert not ReclaimPlan.objects.exists()


def test_an_auditor_sees_no_address_on_page_or_in_file(
    owner: Client, auditor: Client, snapshot: Snapshot
) -> None:
    path = f"{PAGE}/persons/{number_of(owner, 'ben@acme.example')}"
    until = timezone.localdate() + dt.timedelta(days=30)
    owner.post(path, {"reason": "ask ben@acme.example", "until": until.isoformat()})
    owner.post(PAGE, {"seats": "1"})
    plan = ReclaimPlan.objects.get()
    pages = [PAGE, f"{PAGE}?which=all", path, f"{PAGE}/plans/{plan.pk}"]
    files = [f"{PAGE}.csv?which=all", f"{PAGE}/plans/{plan.pk}.csv"]
    texts = [auditor.get(page).content.decode() for page in pages]
    texts += [b"".join(auditor.get(file).streaming_content).decode() for file in files]  # type: ignore[attr-defined]
    for text in texts:
        assert "ada@" not in text
        assert "ben@" not in text
    assert "a•••@acme.example" in texts[-1]


def test_a_stranger_gets_nothing(stranger: Client, owner: Client, snapshot: Snapshot) -> None:
    owner.post(PAGE, {"seats": "1"})
    plan = ReclaimPlan.objects.get()
    for path in (PAGE, f"{PAGE}.csv", f"{PAGE}/plans/{plan.pk}", f"{PAGE}/plans/{plan.pk}.csv"):
        assert stranger.get(path).status_code == 404
    assert owner.get(f"{PAGE}/plans/999999").status_code == 404


def test_pages_ask_no_more_queries_for_more_persons(
    owner: Client, acme: Enterprise, read_instance: ServerInstance, snapshot: Snapshot
) -> None:
    owner.post(PAGE, {"seats": "1"})
    first = ReclaimPlan.objects.get()

    def queries(plan: ReclaimPlan) -> tuple[int, ...]:
        found = []
        for path in (f"{PAGE}?which=all", f"{PAGE}/plans/{plan.pk}"):
            with CaptureQueriesContext(connection) as captured:
                assert owner.get(path).status_code == 200
            found.append(len(captured))
        return tuple(found)

    few = queries(first)
    for n in range(20):
        account(read_instance, 100 + n, f"idle{n}@acme.example", dormant=True)
    count(acme, [member("mona")])
    owner.post(PAGE, {"seats": "20"})
    assert queries(ReclaimPlan.objects.latest("pk")) == few
