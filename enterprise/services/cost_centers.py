"""The owner's mapping of persons to cost centers, and the soft targets of organizations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from django.db import transaction
from django.db.models import F

from enterprise.faults import Refused
from enterprise.models import CostCenterEntry, Enterprise, SeatTarget
from enterprise.services.audit import Actor, audit_record
from enterprise.services.bulk import IN_LIST, bulk_insert, in_batches
from enterprise.sources.cost_centers import identifier_key, mapping_read

TARGET_MOST = 10_000_000  # seats
ORGANIZATION_LENGTH = 100  # as the column


def cost_centers_replace(*, enterprise: Enterprise, actor: Actor, file: BinaryIO) -> int:
    """Put a file's mapping in the place of the stored one, whole or not at all; how many entries.

    Raises Fault as ``mapping_read`` does.
    """
    entries = list(mapping_read(file))
    with transaction.atomic():
        before = _clear(enterprise)
        bulk_insert(
            CostCenterEntry,
            ("enterprise", "identifier", "cost_center"),
            ((enterprise.pk, identifier, center) for identifier, center in entries),
        )
        audit_record(
            enterprise=enterprise,
            actor=actor,
            action="cost_centers.replace",
            target=enterprise.slug,
            before={"entries": before},
            after={"entries": len(entries)},
        )
    return len(entries)


@transaction.atomic
def cost_centers_erase(*, enterprise: Enterprise, actor: Actor) -> int:
    """Delete the whole mapping; how many entries it had. Splits kept with snapshots name no person."""
    before = _clear(enterprise)
    if before:
        audit_record(
            enterprise=enterprise,
            actor=actor,
            action="cost_centers.erase",
            target=enterprise.slug,
            before={"entries": before},
        )
    return before


@transaction.atomic
def cost_centers_forget(*, enterprise: Enterprise, actor: Actor, identifiers: Iterable[str]) -> int:
    """Delete the lines of somebody who is known by these; how many lines they were."""
    keys = sorted({identifier_key(each) for each in identifiers} - {""})
    mapping_version_raise(enterprise)
    entries = CostCenterEntry.objects.filter(enterprise=enterprise)
    deleted = sum(
        entries.filter(identifier__in=batch).delete()[0] for batch in in_batches(keys, IN_LIST)
    )
    if deleted:
        audit_record(
            enterprise=enterprise,
            actor=actor,
            action="cost_centers.forget",
            target=enterprise.slug,
            before={"entries": deleted},
        )
    return deleted


def _clear(enterprise: Enterprise) -> int:
    """The version is raised first: two who replace wait for one another."""
    mapping_version_raise(enterprise)
    entries = CostCenterEntry.objects.filter(enterprise=enterprise)
    deleted: int = entries._raw_delete(entries.db)
    return deleted


def mapping_version_raise(enterprise: Enterprise) -> None:
    Enterprise.objects.filter(pk=enterprise.pk).update(
        cost_centers_version=F("cost_centers_version") + 1
    )


@transaction.atomic
def target_set(
    *, enterprise: Enterprise, actor: Actor, organization: str, seats: int | None
) -> bool:
    """Give an organization a soft target, another one, or none; False if it is as it was.

    Raises Refused ``bad_organization`` or ``out_of_range``.
    """
    organization = organization.strip().casefold()
    if (
        not organization
        or len(organization) > ORGANIZATION_LENGTH
        or not organization.isprintable()
    ):
        raise Refused("bad_organization", field="organization", value=organization[:50])
    if seats is not None and not 0 <= seats <= TARGET_MOST:
        raise Refused("out_of_range", field="seats", value=seats, least=0, most=TARGET_MOST)
    targets = SeatTarget.objects.select_for_update().filter(
        enterprise=enterprise, organization=organization
    )
    found = targets.first()
    before = found.seats if found else None
    if before == seats:
        return False
    if seats is None:
        targets.delete()
    else:
        SeatTarget.objects.update_or_create(
            enterprise=enterprise, organization=organization, defaults={"seats": seats}
        )
    audit_record(
        enterprise=enterprise,
        actor=actor,
        action="target.remove" if seats is None else "target.set",
        target=organization,
        before={} if before is None else {"seats": before},
        after={} if seats is None else {"seats": seats},
    )
    return True
