"""Executing a run: claim it, do its work, and bring it to one of the documented endings."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import structlog
from django.conf import settings

from enterprise.faults import Fault
from enterprise.models import Credential, RunKind, RunState, Source, SyncRun
from enterprise.services.alert_checks import alerts_check
from enterprise.services.allocation import allocations_refresh_due
from enterprise.services.claims import (
    Claim,
    ClaimLostError,
    RunCancelledError,
    RunOverBudgetError,
    run_claim,
    run_end_cancelled,
    run_fail,
)
from enterprise.services.database_away import DATABASE_AWAY
from enterprise.services.difference import differences_refresh_due
from enterprise.services.full_disk import disk_is_full
from enterprise.services.insights import insights_refresh_due
from enterprise.services.recount import recount
from enterprise.services.recounts import recounts_request_due
from enterprise.services.snapshot_changes import changes_refresh_due
from enterprise.services.sync_cloud import sync_cloud
from enterprise.services.sync_instance import sync_instance

log = structlog.get_logger(__name__)

_WORK: dict[str, Callable[[Claim], None]] = {
    RunKind.INSTANCE: sync_instance,
    RunKind.CLOUD: sync_cloud,
    RunKind.RECOUNT: recount,
}


def run_execute(*, run_id: int) -> RunState | None:
    """Do a run's work here. None if it is not to be had now; else the state it was brought to.

    A database that is locked or gone leaves the run to the sweep: its lease runs out, and another
    worker takes it up.
    """
    claim = run_claim(run_id=run_id)
    if claim is None:
        return None
    return claim_work(claim, _WORK[claim.run.kind])


def claim_work(claim: Claim, work: Callable[[Claim], None]) -> RunState:
    """Do ``work`` for the run that is claimed, and bring it to an ending; its state then."""
    run_id = claim.run.pk
    structlog.contextvars.bind_contextvars(run_id=run_id)
    try:
        _execute(claim, work)
    except ClaimLostError:
        log.info("run_taken_over", attempt=claim.run.attempt)
    finally:
        structlog.contextvars.unbind_contextvars("run_id")
    recounts_request_due(enterprise_id=claim.run.enterprise_id)
    state = RunState(SyncRun.objects.values_list("state", flat=True).get(pk=run_id))
    if claim.run.kind == RunKind.RECOUNT and state == RunState.SUCCEEDED:
        differences_refresh_due(enterprise_id=claim.run.enterprise_id)
        changes_refresh_due(enterprise_id=claim.run.enterprise_id)
        allocations_refresh_due(enterprise_id=claim.run.enterprise_id)
        insights_refresh_due(enterprise_id=claim.run.enterprise_id)
    try:
        alerts_check(enterprise_id=claim.run.enterprise_id)
    except DATABASE_AWAY as error:  # the next tick does it
        log.warning("alerts_postponed", error=type(error).__name__)
    return state


def _token_is_newer(claim: Claim) -> bool:
    """Whether a token was saved since the run began: the one that was refused may be the old one."""
    run = claim.run
    saved = Credential.objects.filter(enterprise=run.enterprise_id, saved_at__gt=run.started_at)
    return saved.exists()


def _execute(claim: Claim, work: Callable[[Claim], None]) -> None:
    if claim.run.cancel_requested:  # just as it was queued again
        run_end_cancelled(claim)
        return
    claim.log("run_started", attempt=claim.run.attempt)
    try:
        work(claim)
    except RunCancelledError:
        run_end_cancelled(claim)
    except RunOverBudgetError:
        seconds = settings.LICSYNC_RUN_BUDGET_SECONDS
        run_fail(claim, Fault("run_budget_exceeded", seconds=seconds))
    except Fault as fault:
        fault.retry |= fault.code == "bad_credentials" and _token_is_newer(claim)
        run_fail(claim, fault)
    except ClaimLostError:
        raise
    except Exception as error:
        if disk_is_full(error):
            # Where not even this can be written, the run is left to the sweep.
            kept = claim.run.source != Source.UPLOAD  # whose file goes with this process
            run_fail(claim, Fault("disk_full", retry=kept))
            return
        if isinstance(error, DATABASE_AWAY):
            raise
        # The message may quote data (a constraint's values, a parser's line): only where it was.
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("run_crashed", error=type(error).__name__, frames=frames)  # noqa: TRY400
        run_fail(claim, Fault("internal_error", error=type(error).__name__))
