"""The difference with GitHub, as it was computed for the newest snapshot."""

from __future__ import annotations

from typing import NamedTuple

from enterprise.counting.compare import CATEGORIES
from enterprise.models import DifferenceComponent, Enterprise, Snapshot

PAGE = 50


class DifferenceTotals(NamedTuple):
    """``ours - listed`` is the sum of ``by_category``; ``not_listed`` is rows less GitHub's total."""

    snapshot: Snapshot
    stated: int | None
    listed: int
    ours: int
    not_listed: int | None
    by_category: dict[str, int]


def difference_totals(snapshot: Snapshot) -> DifferenceTotals | None:
    """The totals kept with a snapshot; None if it was never compared."""
    kept = snapshot.difference
    if kept is None:
        return None
    return DifferenceTotals(
        snapshot,
        snapshot.github_total,
        kept["listed"],
        kept["ours"],
        kept["not_listed"],
        {category: kept.get(category, 0) for category in CATEGORIES},
    )


def difference_is_pending(enterprise: Enterprise, snapshot: Snapshot) -> bool:
    return enterprise.compared_snapshot < snapshot.pk


def components_page(
    enterprise: Enterprise, *, category: str = "", after: int = 0
) -> tuple[list[DifferenceComponent], int | None]:
    """Components after the one with id ``after``, and the id to go on from, None at the end."""
    found = DifferenceComponent.objects.filter(enterprise=enterprise, pk__gt=after).order_by("pk")
    if category:
        found = found.filter(category=category)
    page = list(found[: PAGE + 1])
    return page[:PAGE], page[PAGE - 1].pk if len(page) > PAGE else None
