"""The life of a sync run: every transition of the machine drawn in ``models.SyncRun``.

Here is what people, the schedule and the sweep do; what a worker does is in ``claims``.
"""

from __future__ import annotations

import datetime as dt

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import (
    Enterprise,
    RunChunk,
    RunKind,
    RunLogLine,
    RunPhase,
    RunState,
    RunTrigger,
    ServerInstance,
    Source,
    SyncRun,
)
from enterprise.models.sync import ACTIVE
from enterprise.services.audit import SYSTEM, Actor, audit_record
from enterprise.services.events import run_ended
from enterprise.services.workers import BROKER_AWAY, wakes_held, worker_wake

log = structlog.get_logger(__name__)

FURTHEST = dt.timedelta(days=1)  # no lease, and no wait for another try, is longer


def run_request(
    *,
    enterprise: Enterprise,
    kind: RunKind,
    instance: ServerInstance | None = None,
    trigger: RunTrigger,
    actor: Actor = SYSTEM,
    publish: bool = True,
) -> tuple[SyncRun, bool]:
    """Queue a run, or find the one that is active: (run, whether it is new).

    At most one active run per instance, one cloud run and one recount per enterprise is a database
    constraint, so two clicks at once meet here. Raises Refused if the instance may not be synced.
    """
    if instance is not None:
        _refuse_unless_syncable(instance)
    now = timezone.now()
    for _attempt in range(3):
        active = _active(enterprise, kind, instance)
        if active is not None:
            return active, False
        try:
            with transaction.atomic():
                run = SyncRun.objects.create(
                    enterprise=enterprise,
                    instance=instance,
                    host_name=instance.host_name if instance else "",
                    kind=kind,
                    trigger=trigger,
                    actor=actor.label,
                    queued_at=now,
                    not_before=now,
                )
                if trigger in (RunTrigger.MANUAL, RunTrigger.API, RunTrigger.COMMAND):
                    audit_record(
                        enterprise=enterprise,
                        actor=actor,
                        action="run.request",
                        target=run.host_name or kind,
                        after={"run": run.pk},
                    )
                if publish:
                    run_publish(run.pk)
        except IntegrityError:
            continue  # the other click was first: show its run
        return run, True
    raise Refused("run_contended")


def _refuse_unless_syncable(instance: ServerInstance) -> None:
    if not instance.connect_enabled:
        raise Refused("connect_disabled", host=instance.host_name)
    if not instance.license_sync_enabled:
        raise Refused("license_sync_disabled", host=instance.host_name)
    if instance.source == Source.UPLOAD:
        raise Refused("upload_only", host=instance.host_name)


def _active(
    enterprise: Enterprise, kind: RunKind, instance: ServerInstance | None
) -> SyncRun | None:
    return SyncRun.objects.filter(
        enterprise=enterprise, kind=kind, instance=instance, state__in=ACTIVE
    ).first()


def run_publish(run_id: int, *, countdown: float = 0) -> None:
    """Wake a worker once the transaction is committed. A lost message is published again by the tick."""
    # Robust: a broker that is down is logged, and costs no more than a lost message does.
    transaction.on_commit(lambda: worker_wake(run_id, countdown=countdown), robust=True)


# --- What an owner decides -----------------------------------------------------------------------


def run_cancel(*, run: SyncRun, actor: Actor) -> None:
    """Cancel a queued run at once; ask a running one to stop. Refused if it has ended."""
    queued = SyncRun.objects.filter(pk=run.pk, state=RunState.QUEUED).update(
        state=RunState.CANCELLED,
        finished_at=timezone.now(),
        error_code="cancelled_by_owner",
        error_params={},
    )
    if queued:
        run.chunks.all().delete()
    elif not SyncRun.objects.filter(pk=run.pk, state=RunState.RUNNING).update(
        cancel_requested=True
    ):
        raise Refused("run_not_active", run=run.pk)
    audit_record(enterprise=run.enterprise, actor=actor, action="run.cancel", target=str(run.pk))


def run_discard(*, run: SyncRun, actor: Actor) -> None:
    """Throw a held result away; what was applied stays. Refused unless the run is held."""
    with transaction.atomic():
        if not SyncRun.objects.filter(pk=run.pk, state=RunState.HELD).update(
            state=RunState.CANCELLED, error_code="discarded", error_params={}
        ):
            raise Refused("run_not_held", run=run.pk)
        run.chunks.all().delete()
        audit_record(
            enterprise=run.enterprise, actor=actor, action="run.discard", target=str(run.pk)
        )


def runs_cancel_for(*, instance: ServerInstance, code: str) -> None:
    """End whatever is active or held for an instance whose Connect is disabled or that is removed.

    The worker of a running one finds its claim lost at its next write and stops.
    """
    runs = SyncRun.objects.filter(instance=instance, state__in=[*ACTIVE, RunState.HELD])
    ids = list(runs.values_list("pk", flat=True))
    with transaction.atomic():
        # Ended first: a chunk that a worker is writing now is there when the chunks are deleted.
        runs.filter(pk__in=ids).update(
            state=RunState.CANCELLED,
            finished_at=timezone.now(),
            error_code=code,
            error_params={"host": instance.host_name},
        )
        RunChunk.objects.filter(run__in=ids, run__state=RunState.CANCELLED).delete()


# --- The sweep -----------------------------------------------------------------------------------


def runs_sweep() -> int:
    """Queue again every run whose worker died (lease run out), or fail it after the last try.

    Then wakes workers for what waits. Returns how many lost runs were found. A time further ahead
    than any that is ever set is of a clock that was wrong, and holds nothing up.
    """
    now = timezone.now()
    found = 0
    lost = SyncRun.objects.filter(state=RunState.RUNNING).exclude(
        lease_until__gte=now, lease_until__lte=now + FURTHEST
    )
    for run in lost:
        # Its worker may have come back since the list was read: the lease is asked again.
        mine = lost.filter(pk=run.pk, attempt=run.attempt)
        last = run.tries + 1 >= settings.LICSYNC_MAX_TRIES
        with transaction.atomic():
            if run.cancel_requested:
                code = "cancelled_by_owner"
                moved = mine.update(
                    state=RunState.CANCELLED,
                    phase=RunPhase.WAITING,
                    finished_at=now,
                    error_code=code,
                    error_params={},
                )
            elif last:
                code = "worker_lost"
                moved = mine.update(
                    state=RunState.FAILED,
                    phase=RunPhase.WAITING,
                    tries=F("tries") + 1,
                    finished_at=now,
                    error_code=code,
                    error_params={"tries": run.tries + 1},
                )
            else:
                code = "worker_lost_requeued"
                moved = mine.update(
                    state=RunState.QUEUED,
                    phase=RunPhase.WAITING,
                    tries=F("tries") + 1,
                    not_before=now,
                )
            if not moved:
                continue
            if last or run.cancel_requested:
                run.chunks.all().delete()
            RunLogLine.objects.create(
                run=run,
                at=now,
                attempt=run.attempt,
                level=RunLogLine.Level.WARNING,
                code=code,
                params={"tries": run.tries + 1},
            )
            if code == "worker_lost_requeued":
                run_publish(run.pk)
            elif code == "worker_lost":
                run.refresh_from_db()
                run_ended(run)
        found += 1
    queued = SyncRun.objects.filter(state=RunState.QUEUED)
    queued.filter(not_before__gt=now + FURTHEST).update(not_before=now)
    a_tick_ago = now - dt.timedelta(seconds=settings.LICSYNC_TICK_SECONDS)
    waiting = queued.filter(not_before__lte=a_tick_ago).order_by("not_before", "pk")
    _publish_again(waiting.values_list("pk", flat=True))
    return found


def _publish_again(waiting: QuerySet[SyncRun, int]) -> None:
    """Publish what was due a tick ago and is still queued, where its message may be lost.

    While the broker holds messages of runs, workers have what to do, and those who wait are behind it:
    published at each tick, a thousand runs would bury the broker in messages for nothing. Only the one
    that has waited longest is then published, for its message may be lost though others are there.
    """
    if not waiting.exists():
        return
    try:
        held = wakes_held()
    except BROKER_AWAY as error:
        log.warning("broker_away", error=type(error).__name__)
        return
    for run_id in waiting[:1] if held else waiting:
        run_publish(run_id)
