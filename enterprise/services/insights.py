"""What is found out of a count after it: the work-list of duplicates, and seats to be freed."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from enterprise.models import Enterprise, Snapshot
from enterprise.services.duplicates import duplicates_record, duplicates_search
from enterprise.services.reclaim import reclaim_record, reclaim_search


def insights_refresh_due(*, enterprise_id: int | None = None) -> int:
    """Look into every enterprise that was counted since it was last looked into; how many they were."""
    enterprises = Enterprise.objects.filter(
        insights_version__lt=F("counted_version"), data_version=F("counted_version")
    )
    if enterprise_id is not None:
        enterprises = enterprises.filter(pk=enterprise_id)
    return sum(insights_refresh(enterprise=enterprise) for enterprise in enterprises)


def insights_refresh(*, enterprise: Enterprise) -> bool:
    """Look into the newest snapshot, and keep what is found.

    False if there is none, or if newer data was counted, or somebody else looked, meanwhile.
    """
    snapshot = Snapshot.objects.filter(enterprise=enterprise).order_by("-pk").first()
    if snapshot is None:
        return False
    search = duplicates_search(enterprise=enterprise)
    idle = reclaim_search(enterprise=enterprise)
    with transaction.atomic():
        moved = Enterprise.objects.filter(
            pk=enterprise.pk,
            data_version=enterprise.data_version,
            counted_version=enterprise.counted_version,
            insights_version=enterprise.insights_version,
        ).update(insights_version=enterprise.counted_version)
        if not moved:
            return False
        duplicates_record(enterprise=enterprise, snapshot=snapshot, search=search)
        reclaim_record(enterprise=enterprise, found=idle)
    return True
