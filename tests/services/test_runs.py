"""The machine drawn in ``models.SyncRun``: each arrow, and that every other one is refused."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import structlog
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from enterprise.faults import Fault, Refused
from enterprise.models import (
    Enterprise,
    RunChunk,
    RunKind,
    RunState,
    RunTrigger,
    ServerInstance,
    Source,
    SyncRun,
)
from enterprise.services.claims import (
    Claim,
    ClaimLostError,
    RunCancelledError,
    RunOverBudgetError,
    run_claim,
    run_end_cancelled,
    run_fail,
    run_hold,
    run_succeed,
)
from enterprise.services.held import run_apply_held
from enterprise.services.runs import run_cancel, run_discard, run_publish, run_request, runs_sweep
from enterprise.services.staging import Staging
from enterprise.services.sync import claim_work, run_execute
from tests.conftest import JsonLines
from tests.factories import EnterpriseFactory, ServerInstanceFactory, SyncRunFactory, ago
from tests.services.conftest import MONA, actions, refusal
from tests.threads import together

pytestmark = pytest.mark.django_db

QUEUED, RUNNING = RunState.QUEUED, RunState.RUNNING
SUCCEEDED, FAILED = RunState.SUCCEEDED, RunState.FAILED
HELD, CANCELLED = RunState.HELD, RunState.CANCELLED
COUNTS = {"read": 0, "added": 0, "changed": 0, "removed": 0, "consuming": 0}
TRANSIENT = Fault("timed_out", retry=True)


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    return ServerInstanceFactory(enterprise=enterprise, host_name="ghes1.example.com", syncing=True)


def run_in(state: RunState, instance: ServerInstance, **fields: Any) -> SyncRun:
    """A run in a state, with one staged chunk. Its worker, if it has one, is on attempt 1."""
    lease = timezone.now() + dt.timedelta(minutes=5) if state == RUNNING else None
    values = {"state": state, "attempt": 1, "lease_until": lease, "counts": COUNTS, **fields}
    run: SyncRun = SyncRunFactory(instance=instance, base_version=0, **values)
    RunChunk.objects.create(run=run, number=0, payload=zlib.compress(b"[]"))
    return run


def state_of(run: SyncRun) -> RunState:
    run.refresh_from_db()
    return RunState(run.state)


def requested(instance: ServerInstance, **changes: Any) -> tuple[SyncRun, bool]:
    values = {"kind": RunKind.INSTANCE, "trigger": RunTrigger.MANUAL, "actor": MONA, **changes}
    return run_request(enterprise=instance.enterprise, instance=instance, **values)


def claimed(instance: ServerInstance) -> Claim:
    run, _ = requested(instance)
    claim = run_claim(run_id=run.pk)
    assert claim is not None
    return claim


# --- Every arrow, and no other --------------------------------------------------------------------


def claim(run: SyncRun) -> None:
    if run_claim(run_id=run.pk) is None:
        raise ClaimLostError


def sweep_lost(run: SyncRun) -> None:
    """The sweep, after a lease that has run out; a run that it leaves alone counts as refused."""
    SyncRun.objects.filter(pk=run.pk).update(lease_until=ago(seconds=1))
    if not runs_sweep():
        raise ClaimLostError


def supersede(run: SyncRun) -> None:
    later = SyncRunFactory(instance=run.instance, kind=run.kind, state=CANCELLED)
    SyncRun.objects.filter(pk=later.pk).update(state=RUNNING, attempt=1)
    later.refresh_from_db()
    before = SyncRun.objects.get(pk=run.pk).state
    run_succeed(Claim(later), counts=COUNTS)
    if SyncRun.objects.get(pk=run.pk).state == before:
        raise ClaimLostError


TRANSITIONS: dict[str, tuple[Callable[[SyncRun], object], dict[RunState, RunState]]] = {
    "claim": (claim, {QUEUED: RUNNING}),
    "succeed": (lambda run: run_succeed(Claim(run), counts=COUNTS), {RUNNING: SUCCEEDED}),
    "hold": (lambda run: run_hold(Claim(run), reason="held_loss", counts=COUNTS), {RUNNING: HELD}),
    "fail": (lambda run: run_fail(Claim(run), Fault("bad_credentials")), {RUNNING: FAILED}),
    "retry": (lambda run: run_fail(Claim(run), TRANSIENT), {RUNNING: QUEUED}),
    "stop": (lambda run: run_end_cancelled(Claim(run)), {RUNNING: CANCELLED}),
    "lose the worker": (sweep_lost, {RUNNING: QUEUED}),
    # A running run is only asked to stop.
    "cancel": (
        lambda run: run_cancel(run=run, actor=MONA),
        {QUEUED: CANCELLED, RUNNING: RUNNING},
    ),
    "apply": (lambda run: run_apply_held(run=run, actor=MONA), {HELD: SUCCEEDED}),
    "discard": (lambda run: run_discard(run=run, actor=MONA), {HELD: CANCELLED}),
    "supersede": (supersede, {HELD: CANCELLED}),
}


@pytest.mark.parametrize(
    ("name", "start"),
    [
        (name, start)
        for name in TRANSITIONS
        for start in RunState.values
        if name != "supersede" or start not in (QUEUED, RUNNING)  # two active ones cannot be
    ],
)
def test_each_arrow_of_the_machine_works_and_every_other_is_refused(
    instance: ServerInstance, name: str, start: str
) -> None:
    transition, arrows = TRANSITIONS[name]
    run = run_in(RunState(start), instance)
    end = arrows.get(RunState(start))
    if end is not None:
        transition(run)
        assert state_of(run) == end
        kept = end in (QUEUED, RUNNING, HELD)
        assert run.chunks.exists() == kept, "what is staged goes when the run ends"
        return
    before = SyncRun.objects.values().get(pk=run.pk)
    with pytest.raises((ClaimLostError, Refused)), transaction.atomic():
        transition(run)
    after = SyncRun.objects.values().get(pk=run.pk)
    assert {**after, "lease_until": None} == {**before, "lease_until": None}
    assert run.chunks.exists()


# --- Asking for a run -----------------------------------------------------------------------------


def test_a_second_click_shows_the_first_run(instance: ServerInstance) -> None:
    run, new = requested(instance)
    again, second = requested(instance)
    assert (again.pk, new, second) == (run.pk, True, False)
    assert (run.host_name, run.trigger, run.actor) == ("ghes1.example.com", "manual", "mona")
    assert actions() == ["run.request"]


@pytest.mark.parametrize("kind", [RunKind.CLOUD, RunKind.RECOUNT])
def test_an_enterprise_has_one_active_cloud_run_and_one_recount(
    enterprise: Enterprise, kind: RunKind
) -> None:
    first = run_request(enterprise=enterprise, kind=kind, trigger=RunTrigger.SCHEDULE)
    second = run_request(enterprise=enterprise, kind=kind, trigger=RunTrigger.MANUAL)
    assert (first[1], second[1], first[0].pk == second[0].pk) == (True, False, True)
    other: Enterprise = EnterpriseFactory()
    assert run_request(enterprise=other, kind=kind, trigger=RunTrigger.MANUAL)[1] is True


@pytest.mark.parametrize("kind", RunKind.values)
def test_the_database_itself_refuses_a_second_active_run(
    instance: ServerInstance, kind: str
) -> None:
    of = instance if kind == RunKind.INSTANCE else None
    values = {"enterprise": instance.enterprise, "instance": of, "kind": kind}
    SyncRunFactory(state=QUEUED, **values)
    SyncRunFactory(state=HELD, **values)
    with pytest.raises(IntegrityError), transaction.atomic():
        SyncRunFactory(state=RUNNING, **values)


@pytest.mark.parametrize("state", [SUCCEEDED, FAILED, HELD, CANCELLED])
def test_an_ended_or_held_run_does_not_hinder_the_next(
    instance: ServerInstance, state: RunState
) -> None:
    run_in(state, instance)
    assert requested(instance)[1] is True


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"connect_enabled": False, "license_sync_enabled": False}, "connect_disabled"),
        ({"license_sync_enabled": False}, "license_sync_disabled"),
        ({"source": Source.UPLOAD}, "upload_only"),
    ],
)
def test_an_instance_that_is_off_or_takes_uploads_is_not_synced(
    instance: ServerInstance, changes: dict[str, Any], code: str
) -> None:
    for name, value in changes.items():
        setattr(instance, name, value)
    assert refusal(requested, instance) == (code, "")


@pytest.mark.django_db(transaction=True)
def test_clicks_at_the_same_moment_meet_at_one_run() -> None:
    instance = ServerInstanceFactory(syncing=True)
    results = together(lambda: requested(instance))
    assert sorted(str(result[1]) for result in results) == ["False"] * 5 + ["True"]  # type: ignore[index]
    assert SyncRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_workers_that_claim_at_the_same_moment_one_has_the_run() -> None:
    run, _ = requested(ServerInstanceFactory(syncing=True))
    results = together(lambda: run_claim(run_id=run.pk))
    assert [type(result) for result in results if result is not None] == [Claim]
    run.refresh_from_db()
    assert run.attempt == 1


def test_a_broker_that_is_down_costs_no_run(
    instance: ServerInstance,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def down(*_args: object, **_options: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr("enterprise.services.runs.worker_wake", down)
    with django_capture_on_commit_callbacks(execute=True):
        run, _ = requested(instance)
        run_publish(run.pk)
    assert state_of(run) == QUEUED


# --- A worker's hold ------------------------------------------------------------------------------


def test_a_run_is_not_claimed_before_its_time(instance: ServerInstance) -> None:
    run, _ = requested(instance)
    SyncRun.objects.filter(pk=run.pk).update(not_before=timezone.now() + dt.timedelta(seconds=30))
    assert run_claim(run_id=run.pk) is None
    assert run_execute(run_id=run.pk) is None
    assert state_of(run) == QUEUED


def test_a_message_that_arrives_twice_or_for_nothing_does_nothing(
    instance: ServerInstance,
) -> None:
    hold = claimed(instance)
    assert run_execute(run_id=hold.run.pk) is None
    assert run_execute(run_id=hold.run.pk + 1000) is None
    assert state_of(hold.run) == RUNNING


def test_a_worker_that_lost_its_run_writes_nothing_more(instance: ServerInstance) -> None:
    mine = claimed(instance)
    staging = Staging(mine, resume=False)
    staging.add(["mine"])
    SyncRun.objects.filter(pk=mine.run.pk).update(lease_until=ago(seconds=1))
    assert runs_sweep() == 1
    theirs = run_claim(run_id=mine.run.pk)
    assert theirs is not None
    assert theirs.run.attempt == 2
    others = Staging(theirs, resume=False)
    others.add(["theirs"])
    others.flush()
    for write in (
        staging.flush,
        mine.update,
        lambda: mine.warn("user_total_gap", stated=1, read=2),
        lambda: run_succeed(mine, counts=COUNTS),
        lambda: run_fail(mine, Fault("bad_credentials")),
        lambda: run_fail(mine, TRANSIENT),
        lambda: run_hold(mine, reason="held_loss", counts=COUNTS),
        lambda: run_end_cancelled(mine),
        lambda: Staging(mine, resume=False),
    ):
        with pytest.raises(ClaimLostError), transaction.atomic():
            write()
    assert [chunk.number for chunk in mine.run.chunks.all()] == [0]  # theirs
    run = SyncRun.objects.get(pk=mine.run.pk)
    assert (run.state, run.attempt, run.warnings) == (RUNNING, 2, [])
    theirs.update(done=1)


def test_the_apply_of_a_worker_that_lost_its_run_is_rolled_back(
    instance: ServerInstance,
) -> None:
    mine = claimed(instance)
    SyncRun.objects.filter(pk=mine.run.pk).update(attempt=2)
    with pytest.raises(ClaimLostError), transaction.atomic():  # noqa: PT012 - it rolls both back
        ServerInstance.objects.filter(pk=instance.pk).update(applied_version=99)
        mine.update(busy_for=600)
    instance.refresh_from_db()
    assert instance.applied_version == 0


def test_each_write_extends_the_lease(instance: ServerInstance, settings: Settings) -> None:
    settings.LICSYNC_LEASE_SECONDS = 45
    with time_machine.travel("2026-11-23T10:00:00Z", tick=False):
        hold = claimed(instance)
    with time_machine.travel("2026-11-23T10:00:30Z", tick=False):
        hold.update(done=5)
    run = SyncRun.objects.get(pk=hold.run.pk)
    assert (run.done, run.lease_until) == (5, dt.datetime(2026, 11, 23, 10, 1, 15, tzinfo=dt.UTC))


def test_a_beat_writes_at_most_once_a_second(
    instance: ServerInstance, django_assert_num_queries: Any
) -> None:
    with time_machine.travel("2026-11-23T10:00:00Z", tick=False) as clock:
        hold = claimed(instance)
        with django_assert_num_queries(0):
            hold.beat(1)
        clock.shift(1)
        with django_assert_num_queries(2):
            hold.beat(2)
            hold.beat(3)
    assert SyncRun.objects.get(pk=hold.run.pk).done == 2


def test_a_worker_that_writes_often_still_sees_that_it_is_cancelled(
    instance: ServerInstance,
) -> None:
    with time_machine.travel("2026-11-23T10:00:00Z", tick=False) as clock:
        hold = claimed(instance)
        run_cancel(run=hold.run, actor=MONA)
        clock.shift(0.7)
        hold.update(done=1)
        clock.shift(0.7)
        with pytest.raises(RunCancelledError):
            hold.beat(2)


def test_a_run_over_its_budget_ends_for_good(instance: ServerInstance, settings: Settings) -> None:
    settings.LICSYNC_RUN_BUDGET_SECONDS = 100
    with time_machine.travel("2026-11-23T10:00:00Z", tick=False) as clock:
        hold = claimed(instance)
        clock.shift(99)
        hold.beat()
        clock.shift(2)
        with pytest.raises(RunOverBudgetError):
            hold.beat()


# --- Trying again ---------------------------------------------------------------------------------


def test_a_retry_waits_as_long_as_the_server_asked(instance: ServerInstance) -> None:
    with time_machine.travel("2026-11-23T10:00:00Z", tick=False):
        hold = claimed(instance)
        run_fail(hold, Fault("rate_limited", retry=True, after=600))
        run = SyncRun.objects.get(pk=hold.run.pk)
        assert run.not_before == timezone.now() + dt.timedelta(minutes=10)
        assert (run.state, run.tries, run.error_code) == (QUEUED, 1, "rate_limited")


def test_back_off_doubles_with_each_try(instance: ServerInstance, settings: Settings) -> None:
    settings.LICSYNC_RETRY_BASE_SECONDS = 10
    for tries in range(4):
        with time_machine.travel("2026-11-23T10:00:00Z", tick=False):
            hold = claimed(instance)
            hold.run.tries = tries
            run_fail(hold, TRANSIENT)
            run = SyncRun.objects.get(pk=hold.run.pk)
            wait = (run.not_before - timezone.now()).total_seconds()
        assert 5 * 2**tries <= wait <= 10 * 2**tries
        SyncRun.objects.filter(pk=run.pk).update(state=FAILED)


def test_the_last_try_fails(instance: ServerInstance, settings: Settings) -> None:
    settings.LICSYNC_MAX_TRIES = 3
    run, _ = requested(instance)
    for expected in (QUEUED, QUEUED, FAILED):
        hold = run_claim(run_id=run.pk)
        assert hold is not None
        run_fail(hold, TRANSIENT)
        assert state_of(run) == expected
    assert (run.tries, run.attempt, run.error_code) == (3, 3, "timed_out")
    assert run.finished_at is not None


def test_a_wait_beyond_the_budget_fails_at_once(
    instance: ServerInstance, settings: Settings
) -> None:
    settings.LICSYNC_RUN_BUDGET_SECONDS = 100
    hold = claimed(instance)
    run_fail(hold, Fault("rate_limited", retry=True, after=3600))
    assert state_of(hold.run) == FAILED


def test_a_success_forgets_the_trouble_before_it(instance: ServerInstance) -> None:
    hold = claimed(instance)
    run_fail(hold, TRANSIENT)
    again = run_claim(run_id=hold.run.pk)
    assert again is not None
    run_succeed(again, counts=COUNTS)
    run = SyncRun.objects.get(pk=hold.run.pk)
    assert (run.error_code, run.error_params, run.counts) == ("", {}, COUNTS)
    assert run.started_at == hold.run.started_at


# --- Cancelling -----------------------------------------------------------------------------------


def test_a_cancelled_run_is_not_tried_again(instance: ServerInstance) -> None:
    hold = claimed(instance)
    run_cancel(run=hold.run, actor=MONA)
    run_fail(hold, TRANSIENT)
    assert state_of(hold.run) == CANCELLED
    assert hold.run.error_code == "cancelled_by_owner"


def test_a_run_cancelled_just_as_it_was_queued_again_does_no_work(
    instance: ServerInstance,
) -> None:
    run = run_in(QUEUED, instance, cancel_requested=True)
    assert run_execute(run_id=run.pk) == CANCELLED
    assert [line.code for line in run.log.all()] == ["cancelled_by_owner"]


def test_cancelling_and_discarding_are_audited(instance: ServerInstance) -> None:
    run_cancel(run=run_in(QUEUED, instance), actor=MONA)
    run_discard(run=run_in(HELD, instance), actor=MONA)
    assert actions() == ["run.cancel", "run.discard"]


# --- Held and superseded --------------------------------------------------------------------------


def test_a_held_result_applies_only_onto_the_data_it_was_compared_with(
    instance: ServerInstance,
) -> None:
    run = run_in(HELD, instance)
    ServerInstance.objects.filter(pk=instance.pk).update(applied_version=1)
    assert refusal(run_apply_held, run=run, actor=MONA) == ("data_changed", "")
    assert state_of(run) == HELD
    assert run.chunks.exists()


def test_a_success_supersedes_only_earlier_held_runs_of_the_same_thing(
    instance: ServerInstance,
) -> None:
    enterprise = instance.enterprise
    earlier = run_in(HELD, instance)
    elsewhere = run_in(HELD, ServerInstanceFactory(enterprise=enterprise, syncing=True))
    cloud = SyncRunFactory(enterprise=enterprise, of_cloud=True, state=HELD)
    hold = claimed(instance)
    later = run_in(HELD, instance)
    run_succeed(hold, counts=COUNTS)
    assert state_of(earlier) == CANCELLED
    assert (earlier.error_code, earlier.error_params) == ("superseded", {"run": hold.run.pk})
    assert [state_of(run) for run in (elsewhere, cloud, later)] == [HELD, HELD, HELD]


def test_a_failure_supersedes_nothing(instance: ServerInstance) -> None:
    held = run_in(HELD, instance)
    run_fail(claimed(instance), Fault("bad_credentials"))
    assert state_of(held) == HELD


def test_what_is_logged_while_a_run_is_worked_on_carries_its_id(
    instance: ServerInstance, json_lines: JsonLines
) -> None:
    def crash(_claim: Claim) -> None:
        raise ValueError

    log = structlog.get_logger("tests.runs")
    with json_lines("enterprise.services.sync") as lines, json_lines("tests.runs") as later:
        run = run_in(QUEUED, instance)
        assert claim_work(run_claim(run_id=run.pk), crash) == FAILED
        log.info("afterwards")
    assert [(line["event"], line["run_id"]) for line in lines] == [("run_crashed", run.pk)]
    assert ["run_id" in line for line in later] == [False]
