"""The seats of the newest snapshot by organization, instance and cost center, computed and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Max

from enterprise.counting.allocate import Allocator
from enterprise.models import Allocation, CostCenterEntry, Dimension, Enterprise, Snapshot
from enterprise.services.bulk import bulk_read
from enterprise.sources.cost_centers import identifier_key

CLOUD = "GHEC"
"""The cloud among the instances; a host name is in lower case, so none is called so."""

PERSONS = (
    "SELECT report, cloud_key FROM enterprise_personversion"
    " WHERE enterprise_id = %s AND to_snapshot IS NULL"
)
_EMAILS = (
    "github_com_verified_domain_emails",
    "enterprise_server_primary_emails",
)
_EMAIL = ("github_com_saml_name_id", "visual_studio_subscription_email")


def allocations_refresh_due(*, enterprise_id: int | None = None) -> int:
    """Split the seats of every enterprise whose newest snapshot, or mapping, is newer; how many."""
    snapshots = Snapshot.objects.all()
    if enterprise_id is not None:
        snapshots = snapshots.filter(enterprise=enterprise_id)
    newest = dict(
        snapshots.order_by()
        .values("enterprise")
        .annotate(newest=Max("pk"))
        .values_list("enterprise", "newest")
    )
    return sum(
        allocation_refresh(enterprise=enterprise, snapshot_id=newest[enterprise.pk])
        for enterprise in Enterprise.objects.filter(pk__in=newest)
        if (enterprise.allocated_snapshot, enterprise.allocated_version)
        != (newest[enterprise.pk], enterprise.cost_centers_version)
    )


def allocation_refresh(*, enterprise: Enterprise, snapshot_id: int) -> bool:
    """Split the seats of the newest snapshot by every dimension, and keep the result.

    False if there is a newer count or mapping meanwhile: then that is split in its turn.
    """
    centers: dict[str, str] = dict(
        CostCenterEntry.objects.filter(enterprise=enterprise).values_list(
            "identifier", "cost_center"
        )
    )
    allocators = {dimension: Allocator() for dimension in Dimension}
    organizations = _Spelling()
    for text, cloud_key in bulk_read(PERSONS, [enterprise.pk]):
        report = orjson.loads(text)
        allocators[Dimension.ORGANIZATION].add(map(organizations.key, organizations_of(report)))
        allocators[Dimension.INSTANCE].add(instances_of(report, in_cloud=bool(cloud_key)))
        allocators[Dimension.COST_CENTER].add(cost_centers_of(report, centers))
    with transaction.atomic():
        unmoved = Enterprise.objects.filter(
            pk=enterprise.pk,
            counted_version=enterprise.counted_version,
            cost_centers_version=enterprise.cost_centers_version,
        ).update(allocated_snapshot=snapshot_id, allocated_version=enterprise.cost_centers_version)
        newest = Snapshot.objects.filter(enterprise=enterprise).order_by("-pk").first()
        if not unmoved or newest is None or newest.pk != snapshot_id:
            transaction.set_rollback(True)
            return False
        Allocation.objects.filter(snapshot=snapshot_id).delete()
        Allocation.objects.bulk_create(
            Allocation(
                enterprise=enterprise,
                snapshot_id=snapshot_id,
                dimension=dimension,
                parts=[
                    [
                        organizations.shown(name) if dimension == Dimension.ORGANIZATION else name,
                        persons,
                        shared,
                        str(share),
                        seats,
                    ]
                    for name, persons, shared, share, seats in allocator.parts()
                ],
            )
            for dimension, allocator in allocators.items()
        )
    return True


class _Spelling:
    """Names that are the same in any case, and how to write them: as the first by bytes is written."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def key(self, name: str) -> str:
        key = name.casefold()
        if self._shown.setdefault(key, name) > name:
            self._shown[key] = name
        return key

    def shown(self, key: str) -> str:
        return self._shown.get(key, key)


def organizations_of(report: dict[str, Any]) -> Iterator[str]:
    """Where a person is a member or owner (``ORG:Role``), or has a pending invitation."""
    for role in report.get("github_com_member_roles") or ():
        name, colon, rest = role.partition(":")
        yield name if colon else rest or role
    yield from report.get("github_com_orgs_with_pending_invites") or ()


def instances_of(report: dict[str, Any], *, in_cloud: bool) -> Iterator[str]:
    """Every instance with an account of the person, and the cloud if they have a row there."""
    for account in report.get("enterprise_server_user_ids") or ():
        yield account.rpartition(":")[0]
    if in_cloud:
        yield CLOUD


def cost_centers_of(report: dict[str, Any], centers: dict[str, str]) -> Iterable[str]:
    """What the owner's mapping says of the person, else what GitHub's column does."""
    if centers:
        found = {center for each in identifiers_of(report) if (center := centers.get(each))}
        if found:
            return found
    of_github = (report.get("github_com_cost_center") or "").strip()
    return (of_github,) if of_github else ()


def identifiers_of(report: dict[str, Any]) -> Iterator[str]:
    """Everything that an owner may know the person by, in its compared form."""
    yield identifier_key(report.get("github_com_login") or "")
    yield from report.get("enterprise_server_user_ids") or ()
    for name in _EMAILS:
        yield from map(identifier_key, report.get(name) or ())
    for name in _EMAIL:
        yield identifier_key(report.get(name) or "")
