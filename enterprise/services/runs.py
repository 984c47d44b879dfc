"""The life of a sync run: every transition of the machine drawn in ``models.SyncRun``.

Tasks carry only an id and claim first; a message may arrive twice, late or never. The attempt number
is a fencing token: a worker that lost its run cannot write to it any more.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from enterprise.faults import Fault, Refused
from enterprise.models import (
    Enterprise,
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


class ClaimLost(Exception):
    """Somebody else has the run now, or it was ended: this worker must stop and write nothing."""


class RunCancelled(Exception):
    """An owner asked this run to stop."""


# --- Asking for a run ----------------------------------------------------------------------------


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
                if trigger == RunTrigger.MANUAL:
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
    from enterprise.tasks import run_execute  # noqa: PLC0415 - the task module imports the services

    transaction.on_commit(lambda: run_execute.apply_async((run_id,), countdown=countdown))


# --- A worker's hold on a run --------------------------------------------------------------------


class Claim:
    """One worker's hold on one run; every write is fenced by state and attempt number."""

    def __init__(self, run: SyncRun) -> None:
        self.run = run
        self._beat_at = timezone.now()

    @property
    def deadline(self) -> dt.datetime:
        """When the budget of the whole run, all attempts included, is used up."""
        started = self.run.started_at or timezone.now()
        return started + dt.timedelta(seconds=settings.LICSYNC_RUN_BUDGET_SECONDS)

    def update(self, *, lease_seconds: float = 0, **fields: Any) -> None:
        """Write to the run and extend the lease. Raises ClaimLost if the run is no longer ours."""
        now = timezone.now()
        lease = max(lease_seconds, settings.LICSYNC_LEASE_SECONDS)
        written = SyncRun.objects.filter(
            pk=self.run.pk, state=RunState.RUNNING, attempt=self.run.attempt
        ).update(lease_until=now + dt.timedelta(seconds=lease), **fields)
        if not written:
            raise ClaimLost
        for name, value in fields.items():
            setattr(self.run, name, value)
        self._beat_at = now

    def beat(self, done: int | None = None) -> None:
        """Say that this worker lives, at most once a second; stop if cancelled or over budget."""
        now = timezone.now()
        if (now - self._beat_at).total_seconds() < min(1.0, settings.LICSYNC_LEASE_SECONDS / 4):
            return
        if now > self.deadline:
            raise Fault("run_budget_exceeded", seconds=settings.LICSYNC_RUN_BUDGET_SECONDS)
        self.update(**({} if done is None else {"done": done}))
        if SyncRun.objects.filter(pk=self.run.pk, cancel_requested=True).exists():
            raise RunCancelled

    def phase(self, phase: RunPhase, *, expected: int | None = None) -> None:
        self.update(phase=phase, done=0, expected=expected)

    def log(self, code: str, *, level: str = RunLogLine.Level.INFO, **params: Any) -> None:
        RunLogLine.objects.create(
            run_id=self.run.pk,
            at=timezone.now(),
            attempt=self.run.attempt,
            level=level,
            code=code,
            params=params,
        )

    def warn(self, code: str, **params: Any) -> None:
        """A gap that does not stop the run: kept on the run and in its log."""
        self.run.warnings = [*self.run.warnings, {"code": code, "params": params}]
        self.update(warnings=self.run.warnings)
        self.log(code, level=RunLogLine.Level.WARNING, **params)


def run_claim(*, run_id: int) -> Claim | None:
    """Take a queued run that may start now, by one conditional UPDATE; None if it is not to be had."""
    now = timezone.now()
    run = (
        SyncRun.objects.select_related("enterprise", "instance__enterprise")
        .filter(pk=run_id, state=RunState.QUEUED, not_before__lte=now)
        .first()
    )
    if run is None:
        return None
    fields = {
        "state": RunState.RUNNING,
        "attempt": run.attempt + 1,
        "lease_until": now + dt.timedelta(seconds=settings.LICSYNC_LEASE_SECONDS),
        "started_at": run.started_at or now,
        "phase": RunPhase.WAITING,
        "warnings": [],
    }
    taken = SyncRun.objects.filter(pk=run_id, state=RunState.QUEUED, attempt=run.attempt).update(
        **fields
    )
    if not taken:
        return None
    for name, value in fields.items():
        setattr(run, name, value)
    return Claim(run)


# --- Endings -------------------------------------------------------------------------------------


def _end(claim: Claim, state: RunState, **fields: Any) -> None:
    """End the run and drop what it staged, unless it is held for an owner to decide."""
    with transaction.atomic():
        claim.update(state=state, phase=RunPhase.WAITING, finished_at=timezone.now(), **fields)
        if state != RunState.HELD:
            claim.run.chunks.all().delete()


def run_succeed(claim: Claim, *, counts: dict[str, int]) -> None:
    """End as succeeded; called inside the apply transaction."""
    _end(claim, RunState.SUCCEEDED, counts=counts, error_code="", error_params={})
    claim.log("run_succeeded", **counts)
    _supersede_held(claim.run)


def _supersede_held(run: SyncRun) -> None:
    """A later run that succeeds takes the place of held ones (section 5)."""
    held = SyncRun.objects.filter(
        enterprise_id=run.enterprise_id,
        kind=run.kind,
        instance_id=run.instance_id,
        state=RunState.HELD,
        pk__lt=run.pk,
    )
    for other in held:
        other.chunks.all().delete()
    held.update(state=RunState.CANCELLED, error_code="superseded", error_params={"run": run.pk})


def run_hold(claim: Claim, *, reason: str, counts: dict[str, int], **params: Any) -> None:
    """Keep the staged result for an owner to apply or discard."""
    _end(claim, RunState.HELD, counts=counts, error_code=reason, error_params=params)
    claim.log(reason, level=RunLogLine.Level.WARNING, **params)


def run_fail(claim: Claim, fault: Fault) -> None:
    """Queue the run again if trying again can help and tries and budget are left, else fail it."""
    run = claim.run
    tries = run.tries + 1
    wait = max(fault.after or 0.0, backoff_seconds(run.tries))
    late = timezone.now() + dt.timedelta(seconds=wait) > claim.deadline
    claim.log(fault.code, level=RunLogLine.Level.ERROR, **fault.params)
    if not fault.retry or tries >= settings.LICSYNC_MAX_TRIES or late:
        _end(
            claim,
            RunState.FAILED,
            tries=tries,
            error_code=fault.code,
            error_params=fault.params,
        )
        return
    with transaction.atomic():
        claim.log("run_retry", seconds=round(wait), next=tries + 1, of=settings.LICSYNC_MAX_TRIES)
        claim.update(
            state=RunState.QUEUED,
            phase=RunPhase.WAITING,
            tries=tries,
            not_before=timezone.now() + dt.timedelta(seconds=wait),
            error_code=fault.code,
            error_params=fault.params,
        )
        run_publish(run.pk, countdown=wait)


def backoff_seconds(tries: int) -> float:
    """Exponential, with full jitter on the upper half: base × 2^tries × [0.5, 1]."""
    base: float = settings.LICSYNC_RETRY_BASE_SECONDS
    return float(base * 2**tries * random.uniform(0.5, 1))  # noqa: S311 - jitter, not a secret


def run_end_cancelled(claim: Claim, *, code: str = "cancelled_by_owner", **params: Any) -> None:
    _end(claim, RunState.CANCELLED, error_code=code, error_params=params)
    claim.log(code, **params)


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
    for run in runs:
        run.chunks.all().delete()
    runs.update(
        state=RunState.CANCELLED,
        finished_at=timezone.now(),
        error_code=code,
        error_params={"host": instance.host_name},
    )


# --- The sweep -----------------------------------------------------------------------------------


def runs_sweep() -> int:
    """Queue again every run whose worker died (lease run out), or fail it after the last try.

    Publishes every queued run that is due, for its message may be lost. Returns how many were found.
    """
    now = timezone.now()
    found = 0
    lost = SyncRun.objects.filter(state=RunState.RUNNING).exclude(lease_until__gte=now)
    for run in lost:
        mine = SyncRun.objects.filter(pk=run.pk, state=RunState.RUNNING, attempt=run.attempt)
        last = run.tries + 1 >= settings.LICSYNC_MAX_TRIES
        with transaction.atomic():
            if run.cancel_requested:
                moved = mine.update(
                    state=RunState.CANCELLED, finished_at=now, error_code="cancelled_by_owner"
                )
            elif last:
                moved = mine.update(
                    state=RunState.FAILED,
                    tries=F("tries") + 1,
                    finished_at=now,
                    error_code="worker_lost",
                    error_params={"tries": run.tries + 1},
                )
            else:
                moved = mine.update(state=RunState.QUEUED, tries=F("tries") + 1, not_before=now)
            if not moved:
                continue
            if last or run.cancel_requested:
                run.chunks.all().delete()
            RunLogLine.objects.create(
                run=run,
                at=now,
                attempt=run.attempt,
                level=RunLogLine.Level.WARNING,
                code="worker_lost" if last else "worker_lost_requeued",
                params={"tries": run.tries + 1},
            )
        found += 1
    for run_id in SyncRun.objects.filter(state=RunState.QUEUED, not_before__lte=now).values_list(
        "pk", flat=True
    ):
        run_publish(run_id)
    return found
