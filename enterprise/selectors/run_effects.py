"""What a run changed in the count: the recount that took up what it applied, and what that found."""

from __future__ import annotations

from typing import NamedTuple

from enterprise.models import Enterprise, RunKind, RunState, Snapshot, SyncRun
from enterprise.selectors.history import snapshot_before


class RunEffect(NamedTuple):
    """A run's effect on the count.

    ``pending`` says that nothing has counted yet what the run applied. Else ``newer`` is the
    snapshot that took it up and ``older`` the one before it; ``newer`` is None if nobody's license
    changed, ``older`` if it was the first count. Recounts merge: ``others`` is how many other runs
    the same recount took up.
    """

    pending: bool
    older: Snapshot | None
    newer: Snapshot | None
    others: int

    @property
    def counts(self) -> dict[str, int] | None:
        """How many persons, by ``selectors.changes.KINDS``; None if it is not known (yet)."""
        kept: dict[str, int] | None = self.newer.changes if self.newer else None
        return kept


def run_effect(run: SyncRun) -> RunEffect | None:
    """What a run did to the count; None if it applied nothing, or if that was not noted."""
    if run.state != RunState.SUCCEEDED or run.data_version is None:
        return None
    done = SyncRun.objects.filter(
        enterprise=run.enterprise_id, state=RunState.SUCCEEDED, data_version__isnull=False
    )
    recounts = done.filter(kind=RunKind.RECOUNT).values_list("data_version", flat=True)
    if run.kind == RunKind.RECOUNT:
        counted: int | None = run.data_version
    else:
        later = recounts.filter(data_version__gte=run.data_version)
        counted = later.order_by("data_version").first()
    if counted is None:
        return RunEffect(True, None, None, 0)
    earlier = recounts.filter(data_version__lt=counted).order_by("-data_version").first()
    merged = done.filter(data_version__gt=earlier or 0, data_version__lte=counted)
    others = merged.exclude(kind=RunKind.RECOUNT).exclude(pk=run.pk).count()
    snapshots = Snapshot.objects.filter(enterprise=run.enterprise_id, data_version=counted)
    if run.kind == RunKind.RECOUNT:  # one that found nothing new must not claim what another found
        snapshots = snapshots.filter(taken_at__gte=run.started_at)
    newer = snapshots.defer("anchors").order_by("-pk").first()
    return RunEffect(False, snapshot_before(newer) if newer else None, newer, others)


def last_sync(enterprise: Enterprise) -> SyncRun | None:
    """The newest run of an instance or the cloud that succeeded."""
    runs = SyncRun.objects.filter(enterprise=enterprise, state=RunState.SUCCEEDED)
    return runs.exclude(kind=RunKind.RECOUNT).order_by("-finished_at", "-pk").first()
