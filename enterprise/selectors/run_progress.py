"""How far a run is: the phases of its kind, how long each took, and the pace of the current one."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from enterprise.models import RunLogLine, RunPhase, RunState, SyncRun
from enterprise.models.sync import PHASES, RATE_HOLDS, phase_code


class Step(NamedTuple):
    """One phase of a run. ``state`` is done, current, coming, ended (the run ended in it) or left.

    ``took`` is how many seconds it took, or has taken so far; None where that is not known.
    """

    phase: RunPhase
    state: str
    took: float | None


_HERE = {RunState.RUNNING: "current", RunState.FAILED: "ended", RunState.CANCELLED: "ended"}
_AFTER = {RunState.SUCCEEDED: "done", RunState.FAILED: "left", RunState.CANCELLED: "left"}
"""What a state of the run makes of the phase that began last, and of those after it."""


def run_rate(run: SyncRun) -> int | None:
    """Records a second; None unless its worker has measured it within the last moments."""
    if run.state != RunState.RUNNING or run.lease_until is None:
        return None
    written_at = run.lease_until - dt.timedelta(seconds=settings.LICSYNC_LEASE_SECONDS)
    return run.rate if timezone.now() - written_at < RATE_HOLDS else None


def run_steps(run: SyncRun, log: list[RunLogLine]) -> list[Step]:
    """The phases of the run's last attempt, in order, by its whole log.

    None if it ended, though not well, without a word on them.
    """
    phases = PHASES[run.kind]
    log = [line for line in log if line.attempt == run.attempt]
    begun = _begun(log, phases) if run.state != RunState.QUEUED else {}
    if run.state == RunState.RUNNING and run.phase in phases:
        last = phases.index(RunPhase(run.phase))  # an older version logged no phase
    else:
        last = max(map(phases.index, begun), default=-1)
    if last < 0 and run.state in (RunState.HELD, RunState.FAILED, RunState.CANCELLED):
        return []
    ends = [begun.get(phase) for phase in phases[1:]] + [None]
    if run.state == RunState.RUNNING:
        ends[last] = timezone.now()
    elif run.state in (RunState.SUCCEEDED, RunState.HELD):
        ends[last] = log[-1].at if begun else None
    steps = []
    for place, (phase, end) in enumerate(zip(phases, ends, strict=True)):
        start = begun.get(phase)
        here = _HERE.get(RunState(run.state), "done") if place == last else "done"
        state = here if place <= last else _AFTER.get(RunState(run.state), "coming")
        took = (end - start).total_seconds() if start and end else None
        steps.append(Step(phase, state, took))
    return steps


def _begun(log: list[RunLogLine], phases: tuple[RunPhase, ...]) -> dict[RunPhase, dt.datetime]:
    """When each phase began; a recount that reads again has begun nothing after that."""
    codes = {phase_code(phase): place for place, phase in enumerate(phases)}
    begun: dict[RunPhase, dt.datetime] = {}
    for line in log:
        place = codes.get(line.code)
        if place is not None:
            for later in phases[place + 1 :]:
                begun.pop(later, None)
            begun[phases[place]] = line.at
    return begun
