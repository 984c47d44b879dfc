"""Snapshots in time, and what changed between two of them: a query, not a table."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Q

from enterprise.models import Enterprise, MembershipVersion, PersonVersion, Snapshot
from enterprise.selectors.licenses import valid_as_of

PAGE = 52


def snapshots_page(
    enterprise: Enterprise, *, before: int | None = None
) -> tuple[list[Snapshot], int | None]:
    """The newest snapshots older than ``before``, and the id to go on from, None at the end."""
    found = Snapshot.objects.filter(enterprise=enterprise).defer("anchors").order_by("-pk")
    if before is not None:
        found = found.filter(pk__lt=before)
    page = list(found[: PAGE + 1])
    return page[:PAGE], page[PAGE - 1].pk if len(page) > PAGE else None


def high_water(enterprise: Enterprise) -> Snapshot | None:
    """The snapshot with the most persons, the first of them if several have as many."""
    snapshots = Snapshot.objects.filter(enterprise=enterprise).defer("anchors")
    return snapshots.order_by("-persons", "pk").first()


class Changes(NamedTuple):
    """Person numbers by what happened to them from one snapshot to a later one, each in order.

    ``joined`` and ``left`` have no account in common with anybody before or after. ``matched`` are
    persons that took in accounts of others, ``split`` those that accounts came away from into a
    person of their own; ``changed`` are the rest whose row differs.
    """

    joined: list[int]
    left: list[int]
    matched: list[int]
    split: list[int]
    changed: list[int]


def changes_between(older: Snapshot, newer: Snapshot) -> Changes:
    """What changed from ``older`` to ``newer``; reads only versions that opened or closed between."""
    if older.pk > newer.pk:
        older, newer = newer, older
    before = _persons(older, newer, as_of=older)
    after = _persons(older, newer, as_of=newer)
    was = _accounts(older, newer, as_of=older)
    now = _accounts(older, newer, as_of=newer)
    joined = after.keys() - before.keys()
    left = before.keys() - after.keys()
    matched: set[int] = set()
    split: set[int] = set()
    for account in was.keys() & now.keys():
        old, new = was[account], now[account]
        if old == new:
            continue
        if new in joined:
            split.add(new)
        else:
            matched.add(new)
            left.discard(old)
    joined -= split
    changed = {
        number
        for number in before.keys() & after.keys()
        if before[number] != after[number] and number not in matched
    }
    return Changes(*map(sorted, (joined, left, matched, split, changed)))


def _touched(older: Snapshot, newer: Snapshot) -> Q:
    """Versions that opened or closed after ``older`` and not after ``newer``."""
    return Q(from_snapshot__gt=older.pk, from_snapshot__lte=newer.pk) | Q(
        to_snapshot__gt=older.pk, to_snapshot__lte=newer.pk
    )


def _persons(older: Snapshot, newer: Snapshot, *, as_of: Snapshot) -> dict[int, int]:
    versions = PersonVersion.objects.filter(
        _touched(older, newer), valid_as_of(as_of), enterprise_id=older.enterprise_id
    )
    return dict(versions.values_list("number", "digest"))


def _accounts(older: Snapshot, newer: Snapshot, *, as_of: Snapshot) -> dict[str, int]:
    versions = MembershipVersion.objects.filter(
        _touched(older, newer), valid_as_of(as_of), enterprise_id=older.enterprise_id
    )
    return dict(versions.values_list("account", "number"))


def person_keys(numbers: list[int], *, as_of: Snapshot) -> dict[int, str]:
    """The key of each person as of a snapshot."""
    versions = PersonVersion.objects.filter(
        valid_as_of(as_of), enterprise_id=as_of.enterprise_id, number__in=numbers
    )
    return dict(versions.values_list("number", "key"))
