"""Seats to be freed over time: candidates, exemptions, plans, and what the next sync shows of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine
from django.db.models import F
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import (
    AuditEvent,
    Enterprise,
    ReclaimCandidate,
    ReclaimExemption,
    ReclaimPlan,
    ReclaimSearch,
    ReclaimSeat,
    RunChunk,
    ServerUserAccount,
)
from enterprise.reports.reclaim import plan_rows
from enterprise.selectors.duplicates import Wanted, duplicates_walk
from enterprise.selectors.reclaim import (
    candidates_count,
    candidates_page,
    candidates_walk,
    hosts_without_activity,
    plan_get,
)
from enterprise.selectors.walks import ReplacedError
from enterprise.services.audit import Actor
from enterprise.services.reclaim import last_keys
from enterprise.services.reclaim_plans import exemption_end, exemption_set, plan_end, plan_make
from enterprise.services.servers import instance_edit
from tests.factories import SyncRunFactory
from tests.services.applied import Applied
from tests.threads import together

pytestmark = pytest.mark.django_db

MONA = Actor("mona", "user")
FIRST, SECOND = "ghes1.example.com", "ghes2.example.com"


@pytest.fixture
def applied() -> Applied:
    """Ada is dormant on both instances; Ben on one, and active on the other; Carla in the cloud."""
    applied = Applied()
    applied.instance(SECOND)
    applied.member("carla", "carla@acme.example")
    for user_id, email in (
        (1, "ada@acme.example"),
        (2, "ben@acme.example"),
        (3, "carla@acme.example"),
    ):
        applied.account(user_id, email)
    applied.account(4, "ada@acme.example", host=SECOND)
    applied.account(5, "ben@acme.example", host=SECOND)
    applied.account(6, "dana@acme.example", host=SECOND)
    dormant(applied, 1, "2026-03-01")
    dormant(applied, 2, "2026-01-01")
    dormant(applied, 3, "2026-01-01")
    dormant(applied, 4, "2026-02-01")
    dormant(applied, 6, "")
    applied.recount()
    return applied


def dormant(applied: Applied, user_id: int, last_active: str) -> None:
    ServerUserAccount.objects.filter(
        instance__enterprise=applied.enterprise, user_id=user_id
    ).update(dormant=True, last_active=last_active)


def suspend(applied: Applied, user_id: int, email: str, host: str) -> None:
    """As a sync of that instance finds it."""
    applied.account(user_id, email, host=host, suspended=True)
    synced(applied, host)


def synced(applied: Applied, host: str) -> None:
    instance = applied.instances[host]
    instance.applied_as_of = timezone.now()
    instance.save()


def states(plan: ReclaimPlan) -> dict[str, str]:
    seats = dict(ReclaimSeat.objects.filter(plan=plan).values_list("number", "state"))
    keys = last_keys(plan.enterprise_id, seats)
    return {keys[number]: state for number, state in seats.items()}


def test_a_recount_finds_who_holds_a_seat_with_dormant_accounts_alone(applied: Applied) -> None:
    lines, _ = candidates_page(applied.enterprise, which="free", limit=9, masked=False)
    assert [(line.key, line.last_active) for line in lines] == [
        ("ada@acme.example", "2026-03-01"),
        ("dana@acme.example", ""),
    ]
    assert lines[0].accounts == [f"{FIRST}:1", f"{SECOND}:4"]
    search = ReclaimSearch.objects.get()
    assert (search.dormant_accounts, search.active_elsewhere, search.in_cloud) == (5, 1, 1)


def test_pages_go_on_where_they_ended(applied: Applied) -> None:
    (first,), after = candidates_page(applied.enterprise, which="all", limit=1, masked=False)
    assert after == first.number
    (second,), after = candidates_page(
        applied.enterprise, which="all", after=after or 0, limit=1, masked=True
    )
    assert (second.key, after) == ("d•••@acme.example", None)


def test_an_exemption_holds_until_its_day_and_no_longer(applied: Applied) -> None:
    ada = applied.persons()["ada@acme.example"]
    today = timezone.localdate()
    exemption_set(
        enterprise=applied.enterprise, number=ada, reason="on leave", until=today, actor=MONA
    )
    (line,), _ = candidates_page(applied.enterprise, which="exempt", limit=9, masked=False)
    assert line.exemption is not None
    assert (line.exemption.reason, line.exemption.decided_by) == ("on leave", "mona")
    assert candidates_count(applied.enterprise) == 1
    assert "leave" not in str(AuditEvent.objects.get(action="exemption.set").after)
    ReclaimExemption.objects.update(until=today - dt.timedelta(days=1))
    assert candidates_count(applied.enterprise) == 2
    exemption_set(
        enterprise=applied.enterprise, number=ada, reason="again", until=today, actor=MONA
    )
    exemption_end(enterprise=applied.enterprise, number=ada, actor=MONA)
    assert candidates_count(applied.enterprise) == 2


def test_an_exemption_holds_to_the_end_of_its_day_where_the_enterprise_is(
    applied: Applied,
) -> None:
    """Whoever looks, and from wherever: a worker has no zone, and a viewer their own."""
    Enterprise.objects.update(time_zone="America/Los_Angeles")
    applied.enterprise.refresh_from_db()
    ada = applied.persons()["ada@acme.example"]
    with time_machine.travel("2026-11-30T20:00:00Z", tick=False):
        until = dt.date(2026, 11, 30)
        exemption_set(
            enterprise=applied.enterprise, number=ada, reason="on leave", until=until, actor=MONA
        )
    with time_machine.travel("2026-12-01T07:59:00Z", tick=False):
        applied.account(50, "new@acme.example")
        applied.recount()
        assert ReclaimExemption.objects.exists()
        assert candidates_count(applied.enterprise) == 1
    with time_machine.travel("2026-12-01T08:01:00Z", tick=False):
        assert candidates_count(applied.enterprise) == 2


@pytest.mark.parametrize("walk", ["candidates", "duplicates"])
def test_a_file_is_broken_off_if_the_count_is_looked_into_anew_meanwhile(
    applied: Applied, walk: str
) -> None:
    enterprise = Enterprise.objects.get(pk=applied.enterprise.pk)
    lines: Iterator[object] = (
        candidates_walk(enterprise, which="all", masked=False)
        if walk == "candidates"
        else duplicates_walk(enterprise, Wanted(), masked=False)
    )
    if walk == "candidates":
        next(lines)
    Enterprise.objects.update(insights_version=F("insights_version") + 1)
    with pytest.raises(ReplacedError):
        list(lines)


@pytest.mark.parametrize(
    ("reason", "days", "code"),
    [
        (" ", 1, "exemption_reason_needed"),
        ("x" * 501, 1, "too_long"),
        ("x", -1, "exemption_bad_end"),
        ("x", 9999, "exemption_bad_end"),
    ],
)
def test_an_exemption_needs_a_reason_and_a_day_to_come(
    applied: Applied, reason: str, days: int, code: str
) -> None:
    until = timezone.localdate() + dt.timedelta(days=days)
    with pytest.raises(Refused) as refused:
        exemption_set(
            enterprise=applied.enterprise, number=1, reason=reason, until=until, actor=MONA
        )
    assert refused.value.code == code


def test_a_plan_takes_those_longest_not_active_and_nobody_twice(applied: Applied) -> None:
    first = plan_make(enterprise=applied.enterprise, seats=1, actor=MONA)
    assert states(first) == {"ada@acme.example": "planned"}
    second = plan_make(enterprise=applied.enterprise, seats=5, actor=MONA)
    assert states(second) == {"dana@acme.example": "planned"}
    with pytest.raises(Refused) as refused:
        plan_make(enterprise=applied.enterprise, seats=1, actor=MONA)
    assert refused.value.code == "nobody_to_reclaim"
    plan_end(plan=second, actor=MONA)
    assert candidates_count(applied.enterprise) == 1
    with pytest.raises(Refused):
        plan_end(plan=second, actor=MONA)


@pytest.mark.django_db(transaction=True)
def test_plans_at_the_same_moment_share_nobody() -> None:
    applied = Applied()
    for user_id in range(1, 13):
        applied.account(user_id, f"person{user_id}@acme.example")
        dormant(applied, user_id, f"2026-01-{user_id:02}")
    applied.recount()
    made = together(lambda: plan_make(enterprise=applied.enterprise, seats=5, actor=MONA), 4)
    plans = [each for each in made if isinstance(each, ReclaimPlan)]
    refused = [each.code for each in made if isinstance(each, Refused)]
    assert plans
    assert len(plans) + len(refused) == 4, made
    assert {*refused} <= {"plan_contended", "nobody_to_reclaim"}
    seats = list(ReclaimSeat.objects.values_list("plan", "number"))
    assert len({number for _plan, number in seats}) == len(seats)
    assert {plan for plan, _number in seats} == {plan.pk for plan in plans}
    assert AuditEvent.objects.filter(action="plan.make").count() == len(plans)


@pytest.mark.parametrize("seats", [0, -1, 10**9])
def test_a_plan_is_for_a_sensible_number_of_seats(applied: Applied, seats: int) -> None:
    with pytest.raises(Refused) as refused:
        plan_make(enterprise=applied.enterprise, seats=seats, actor=MONA)
    assert refused.value.code == "out_of_range"


def test_the_next_sync_shows_what_was_done_and_what_it_really_freed(applied: Applied) -> None:
    plan = plan_make(enterprise=applied.enterprise, seats=2, actor=MONA)
    suspend(applied, 1, "ada@acme.example", FIRST)
    applied.recount()
    # The other instance has not been synced since: that is not "not done" yet.
    assert set(states(plan).values()) == {"planned"}
    synced(applied, SECOND)
    applied.account(7, "new@acme.example")
    applied.recount()
    assert set(states(plan).values()) == {"not_done"}
    suspend(applied, 4, "ada@acme.example", SECOND)
    applied.recount()
    assert states(plan) == {"ada@acme.example": "freed", "dana@acme.example": "not_done"}
    line = plan_get(applied.enterprise, plan.pk, masked=False)
    assert line is not None
    assert line.totals == (2, 0, 1, 1, 0)
    assert line.plan.checked_at is not None


def test_a_seat_is_not_freed_if_the_person_counts_by_another_account_by_then(
    applied: Applied,
) -> None:
    plan = plan_make(enterprise=applied.enterprise, seats=9, actor=MONA)
    applied.account(9, "dana@acme.example")
    suspend(applied, 6, "dana@acme.example", SECOND)
    applied.recount()
    assert states(plan)["dana@acme.example"] == "not_freed"


def test_an_ended_plan_keeps_what_it_was(applied: Applied) -> None:
    plan = plan_make(enterprise=applied.enterprise, seats=9, actor=MONA)
    plan_end(plan=plan, actor=MONA)
    suspend(applied, 6, "dana@acme.example", SECOND)
    applied.recount()
    assert set(states(plan).values()) == {"planned"}


def test_the_file_says_what_to_do_on_which_instance(applied: Applied) -> None:
    plan = plan_make(enterprise=applied.enterprise, seats=1, actor=MONA)
    rows = list(plan_rows(plan, masked=False))
    assert [row[:6] for row in rows] == [
        [FIRST, "1", "", "ada@acme.example", "suspend", f"https://{FIRST}/stafftools/users"],
        [SECOND, "4", "", "ada@acme.example", "suspend", f"https://{SECOND}/stafftools/users"],
    ]
    assert [row[3] for row in plan_rows(plan, masked=True)] == ["a•••@acme.example"] * 2


# --- Logins and last activity --------------------------------------------------------------------


def test_switching_off_erases_logins_and_last_activity_wherever_they_are(applied: Applied) -> None:
    instance = applied.instances[FIRST]
    assert hosts_without_activity(applied.enterprise) == [FIRST, SECOND]
    instance_edit(instance=instance, actor=MONA, keep_logins=True)
    assert hosts_without_activity(applied.enterprise) == [SECOND]
    ServerUserAccount.objects.filter(instance=instance).update(login="ada")
    plan = plan_make(enterprise=applied.enterprise, seats=1, actor=MONA)
    held = SyncRunFactory(instance=instance, held=True)
    RunChunk.objects.create(run=held, number=1, payload=b"ada")
    instance_edit(instance=instance, actor=MONA, keep_logins=False)
    held.refresh_from_db()
    assert (held.state, held.error_code) == ("cancelled", "logins_not_kept")
    assert not RunChunk.objects.exists()
    assert not ServerUserAccount.objects.filter(instance=instance).exclude(login="").exists()
    assert not ServerUserAccount.objects.filter(instance=instance).exclude(last_active="").exists()
    assert not ReclaimCandidate.objects.exclude(last_active="").exists()
    assert not ReclaimSeat.objects.filter(plan=plan).exclude(last_active="").exists()
