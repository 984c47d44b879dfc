"""Letting old counts go, with the versions that only they show."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from enterprise.models import Enterprise, MembershipVersion, PersonVersion, Snapshot
from enterprise.services.audit import SYSTEM, audit_record

_A_BATCH = 5000


def snapshots_expire(*, days: int, as_of: dt.datetime) -> int:
    """Delete snapshots ``days`` old by ``as_of``, but the newest and the one compared; how many.

    A version that began before the oldest snapshot left keeps its number of the one it began with: all
    that is lost is the date since when.
    """
    limit = as_of - dt.timedelta(days=days)
    gone = 0
    for enterprise in Enterprise.objects.order_by("pk"):
        snapshots = Snapshot.objects.filter(enterprise=enterprise)
        newest = snapshots.order_by("-pk").values_list("pk", flat=True).first()
        old = snapshots.filter(taken_at__lt=limit).exclude(
            pk__in=[newest or 0, enterprise.compared_snapshot]
        )
        with transaction.atomic():
            count = old.count()
            if not count:
                continue
            old.delete()
            audit_record(
                enterprise=enterprise,
                actor=SYSTEM,
                action="snapshot.expire",
                after={"snapshots": count, "older_than_days": days},
            )
        _versions_sweep(enterprise)
        gone += count
    return gone


def _versions_sweep(enterprise: Enterprise) -> None:
    """Delete, a few at a time, the versions that had ended before the oldest snapshot left."""
    oldest = Snapshot.objects.filter(enterprise=enterprise).order_by("pk").first()
    if oldest is None:
        return
    for model in (PersonVersion, MembershipVersion):
        ended = model.objects.filter(enterprise=enterprise, to_snapshot__lte=oldest.pk)
        while pks := list(ended.order_by("pk").values_list("pk", flat=True)[:_A_BATCH]):
            for start in range(0, len(pks), 500):
                model.objects.filter(pk__in=pks[start : start + 500]).delete()
