"""Seats that could be freed, found after each recount, and what became of the planned ones."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from django.db.models import QuerySet
from django.utils import timezone

from enterprise.counting.reclaim import Idle, Reclaimable, reclaimable
from enterprise.models import (
    Enterprise,
    ReclaimCandidate,
    ReclaimExemption,
    ReclaimPlan,
    ReclaimSearch,
    ReclaimSeat,
    SeatState,
    ServerInstance,
)
from enterprise.services.bulk import bulk_execute, bulk_insert, bulk_read, bulk_read_in

_MEMBERSHIPS = (
    "SELECT number, account FROM enterprise_membershipversion"
    " WHERE enterprise_id = %s AND to_snapshot IS NULL"
)
_CLOUDS = (
    "SELECT number FROM enterprise_personversion"
    " WHERE enterprise_id = %s AND to_snapshot IS NULL AND cloud_key <> ''"
)
_IDLE = (
    "SELECT user_id, dormant, last_active FROM enterprise_serveruseraccount"
    " WHERE instance_id = %s AND consumes = %s AND (dormant = %s OR never_signed_in = %s)"
)
ORDER = ("unknown", "last_active", "number")
LONGEST = 40  # characters of a last activity


def reclaim_search(*, enterprise: Enterprise) -> Reclaimable:
    """Look for persons all of whose accounts are idle, in the ledger as it is now. Writes nothing."""
    idle = dict(_idle(enterprise))
    clouds = {number for (number,) in bulk_read(_CLOUDS, [enterprise.pk])}
    memberships = (row for row in bulk_read(_MEMBERSHIPS, [enterprise.pk]))
    return reclaimable(((number, account) for number, account in memberships), clouds, idle)


def _idle(enterprise: Enterprise) -> Iterator[tuple[str, Idle]]:
    for instance in ServerInstance.objects.filter(enterprise=enterprise):
        for user_id, dormant, last_active in bulk_read(_IDLE, [instance.pk, True, True, True]):
            yield f"{instance.host_name}:{user_id}", Idle(bool(dormant), last_active[:LONGEST])


def reclaim_record(*, enterprise: Enterprise, found: Reclaimable) -> None:
    """Keep what was found, and check the open plans. Inside the caller's transaction."""
    now = timezone.now()
    ReclaimCandidate.objects.filter(enterprise=enterprise).delete()
    bulk_insert(
        ReclaimCandidate,
        ("enterprise", "number", "accounts", "last_active", "unknown"),
        (
            (
                enterprise.pk,
                each.number,
                _json(each.accounts),
                each.last_active,
                not each.last_active,
            )
            for each in found.candidates
        ),
    )
    ReclaimSearch.objects.update_or_create(
        enterprise=enterprise,
        defaults={
            "searched_at": now,
            "candidates": len(found.candidates),
            "dormant_accounts": found.dormant_accounts,
            "in_cloud": found.in_cloud,
            "active_elsewhere": found.active_elsewhere,
        },
    )
    # What somebody wrote about a person is not kept longer than it means anything.
    ReclaimExemption.objects.filter(enterprise=enterprise, until__lt=enterprise.today).delete()
    for plan in ReclaimPlan.objects.filter(enterprise=enterprise, ended_at=None):
        _check(plan, now)


def _json(accounts: tuple[str, ...]) -> str:
    return orjson.dumps(accounts).decode()


def _check(plan: ReclaimPlan, now: dt.datetime) -> None:
    """What became of a plan's seats: by what consumes now, and what was synced since it was made."""
    seats = [(seat, orjson.loads(seat.accounts)) for seat in ReclaimSeat.objects.filter(plan=plan)]
    consuming = _consuming(plan.enterprise_id, {a for _, accounts in seats for a in accounts})
    numbers = _counting(plan.enterprise_id, "number", {seat.number for seat, _ in seats})
    key_of = last_keys(plan.enterprise_id, [seat.number for seat, _ in seats])
    keys = _counting(plan.enterprise_id, "key", set(key_of.values()))
    synced = set(
        ServerInstance.objects.filter(
            enterprise_id=plan.enterprise_id, applied_as_of__gt=plan.made_at
        ).values_list("host_name", flat=True)
    )
    by_state: dict[str, list[int]] = defaultdict(list)
    for seat, accounts in seats:
        left = [account for account in accounts if account in consuming]
        if not left:
            # A person whose accounts have all changed may be another number, but has the same key.
            counts = seat.number in numbers or key_of.get(seat.number) in keys
            state = SeatState.NOT_FREED if counts else SeatState.FREED
        elif all(account.rpartition(":")[0] in synced for account in left):
            state = SeatState.NOT_DONE
        else:
            state = SeatState.PLANNED
        if state != seat.state:
            by_state[state.value].append(seat.pk)
    for state_now, ids in by_state.items():
        bulk_execute(
            "UPDATE enterprise_reclaimseat SET state = %s WHERE id = %s",
            ((state_now, pk) for pk in ids),
        )
    ReclaimPlan.objects.filter(pk=plan.pk).update(checked_at=now)


def _consuming(enterprise_id: int, accounts: set[str]) -> set[str]:
    rows = bulk_read_in(
        "SELECT account FROM enterprise_membershipversion"
        " WHERE enterprise_id = %s AND to_snapshot IS NULL AND account IN",
        [enterprise_id],
        accounts,
    )
    return {account for (account,) in rows}


def _counting(enterprise_id: int, column: str, values: set[Any]) -> set[Any]:
    """Which of these numbers or keys are of a person who counts now."""
    rows = bulk_read_in(
        f"SELECT {column} FROM enterprise_personversion"  # noqa: S608 - a name, no input
        f" WHERE enterprise_id = %s AND to_snapshot IS NULL AND {column} IN",
        [enterprise_id],
        values,
    )
    return {value for (value,) in rows}


def last_keys(enterprise_id: int, numbers: Iterable[int]) -> dict[int, str]:
    """The key that each of these persons has, or had last."""
    rows = bulk_read_in(
        "SELECT number, from_snapshot, key FROM enterprise_personversion"
        " WHERE enterprise_id = %s AND number IN",
        [enterprise_id],
        numbers,
    )
    return {number: key for number, _, key in sorted(rows)}


def candidates_free(enterprise: Enterprise) -> QuerySet[ReclaimCandidate]:
    """Those who are neither exempt now nor in an open plan, longest not active first.

    Whose last activity is not known comes last.
    """
    exempt = ReclaimExemption.objects.filter(enterprise=enterprise, until__gte=enterprise.today)
    planned = ReclaimSeat.objects.filter(enterprise=enterprise, open=True)
    return (
        ReclaimCandidate.objects.filter(enterprise=enterprise)
        .exclude(number__in=exempt.values("number"))
        .exclude(number__in=planned.values("number"))
        .order_by(*ORDER)
    )


def last_activity_known(*, enterprise: Enterprise) -> int:
    """Of how many persons candidates and plans know it."""
    known = (
        model.objects.filter(enterprise=enterprise).exclude(last_active="").values("number")
        for model in (ReclaimCandidate, ReclaimSeat)
    )
    return next(known).union(next(known)).count()


def last_activity_forget(*, enterprise: Enterprise) -> None:
    """Erase what candidates and plans know of it, where an instance's is not kept any more."""
    ReclaimCandidate.objects.filter(enterprise=enterprise).update(last_active="", unknown=True)
    ReclaimSeat.objects.filter(enterprise=enterprise).update(last_active="")
