"""The work-list as it was found after the newest count: pages of it, one of it, what-if."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import orjson
from django.db.models import Q, QuerySet, Sum

from enterprise.counting.duplicates import LOGIN
from enterprise.counting.joining import Joining
from enterprise.emails import mask, mask_text
from enterprise.models import Duplicate, DuplicateSearch, DuplicateState, Enterprise, PersonVersion
from enterprise.selectors.persons import mask_key
from enterprise.selectors.walks import ReplacedError, walk_of_one_count

SORTS = {
    "confidence": ("confidence", "group_saves"),
    "saves": ("group_saves", "confidence"),
}
MOST_TICKED = 200


class Wanted(NamedTuple):
    """Which pairs are asked for."""

    state: str = DuplicateState.OPEN.value
    rule: str = ""
    host_name: str = ""
    least: int = 0
    sort: str = "confidence"


class DuplicateLine(NamedTuple):
    """A pair, masked where it must be. ``evidence`` and ``change`` are for ``wording.duplicates``."""

    row: Duplicate
    one: str
    other: str
    evidence: list[dict[str, Any]]
    change: dict[str, Any]
    decided_by: str
    reason: str


def search_get(enterprise: Enterprise) -> DuplicateSearch | None:
    return DuplicateSearch.objects.filter(enterprise=enterprise).first()


def search_is_pending(enterprise: Enterprise) -> bool:
    """Whether the count is newer than the work-list."""
    return enterprise.insights_version < enterprise.counted_version


def seats_saved(enterprise: Enterprise) -> int:
    """By all that closed because two persons count as one now."""
    total = Duplicate.objects.filter(enterprise=enterprise, saved__gt=0).aggregate(Sum("saved"))
    return total["saved__sum"] or 0


def _wanted(enterprise: Enterprise, wanted: Wanted) -> QuerySet[Duplicate]:
    rows = Duplicate.objects.filter(enterprise=enterprise, state=wanted.state)
    if wanted.rule:
        rows = rows.filter(rules__contains=f" {wanted.rule} ")
    if wanted.host_name:
        rows = rows.filter(hosts__contains=f" {wanted.host_name} ")
    if wanted.least:
        rows = rows.filter(confidence__gte=wanted.least)
    return rows


def duplicates_page(
    enterprise: Enterprise, wanted: Wanted, *, after: int = 0, limit: int, masked: bool
) -> tuple[list[DuplicateLine], int | None]:
    """Pairs after the one with id ``after``, and the id to go on from, None at the end.

    Raises ReplacedError if that pair is gone.
    """
    rows = _wanted(enterprise, wanted)
    first, second = SORTS[wanted.sort]
    if after:
        mark = duplicate_get(enterprise, after)
        if mark is None:
            raise ReplacedError
        a, b = getattr(mark, first), getattr(mark, second)
        rows = rows.filter(
            Q(**{f"{first}__lt": a})
            | Q(**{first: a, f"{second}__lt": b})
            | Q(**{first: a, second: b, "pk__gt": mark.pk})
        )
    page = list(rows.order_by(f"-{first}", f"-{second}", "pk")[: limit + 1])
    following = page[limit - 1].pk if len(page) > limit else None
    return duplicate_lines(enterprise, page[:limit], masked=masked), following


def duplicates_walk(
    enterprise: Enterprise, wanted: Wanted, *, masked: bool
) -> Iterator[DuplicateLine]:
    """Every pair of one count; see ``walks``."""
    page = partial(duplicates_page, enterprise, wanted, limit=500, masked=masked)
    return walk_of_one_count(enterprise, "insights_version", page)


def duplicate_get(enterprise: Enterprise, pk: int) -> Duplicate | None:
    row = Duplicate.objects.filter(enterprise=enterprise, pk=pk).first()
    if row is not None:
        row.enterprise = enterprise
    return row


def duplicate_lines(
    enterprise: Enterprise, rows: list[Duplicate], *, masked: bool
) -> list[DuplicateLine]:
    """The rows with the names of their persons; one query."""
    numbers = {number for row in rows for number in (row.one, row.other)}
    keys: dict[int, str] = {}
    versions = PersonVersion.objects.filter(enterprise=enterprise, number__in=numbers)
    for number, key in versions.order_by("from_snapshot").values_list("number", "key"):
        keys[number] = mask_key(key) if masked else key  # the last one it had
    return [
        DuplicateLine(
            row,
            keys.get(row.one, ""),
            keys.get(row.other, ""),
            [_shown(each, masked=masked) for each in orjson.loads(row.evidence or "[]")],
            _change(orjson.loads(row.change or "{}"), masked=masked),
            mask_text(row.decided_by) if masked else row.decided_by,
            mask_text(row.reason) if masked else row.reason,
        )
        for row in rows
    ]


def _shown(evidence: dict[str, Any], *, masked: bool) -> dict[str, Any]:
    """A NameID may be an address that does not look like one, so it is masked in any case."""
    if not masked or evidence["rule"] == LOGIN:
        return evidence
    return {**evidence, "one": mask(evidence["one"]), "other": mask(evidence["other"])}


def _change(change: dict[str, Any], *, masked: bool) -> dict[str, Any]:
    if not (masked and change):
        return change
    return {**change, "email": mask(change["email"]), "verify": mask(change["verify"])}


class WhatIf(NamedTuple):
    """The total if some pairs were one person each; nothing is changed by asking."""

    ticked: list[int]
    persons: int
    saved: int

    @property
    def total(self) -> int:
        return self.persons - self.saved


def what_if(enterprise: Enterprise, ticked: list[int], *, persons: int) -> WhatIf:
    """Of the open ones among at most MOST_TICKED ids. ``persons`` is the total now."""
    rows = (
        Duplicate.objects.filter(
            enterprise=enterprise, state=DuplicateState.OPEN, pk__in=ticked[:MOST_TICKED]
        )
        .order_by("pk")
        .values_list("pk", "one", "other", "with_cloud")
    )
    pairs = list(rows)
    joining = Joining(frozenset(other for _, _, other, with_cloud in pairs if with_cloud))
    for _, one, other, _ in pairs:
        joining.join(one, other)
    return WhatIf([pk for pk, *_ in pairs], persons, joining.saved)
