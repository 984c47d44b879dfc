"""The difference with GitHub, as it was computed for the newest snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import orjson

from enterprise.counting.compare import CATEGORIES
from enterprise.models import CloudAccount, DifferenceComponent, Enterprise, Snapshot
from enterprise.selectors.licenses import snapshot_get
from enterprise.selectors.persons import mask_key, person_keys
from enterprise.selectors.walks import walk_of_one_count

PAGE = 50
SHOWN = 20  # persons and rows of one component on a page


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


def difference_is_pending(enterprise: Enterprise) -> bool:
    """Whether the count is newer than the comparison."""
    return enterprise.compared_version < enterprise.counted_version


def components_page(
    enterprise: Enterprise, *, category: str = "", after: int = 0
) -> tuple[list[DifferenceComponent], int | None]:
    """Components after the one with id ``after``, and the id to go on from, None at the end."""
    found = DifferenceComponent.objects.filter(enterprise=enterprise, pk__gt=after).order_by("pk")
    if category:
        found = found.filter(category=category)
    page = list(found[: PAGE + 1])
    return page[:PAGE], page[PAGE - 1].pk if len(page) > PAGE else None


def snapshot_compared(enterprise: Enterprise) -> Snapshot | None:
    """The snapshot that the components are of: the newest one that was compared."""
    return snapshot_get(enterprise, enterprise.compared_snapshot)


# --- Components ----------------------------------------------------------------------------------


class PersonOf(NamedTuple):
    number: int
    key: str


class GitHubRowOf(NamedTuple):
    """A row that GitHub lists: ``name`` is its login, e-mail or accounts, ``kind`` the code of its kind.

    ``kind`` is None if GitHub has listed it no more since.
    """

    name: str
    kind: str | None


class ComponentLine(NamedTuple):
    """A component by name. ``more`` is how many persons and rows are left out."""

    id: int
    category: str
    change: int
    persons: list[PersonOf]
    rows: list[GitHubRowOf]
    more: int


def component_lines(
    components: list[DifferenceComponent],
    snapshot: Snapshot,
    *,
    masked: bool,
    shown: int | None = SHOWN,
) -> list[ComponentLine]:
    """A page of components with at most ``shown`` persons and rows each; two queries."""
    numbers = [number for each in components for number in each.persons[:shown]]
    keys = [key for each in components for key in each.rows[:shown]]
    names = person_keys(snapshot, numbers, masked=masked)
    rows = _rows(snapshot, keys, masked=masked)
    return [
        ComponentLine(
            each.pk,
            each.category,
            each.change,
            [PersonOf(number, names.get(number, "")) for number in each.persons[:shown]],
            [
                rows.get(key) or GitHubRowOf(mask_key(key) if masked else key, None)
                for key in each.rows[:shown]
            ],
            sum(len(part) - len(part[:shown]) for part in (each.persons, each.rows)),
        )
        for each in components
    ]


def _rows(snapshot: Snapshot, keys: list[str], *, masked: bool) -> dict[str, GitHubRowOf]:
    found = CloudAccount.objects.filter(enterprise_id=snapshot.enterprise_id, key__in=keys)
    rows = {}
    for row in found.only("key", "kind", "report"):
        report = orjson.loads(row.report)
        own = report["github_com_login"] or ", ".join(report["enterprise_server_user_ids"])
        name = own or (mask_key(row.key) if masked else row.key)
        rows[row.key] = GitHubRowOf(name, row.kind)
    return rows


def components_walk(snapshot: Snapshot, *, masked: bool) -> Iterator[ComponentLine]:
    """Every component of one count; see ``walks``."""
    enterprise = snapshot.enterprise

    def page(after: int) -> tuple[list[ComponentLine], int | None]:
        components, following = components_page(enterprise, after=after)
        return component_lines(components, snapshot, masked=masked, shown=None), following

    return walk_of_one_count(enterprise, "compared_version", page)
