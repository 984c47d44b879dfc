"""The split of seats for chargeback, and the mapping, as tables for files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from enterprise.models import Dimension, Enterprise, Snapshot
from enterprise.reports.rest import moment
from enterprise.selectors.allocation import (
    PartLine,
    cost_centers_page,
    share_shown,
)
from enterprise.selectors.walks import walk

CHARGEBACK_HEAD = (
    "Snapshot",
    "Time",
    "By",
    "Part",
    "Persons",
    "Shared persons",
    "Exact share",
    "Share",
    "Licenses",
    "Target",
    "Over target",
    "Price",
    "Cost",
    "Currency",
)


def chargeback_rows(
    enterprise: Enterprise, snapshot: Snapshot, dimension: Dimension, lines: list[PartLine]
) -> Iterator[list[Any]]:
    """Every part; whoever is in none has an empty name. The seats add up to the persons counted."""
    price = enterprise.seat_price
    for line in lines:
        part = line.part
        yield [
            snapshot.pk,
            moment(snapshot.taken_at),
            dimension.value,
            part.name,
            part.persons,
            part.shared,
            str(part.share),
            str(share_shown(part.share, 4)),
            part.seats,
            line.target,
            line.over,
            _or_empty(price),
            _or_empty(line.cost),
            enterprise.currency,
        ]


def _or_empty(value: object) -> object:
    return "" if value is None else str(value)


MAPPING_HEAD = ("identifier", "cost_center")


def mapping_rows(enterprise: Enterprise, *, masked: bool) -> Iterator[list[Any]]:
    """Every entry of the mapping, in a form that can be uploaded again, unless it is masked."""
    yield from map(list, walk(partial(cost_centers_page, enterprise, masked=masked, most=2000)))
