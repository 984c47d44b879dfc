"""Snapshots in time."""

from __future__ import annotations

import datetime as dt
from itertools import zip_longest
from typing import NamedTuple

from django.db.models import Max
from django.db.models.functions import TruncWeek

from enterprise.models import Enterprise, Snapshot

PAGE = 52


class SnapshotLine(NamedTuple):
    """A snapshot and the one before it, None for the first."""

    snapshot: Snapshot
    before: Snapshot | None

    @property
    def change(self) -> int | None:
        """How many persons more than before."""
        return None if self.before is None else self.snapshot.persons - self.before.persons


def snapshots_page(
    enterprise: Enterprise, *, before: int | None = None, since: dt.datetime | None = None
) -> tuple[list[SnapshotLine], int | None]:
    """The newest snapshots older than ``before``, and the id to go on from, None at the end.

    ``since`` leaves out what was counted earlier.
    """
    found = Snapshot.objects.filter(enterprise=enterprise).defer("anchors").order_by("-pk")
    if before is not None:
        found = found.filter(pk__lt=before)
    if since is not None:
        found = found.filter(taken_at__gte=since)
    page = list(found[: PAGE + 1])
    older_ones = page[1:]
    if since is not None and 0 < len(page) <= PAGE and (left_out := snapshot_before(page[-1])):
        older_ones.append(left_out)
    lines = [
        SnapshotLine(snapshot, older)
        for snapshot, older in zip_longest(page[:PAGE], older_ones, fillvalue=None)
        if snapshot is not None
    ]
    return lines, page[PAGE - 1].pk if len(page) > PAGE else None


def high_water(enterprise: Enterprise) -> Snapshot | None:
    """The snapshot with the most persons, the first of them if several have as many."""
    snapshots = Snapshot.objects.filter(enterprise=enterprise).defer("anchors")
    return snapshots.order_by("-persons", "pk").first()


def snapshot_at(enterprise: Enterprise, at: dt.datetime) -> Snapshot | None:
    """The count as it was at ``at``: the newest snapshot not later; None before the first."""
    snapshots = Snapshot.objects.filter(enterprise=enterprise, taken_at__lte=at)
    return snapshots.defer("anchors").order_by("-pk").first()


def snapshot_first(enterprise: Enterprise) -> Snapshot | None:
    """The first count there was."""
    return Snapshot.objects.filter(enterprise=enterprise).defer("anchors").order_by("pk").first()


def snapshot_before(snapshot: Snapshot) -> Snapshot | None:
    """The snapshot before this one; None for the first."""
    snapshots = Snapshot.objects.filter(enterprise=snapshot.enterprise_id, pk__lt=snapshot.pk)
    return snapshots.defer("anchors").order_by("-pk").first()


def weekly_snapshots(enterprise: Enterprise, *, since: dt.datetime) -> list[Snapshot]:
    """The last snapshot of each week since then, in the order of time."""
    snapshots = Snapshot.objects.filter(enterprise=enterprise)
    weeks = snapshots.filter(taken_at__gte=since).annotate(week=TruncWeek("taken_at")).order_by()
    last = weeks.values("week").annotate(last=Max("pk")).values("last")
    return list(snapshots.filter(pk__in=last).defer("anchors").order_by("pk"))
