"""The ledger as readers see it: totals, pages, one person, as of any snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import QuerySet

from enterprise.models import (
    BillingModel,
    Enterprise,
    PersonVersion,
    RunKind,
    Snapshot,
    SyncRun,
)
from enterprise.models.sync import ACTIVE
from enterprise.selectors.persons import PersonLine, person_line, valid_as_of
from enterprise.services.ledger import ANCHOR_EVERY, unpack_anchors

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
