"""When a recount is due, and asking for one."""

from __future__ import annotations

import datetime as dt

from django.db.models import F, Subquery
from django.utils import timezone

from enterprise.models import Enterprise, RunKind, RunState, RunTrigger, SyncRun
from enterprise.models.sync import ACTIVE
from enterprise.services.audit import SYSTEM, Actor
from enterprise.services.runs import run_request

AFTER_A_FAILURE = dt.timedelta(minutes=10)


def recount_mark(*, enterprise: Enterprise) -> None:
    """Say that what the count rests on changed; called in the transaction that changes it."""
    Enterprise.objects.filter(pk=enterprise.pk).update(data_version=F("data_version") + 1)


def data_version_raise(*, run: SyncRun) -> None:
    """Say that a run has applied something, and note which version of the data that made.

    Called in the transaction that applies it, so that a recount can tell what the run did to the count.
    """
    enterprise = Enterprise.objects.filter(pk=run.enterprise_id)
    enterprise.update(data_version=F("data_version") + 1)
    SyncRun.objects.filter(pk=run.pk).update(
        data_version=Subquery(enterprise.values("data_version")[:1])
    )


def recount_request(
    *, enterprise: Enterprise, trigger: RunTrigger = RunTrigger.SCHEDULE, actor: Actor = SYSTEM
) -> tuple[SyncRun, bool]:
    """Queue a recount, or find the one that is active: recounts merge by themselves."""
    return run_request(enterprise=enterprise, kind=RunKind.RECOUNT, trigger=trigger, actor=actor)


def recounts_request_due(*, enterprise_id: int | None = None) -> int:
    """Queue a recount for each enterprise whose counted version is behind its data; how many are new.

    One whose last recount failed waits a while, so that a fault that stays does not fill the run list.
    """
    behind = Enterprise.objects.filter(counted_version__lt=F("data_version"))
    if enterprise_id is not None:
        behind = behind.filter(pk=enterprise_id)
    recounts = SyncRun.objects.filter(kind=RunKind.RECOUNT)
    failed = recounts.filter(
        state=RunState.FAILED, finished_at__gt=timezone.now() - AFTER_A_FAILURE
    )
    active = recounts.filter(state__in=ACTIVE)  # left out here: else each is asked for by itself
    behind = behind.exclude(pk__in=(failed | active).values("enterprise_id"))
    return sum(recount_request(enterprise=enterprise)[1] for enterprise in behind)
