"""Reading runs and their logs."""

from __future__ import annotations

import datetime as dt

from django.db.models import QuerySet

from enterprise.models import Enterprise, RunLogLine, ServerInstance, SyncRun

PAGE = 30


def runs_page(
    enterprise: Enterprise,
    *,
    before: int | None = None,
    host_name: str = "",
    kind: str = "",
    state: str = "",
    trigger: str = "",
    since: dt.datetime | None = None,
) -> tuple[list[SyncRun], int | None]:
    """The newest runs older than ``before``, with the id to go on from, None at the end.

    ``since`` leaves out what was queued earlier.
    """
    runs = SyncRun.objects.filter(enterprise=enterprise).order_by("-pk")
    wanted = {"host_name": host_name, "kind": kind, "state": state, "trigger": trigger}
    runs = runs.filter(**{name: value for name, value in wanted.items() if value})
    if since is not None:
        runs = runs.filter(queued_at__gte=since)
    if before is not None:
        runs = runs.filter(pk__lt=before)
    found = list(runs[: PAGE + 1])
    return found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None


def instance_runs(instance: ServerInstance, *, most: int) -> list[SyncRun]:
    """The newest runs of an instance."""
    return list(SyncRun.objects.filter(instance=instance).order_by("-pk")[:most])


def run_get(enterprise: Enterprise, run_id: int) -> SyncRun | None:
    return (
        SyncRun.objects.select_related("instance", "enterprise")
        .filter(enterprise=enterprise, pk=run_id)
        .first()
    )


def run_log(run: SyncRun, *, after: int = 0) -> QuerySet[RunLogLine]:
    """The log lines of a run after the one with id ``after``, oldest first."""
    return RunLogLine.objects.filter(run=run, pk__gt=after).order_by("pk")
