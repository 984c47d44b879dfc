"""Seats that could be freed, who is exempt, and plans with what became of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import orjson
from django.db.models import Count, Q, QuerySet

from enterprise.emails import mask, mask_text
from enterprise.models import (
    Enterprise,
    PersonVersion,
    ReclaimCandidate,
    ReclaimExemption,
    ReclaimPlan,
    ReclaimSearch,
    ReclaimSeat,
    SeatState,
    ServerInstance,
    ServerUserAccount,
)
from enterprise.selectors.persons import mask_key
from enterprise.selectors.walks import ReplacedError, walk, walk_of_one_count
from enterprise.services.reclaim import ORDER, candidates_free, last_keys

WHICH = ("free", "exempt", "all")


class Exemption(NamedTuple):
    reason: str
    until: dt.date
    decided_by: str


class CandidateLine(NamedTuple):
    number: int
    key: str
    accounts: list[str]
    last_active: str
    exemption: Exemption | None


class SeatTotals(NamedTuple):
    """What became of a plan's seats; ``seats`` is how many it has."""

    seats: int
    planned: int
    not_done: int
    freed: int
    not_freed: int

    @property
    def open(self) -> int:
        """Seats that are still to be freed."""
        return self.planned + self.not_done


class PlanLine(NamedTuple):
    plan: ReclaimPlan
    made_by: str
    totals: SeatTotals


class AccountLine(NamedTuple):
    account: str
    email: str
    login: str


class SeatLine(NamedTuple):
    """A person of a plan: their accounts, each with its e-mail and login where one is kept."""

    seat: ReclaimSeat
    key: str
    accounts: list[AccountLine]


def reclaim_search_get(enterprise: Enterprise) -> ReclaimSearch | None:
    return ReclaimSearch.objects.filter(enterprise=enterprise).first()


def hosts_without_activity(enterprise: Enterprise) -> list[str]:
    """Instances whose last activity the owner has not let this console keep."""
    instances = ServerInstance.objects.filter(enterprise=enterprise, keep_logins=False)
    return list(instances.order_by("host_name").values_list("host_name", flat=True))


def candidates_page(
    enterprise: Enterprise, *, which: str, after: int = 0, limit: int, masked: bool
) -> tuple[list[CandidateLine], int | None]:
    """Candidates after the person ``after``, and the number to go on from, None at the end.

    Raises ReplacedError if that person is no candidate any more.
    """
    rows = _candidates(enterprise, which)
    if after:
        mark = ReclaimCandidate.objects.filter(enterprise=enterprise, number=after).first()
        if mark is None:
            raise ReplacedError
        rows = rows.filter(
            Q(unknown__gt=mark.unknown)
            | Q(unknown=mark.unknown, last_active__gt=mark.last_active)
            | Q(unknown=mark.unknown, last_active=mark.last_active, number__gt=mark.number)
        )
    page = list(rows[: limit + 1])
    following = page[limit - 1].number if len(page) > limit else None
    return _lines(enterprise, page[:limit], masked=masked), following


def _candidates(enterprise: Enterprise, which: str) -> QuerySet[ReclaimCandidate]:
    if which == "free":
        return candidates_free(enterprise)
    rows = ReclaimCandidate.objects.filter(enterprise=enterprise).order_by(*ORDER)
    if which == "exempt":
        rows = rows.filter(number__in=_exempt_now(enterprise).values("number"))
    return rows


def _exempt_now(enterprise: Enterprise) -> QuerySet[ReclaimExemption]:
    return ReclaimExemption.objects.filter(enterprise=enterprise, until__gte=enterprise.today)


def candidates_walk(enterprise: Enterprise, *, which: str, masked: bool) -> Iterator[CandidateLine]:
    """Every candidate of one count; see ``walks``."""
    page = partial(candidates_page, enterprise, which=which, limit=500, masked=masked)
    return walk_of_one_count(enterprise, "insights_version", page)


def _lines(
    enterprise: Enterprise, rows: list[ReclaimCandidate], *, masked: bool
) -> list[CandidateLine]:
    numbers = [row.number for row in rows]
    keys = dict(
        PersonVersion.objects.filter(
            enterprise=enterprise, to_snapshot=None, number__in=numbers
        ).values_list("number", "key")
    )
    hide = mask_text if masked else str
    exempt = {
        each.number: Exemption(hide(each.reason), each.until, hide(each.decided_by))
        for each in _exempt_now(enterprise).filter(number__in=numbers)
    }
    return [
        CandidateLine(
            row.number,
            mask_key(keys.get(row.number, "")) if masked else keys.get(row.number, ""),
            orjson.loads(row.accounts),
            row.last_active,
            exempt.get(row.number),
        )
        for row in rows
    ]


def candidates_count(enterprise: Enterprise) -> int:
    """How many could be planned now."""
    return candidates_free(enterprise).count()


def candidate_get(enterprise: Enterprise, number: int, *, masked: bool) -> CandidateLine | None:
    rows = list(ReclaimCandidate.objects.filter(enterprise=enterprise, number=number))
    return next(iter(_lines(enterprise, rows, masked=masked)), None)


# --- Plans ---------------------------------------------------------------------------------------

_TOTALS = {
    "seats_all": Count("seats"),
    **{state.value: Count("seats", filter=Q(seats__state=state)) for state in SeatState},
}


def plans_page(
    enterprise: Enterprise, *, before: int | None = None, limit: int = 20, masked: bool
) -> tuple[list[PlanLine], int | None]:
    """Newest first, before the one with that id; and the id to go on from, None at the end."""
    plans = ReclaimPlan.objects.filter(enterprise=enterprise)
    if before is not None:
        plans = plans.filter(pk__lt=before)
    page = list(plans.annotate(**_TOTALS).order_by("-pk")[: limit + 1])
    following = page[limit - 1].pk if len(page) > limit else None
    return [_plan_line(plan, masked=masked) for plan in page[:limit]], following


def plan_get(enterprise: Enterprise, pk: int, *, masked: bool) -> PlanLine | None:
    plan = ReclaimPlan.objects.filter(enterprise=enterprise, pk=pk).annotate(**_TOTALS).first()
    if plan is None:
        return None
    plan.enterprise = enterprise
    return _plan_line(plan, masked=masked)


def _plan_line(plan: ReclaimPlan, *, masked: bool) -> PlanLine:
    counts = [getattr(plan, name) for name in _TOTALS]
    return PlanLine(plan, mask_text(plan.made_by) if masked else plan.made_by, SeatTotals(*counts))


def seats_page(
    plan: ReclaimPlan, *, after: int = 0, limit: int, masked: bool
) -> tuple[list[SeatLine], int | None]:
    """Seats of a plan after the one with id ``after``, and the id to go on from."""
    page = list(plan.seats.filter(pk__gt=after).order_by("pk")[: limit + 1])
    following = page[limit - 1].pk if len(page) > limit else None
    seats = page[:limit]
    keys = last_keys(plan.enterprise_id, [seat.number for seat in seats])
    facts = _facts(plan.enterprise_id, [a for seat in seats for a in orjson.loads(seat.accounts)])
    return [
        SeatLine(
            seat,
            mask_key(keys.get(seat.number, "")) if masked else keys.get(seat.number, ""),
            [
                AccountLine(
                    account,
                    mask(facts[account][0]) if masked else facts[account][0],
                    facts[account][1],
                )
                for account in orjson.loads(seat.accounts)
            ],
        )
        for seat in seats
    ], following


def _facts(enterprise_id: int, accounts: list[str]) -> dict[str, tuple[str, str]]:
    """E-mail and login of accounts as they are now; ``""`` of one that is gone."""
    instances = {
        instance.host_name: instance.pk
        for instance in ServerInstance.objects.filter(enterprise_id=enterprise_id)
    }
    found = dict.fromkeys(accounts, ("", ""))
    wanted = Q()
    by_place: dict[tuple[int, int], str] = {}
    for host, pk in instances.items():
        prefix = f"{host}:"
        ids = {int(a.removeprefix(prefix)): a for a in accounts if a.startswith(prefix)}
        by_place |= {(pk, user_id): account for user_id, account in ids.items()}
        if ids:
            wanted |= Q(instance_id=pk, user_id__in=list(ids))
    if wanted:
        rows = ServerUserAccount.objects.filter(wanted)
        for instance_id, user_id, email, login in rows.values_list(
            "instance_id", "user_id", "email", "login"
        ):
            found[by_place[instance_id, user_id]] = (email, login)
    return found


def seats_walk(plan: ReclaimPlan, *, masked: bool) -> Iterator[SeatLine]:
    return walk(partial(seats_page, plan, limit=300, masked=masked))
