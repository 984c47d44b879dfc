"""The ledger as readers see it: totals, pages, one person, as of any snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from enterprise.models import (
    BillingModel,
    CurrentPerson,
    Enterprise,
    PersonVersion,
    RunKind,
    Snapshot,
    SyncRun,
)
from enterprise.models.sync import ACTIVE
from enterprise.selectors.persons import PersonLine, person_line, valid_as_of
from enterprise.services.ledger import ANCHOR_EVERY, unpack_anchors

SORTS = {
    "key": ("key",),
    "-key": ("-key",),
    "accounts": ("accounts", "key"),
    "-accounts": ("-accounts", "-key"),
}


# --- Snapshots -----------------------------------------------------------------------------------


def snapshot_latest(enterprise: Enterprise) -> Snapshot | None:
    snapshot = Snapshot.objects.filter(enterprise=enterprise).order_by("-pk").first()
    return _of(enterprise, snapshot)


def snapshot_get(enterprise: Enterprise, snapshot_id: int) -> Snapshot | None:
    snapshot = Snapshot.objects.filter(enterprise=enterprise, pk=snapshot_id).first()
    return _of(enterprise, snapshot)


def _of(enterprise: Enterprise, snapshot: Snapshot | None) -> Snapshot | None:
    """The snapshot with its ``enterprise`` at hand."""
    if snapshot is not None:
        snapshot.enterprise = enterprise
    return snapshot


def recount_is_pending(enterprise: Enterprise) -> bool:
    """Whether the data is newer than the count, so that pages say "recount pending"."""
    return (
        enterprise.counted_version < enterprise.data_version
        or SyncRun.objects.filter(
            enterprise=enterprise, kind=RunKind.RECOUNT, state__in=ACTIVE
        ).exists()
    )


# --- Totals --------------------------------------------------------------------------------------


class Totals(NamedTuple):
    """The two totals, never mixed (section 3). GitHub's are None where it was not read.

    ``free`` has the basis ``free_basis``: "github" where GitHub's total is known, else "console".
    With metered billing nothing is purchased, so nothing is free either; GitHub's total is then
    who is billable this cycle (section 3, rule 10).
    """

    snapshot: Snapshot
    github_total: int | None
    github_purchased: int | None
    persons: int
    server_only: int
    free: int | None
    free_basis: str
    metered: bool
    by_license_type: dict[str, int]
    unread: dict[str, int]  # accounts that GHEC lists on instances not read here, by host


def totals_of(snapshot: Snapshot) -> Totals:
    basis = "github" if snapshot.github_total is not None else "console"
    used = snapshot.github_total if snapshot.github_total is not None else snapshot.persons
    metered = snapshot.enterprise.billing_model == BillingModel.METERED
    purchased = None if metered else snapshot.github_purchased
    return Totals(
        snapshot=snapshot,
        github_total=snapshot.github_total,
        github_purchased=purchased,
        persons=snapshot.persons,
        server_only=snapshot.totals.get("server_only_persons", 0),
        free=None if purchased is None else purchased - used,
        free_basis=basis,
        metered=metered,
        by_license_type=snapshot.totals.get("by_license_type", {}),
        unread=snapshot.totals.get("unread", {}),
    )


# --- Pages ---------------------------------------------------------------------------------------


def persons_page(
    snapshot: Snapshot, *, page: int, per_page: int, masked: bool = False
) -> list[PersonLine]:
    """Page ``page`` (from 1) in key order. It seeks its anchor, so all pages cost the same."""
    return [
        person_line(row, masked=masked)
        for row in report_rows(snapshot, page=page, per_page=per_page)
    ]


def report_rows(snapshot: Snapshot, *, page: int, per_page: int) -> list[tuple[Any, ...]]:
    """As ``persons_page``: (number, key, license_type, accounts, report as JSON text)."""
    start = (page - 1) * per_page
    if page < 1 or start >= snapshot.persons:
        return []
    anchor = unpack_anchors(snapshot.anchors)[start // ANCHOR_EVERY]
    skip = start % ANCHOR_EVERY
    rows = _versions(snapshot).filter(key__gte=anchor)[: skip + per_page]
    return list(rows)[skip:]


def report_walk(snapshot: Snapshot) -> Iterator[tuple[Any, ...]]:
    """Every row of a snapshot in key order, read in ranges of anchors: no long transaction."""
    anchors = unpack_anchors(snapshot.anchors)
    step = 10
    for first in range(0, len(anchors), step):
        rows = _versions(snapshot).filter(key__gte=anchors[first])
        if first + step < len(anchors):
            rows = rows.filter(key__lt=anchors[first + step])
        yield from list(rows)


def _versions(snapshot: Snapshot) -> QuerySet[PersonVersion, tuple[Any, ...]]:
    return (
        PersonVersion.objects.filter(valid_as_of(snapshot), enterprise_id=snapshot.enterprise_id)
        .order_by("key")
        .values_list("number", "key", "license_type", "accounts", "report")
    )


# --- Search --------------------------------------------------------------------------------------


class Found(NamedTuple):
    """One page of a search. ``previous`` and ``next`` are person numbers to go on from, or None."""

    lines: list[PersonLine]
    total: int
    previous: int | None
    next: int | None


def persons_search(
    enterprise: Enterprise,
    *,
    masked: bool,
    text: str = "",
    license_type: str = "",
    kind: str = "",
    host_name: str = "",
    ambiguous: bool = False,
    sort: str = "key",
    after: int | None = None,
    before: int | None = None,
    per_page: int = 50,
) -> Found:
    """Current persons by words, filters and sort, by keyset from the person numbered ``after``.

    A masked viewer's words are compared with logins and names only, and they may not sort by key,
    which may be an e-mail.
    """
    people = CurrentPerson.objects.filter(enterprise=enterprise)
    column = "public_words" if masked else "words"
    for word in text.lower().split():
        people = people.filter(**{f"{column}__contains": word})
    wanted = {"license_type": license_type, "kind": kind}
    people = people.filter(**{name: value for name, value in wanted.items() if value})
    if host_name:
        people = people.filter(public_words__contains=f"{host_name}:")
    if ambiguous:
        people = people.filter(ambiguous=True)
    order = SORTS.get(sort, SORTS["key"])
    total = people.count()
    backward = before is not None
    mark = CurrentPerson.objects.filter(enterprise=enterprise, number=before or after or 0).first()
    if mark is not None:
        people = people.filter(_beyond(order, mark, backward=backward))
    if backward:
        order = tuple(_reversed(name) for name in order)
    numbers = list(people.order_by(*order).values_list("number", flat=True)[: per_page + 1])
    more = len(numbers) > per_page
    numbers = numbers[:per_page]
    if backward:
        numbers.reverse()
    has_previous = more if backward else mark is not None
    has_next = backward or more
    return Found(
        _lines_of(enterprise, numbers, masked=masked),
        total,
        numbers[0] if numbers and has_previous else None,
        numbers[-1] if numbers and has_next else None,
    )


def _reversed(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _beyond(order: tuple[str, ...], mark: CurrentPerson, *, backward: bool) -> Q:
    """Rows after ``mark`` in ``order``: (a, b) > (x, y) as a > x or a = x and b > y."""
    condition = Q()
    for name in reversed(order):
        column = name.lstrip("-")
        comparison = "lt" if name.startswith("-") != backward else "gt"
        value = getattr(mark, column)
        further = Q(**{f"{column}__{comparison}": value})
        condition = further | (Q(**{column: value}) & condition) if condition else further
    return condition


def _lines_of(enterprise: Enterprise, numbers: list[int], *, masked: bool) -> list[PersonLine]:
    rows = PersonVersion.objects.filter(
        enterprise=enterprise, number__in=numbers, to_snapshot=None
    ).values_list("number", "key", "license_type", "accounts", "report")
    found = {row[0]: person_line(row, masked=masked) for row in rows}
    return [found[number] for number in numbers if number in found]
