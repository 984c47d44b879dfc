"""The split of seats as it is kept with a snapshot, beside targets and the price."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import NamedTuple

from django.db.models import Count

from enterprise.counting.allocate import NONE, Part
from enterprise.models import (
    Allocation,
    CostCenterEntry,
    Dimension,
    Enterprise,
    SeatTarget,
    Snapshot,
)
from enterprise.selectors.persons import mask_key

PAGE = 100


class PartLine(NamedTuple):
    """A part with its soft target (of organizations only) and what its whole seats cost."""

    part: Part
    target: int | None
    cost: Decimal | None

    @property
    def over(self) -> int | None:
        """How many seats above the target, below nought if under it."""
        return None if self.target is None else self.part.seats - self.target

    @property
    def under(self) -> int | None:
        return None if self.over is None else -self.over


def share_shown(share: Fraction, places: int = 2) -> Decimal:
    """An exact share as a number to be read, rounded half to even; nothing is computed with it."""
    unit = Decimal(1).scaleb(-places)
    return (Decimal(share.numerator) / Decimal(share.denominator)).quantize(
        unit, rounding=ROUND_HALF_EVEN
    )


def allocation_lines(
    enterprise: Enterprise, snapshot: Snapshot, dimension: Dimension
) -> list[PartLine] | None:
    """Every part of a snapshot; None if its split was not kept (yet).

    A target of an organization that nobody is in has a line of nought.
    """
    kept = Allocation.objects.filter(snapshot=snapshot, dimension=dimension).first()
    if kept is None:
        return None
    parts = [
        Part(name, persons, shared, Fraction(share), seats)
        for name, persons, shared, share, seats in kept.parts
    ]
    targets = targets_of(enterprise) if dimension == Dimension.ORGANIZATION else {}
    known = {part.name.casefold() for part in parts}
    parts += [Part(name, 0, 0, Fraction(), 0) for name in targets if name not in known]
    price = enterprise.seat_price
    return [
        PartLine(
            part,
            targets.get(part.name.casefold()) if part.name else None,
            None if price is None else part.seats * price,
        )
        for part in sorted(parts, key=lambda part: (part.name == NONE, part.name.casefold()))
    ]


def allocation_is_pending(enterprise: Enterprise, newest: Snapshot) -> bool:
    """Whether the newest count, or the mapping, is newer than the split."""
    return (enterprise.allocated_snapshot, enterprise.allocated_version) != (
        newest.pk,
        enterprise.cost_centers_version,
    )


def snapshots_allocated(enterprise: Enterprise, most: int = 52) -> list[Snapshot]:
    """The newest snapshots whose split is kept."""
    kept = Allocation.objects.filter(
        enterprise=enterprise, dimension=Dimension.ORGANIZATION
    ).values("snapshot")
    snapshots = Snapshot.objects.filter(enterprise=enterprise, pk__in=kept)
    return list(snapshots.only("taken_at", "persons").order_by("-pk")[:most])


def targets_of(enterprise: Enterprise) -> dict[str, int]:
    targets = SeatTarget.objects.filter(enterprise=enterprise).order_by("organization")
    return dict(targets.values_list("organization", "seats"))


# --- The mapping ---------------------------------------------------------------------------------


class Entry(NamedTuple):
    identifier: str
    cost_center: str


def cost_centers_count(enterprise: Enterprise) -> int:
    return CostCenterEntry.objects.filter(enterprise=enterprise).count()


def cost_centers_summary(enterprise: Enterprise) -> list[tuple[str, int]]:
    """Each cost center of the mapping, and how many entries it has."""
    entries = CostCenterEntry.objects.filter(enterprise=enterprise)
    counted = entries.values("cost_center").annotate(entries=Count("pk")).order_by("cost_center")
    return list(counted.values_list("cost_center", "entries"))


def cost_centers_page(
    enterprise: Enterprise, *, after: int = 0, masked: bool, most: int = PAGE
) -> tuple[list[Entry], int | None]:
    """Entries in the order of the file after the one with id ``after``, and the id to go on from."""
    entries = CostCenterEntry.objects.filter(enterprise=enterprise, pk__gt=after).order_by("pk")
    page = list(entries[: most + 1])
    hide = mask_key if masked else str
    return (
        [Entry(hide(entry.identifier), entry.cost_center) for entry in page[:most]],
        page[most - 1].pk if len(page) > most else None,
    )
