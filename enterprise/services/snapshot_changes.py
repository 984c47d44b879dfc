"""How many persons joined, left and so on, kept with a snapshot once it is made."""

from __future__ import annotations

from django.db.models import Max

from enterprise.models import Snapshot
from enterprise.selectors.changes import changes_between
from enterprise.selectors.history import snapshot_before


def changes_refresh_due(*, enterprise_id: int | None = None) -> int:
    """Count what changed with each enterprise's newest snapshot where that is not done; how many.

    Of snapshots before it nothing is asked: those of an older version stay without.
    """
    snapshots = Snapshot.objects.all()
    if enterprise_id is not None:
        snapshots = snapshots.filter(enterprise=enterprise_id)
    newest = snapshots.order_by().values("enterprise").annotate(newest=Max("pk")).values("newest")
    due = snapshots.filter(pk__in=newest, changes__isnull=True).defer("anchors")
    return sum(_refresh(snapshot) for snapshot in due)


def _refresh(snapshot: Snapshot) -> bool:
    older = snapshot_before(snapshot)
    if older is None:
        return False
    counts = changes_between(older, snapshot).counts()
    return bool(Snapshot.objects.filter(pk=snapshot.pk).update(changes=counts))
