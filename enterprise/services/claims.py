"""A worker's hold on a run: claimed first, fenced at every write, brought to one of its endings.

Tasks carry only an id; a message may arrive twice, late or never. The attempt number is a fencing
token: a worker that lost its run cannot write to it any more.
"""

from __future__ import annotations

import datetime as dt
import random
import time
from collections import deque
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enterprise.faults import Fault
from enterprise.models import RunLogLine, RunPhase, RunState, SyncRun
from enterprise.models.sync import RATE_HOLDS, phase_code
from enterprise.services.events import run_ended
from enterprise.services.runs import run_publish


class ClaimLostError(Exception):
    """Somebody else has the run now, or it was ended: this worker must stop and write nothing."""


class RunCancelledError(Exception):
    """An owner asked this run to stop."""


class RunOverBudgetError(Exception):
    """The run has had all the time that one run may take; not a Fault, which a part may live with."""


class _Pace:
    """Records a second, by what this worker itself has counted of a phase in the last moments.

    None until it has counted twice, and after a pause: what was so before is not so now. What an
    earlier attempt has read is no part of it.
    """

    def __init__(self) -> None:
        self._counted: deque[tuple[float, int]] = deque(maxlen=10)

    def after(self, done: int | None) -> int | None:
        """The pace, ``done`` records having been counted by now; None if nothing was counted."""
        now = time.monotonic()
        counted = self._counted
        if counted and now - counted[-1][0] > RATE_HOLDS.total_seconds():
            counted.clear()
        if done is not None:
            if counted and done < counted[-1][1]:
                counted.clear()  # it began anew
            counted.append((now, done))
        if len(counted) < 2:
            return None
        (since, before), (until, total) = counted[0], counted[-1]
        return round((total - before) / (until - since)) if until > since else None


class Claim:
    """One worker's hold on one run; every write is fenced by state and attempt number."""

    def __init__(self, run: SyncRun) -> None:
        self.run = run
        self._beat_at = timezone.now()
        self._pace = _Pace()

    @property
    def deadline(self) -> dt.datetime:
        """When the budget of the whole run, all attempts included, is used up."""
        started = self.run.started_at or timezone.now()
        return started + dt.timedelta(seconds=settings.LICSYNC_RUN_BUDGET_SECONDS)

    def update(self, *, busy_for: float = 0, **fields: Any) -> None:
        """Write to the run and extend the lease. Raises ClaimLostError if the run is no longer ours.

        ``busy_for`` is how many seconds longer than the lease the next beat may take at the most.
        """
        now = timezone.now()
        lease = settings.LICSYNC_LEASE_SECONDS + busy_for
        written = SyncRun.objects.filter(
            pk=self.run.pk, state=RunState.RUNNING, attempt=self.run.attempt
        ).update(lease_until=now + dt.timedelta(seconds=lease), **fields)
        if not written:
            raise ClaimLostError
        for name, value in fields.items():
            setattr(self.run, name, value)

    def beat(self, done: int | None = None) -> None:
        """Say that this worker lives, at most once a second; stop if cancelled or over budget."""
        now = timezone.now()
        # A clock that was set back must not keep this worker silent until it has caught up.
        if (
            0
            <= (now - self._beat_at).total_seconds()
            < min(1.0, settings.LICSYNC_LEASE_SECONDS / 4)
        ):
            return
        self._beat_at = now
        if now > self.deadline:
            raise RunOverBudgetError
        counted = {} if done is None else {"done": done}
        self.update(rate=self._pace.after(done), **counted)
        if SyncRun.objects.filter(pk=self.run.pk, cancel_requested=True).exists():
            raise RunCancelledError

    def phase(self, phase: RunPhase, *, expected: int | None = None) -> None:
        self._pace = _Pace()
        self.update(phase=phase, done=0, expected=expected, rate=None)
        self.log(phase_code(phase))

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
        "rate": None,
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


def _end(claim: Claim, state: RunState, **fields: Any) -> None:
    """End the run and drop what it staged, unless it is held for an owner to decide."""
    with transaction.atomic():
        claim.update(state=state, phase=RunPhase.WAITING, finished_at=timezone.now(), **fields)
        if state != RunState.HELD:
            claim.run.chunks.all().delete()
        run_ended(claim.run)


def run_succeed(claim: Claim, *, counts: dict[str, int]) -> None:
    """End as succeeded; called inside the apply transaction."""
    _end(claim, RunState.SUCCEEDED, counts=counts, error_code="", error_params={})
    claim.log("run_succeeded")
    supersede_held(claim.run)


def supersede_held(run: SyncRun) -> None:
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
    """Queue the run again if trying again can help and tries and budget are left, else fail it.

    One that an owner asked to stop is not tried again.
    """
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
    if SyncRun.objects.filter(pk=run.pk, cancel_requested=True).exists():
        run_end_cancelled(claim)
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
