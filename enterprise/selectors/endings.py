"""How the last sync of each instance ended."""

from __future__ import annotations

from django.db.models import Max

from enterprise.models import Enterprise, RunKind, RunState, ServerInstance, SyncRun

_ENDED = (RunState.SUCCEEDED, RunState.FAILED, RunState.HELD)


def last_endings(enterprise: Enterprise) -> list[tuple[ServerInstance, SyncRun | None]]:
    """Every instance by host name with its last run that ended; a cancelled run brought no ending."""
    newest = (
        SyncRun.objects.filter(
            instance__enterprise=enterprise, kind=RunKind.INSTANCE, state__in=_ENDED
        )
        .values("instance")
        .annotate(newest=Max("pk"))
        .values("newest")
    )
    runs = {run.instance_id: run for run in SyncRun.objects.filter(pk__in=newest)}
    instances = ServerInstance.objects.filter(enterprise=enterprise).order_by("host_name")
    return [(instance, runs.get(instance.pk)) for instance in instances]
