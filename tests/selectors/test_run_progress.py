"""How far a run is: its phases with how long each took, and a pace that is never an old one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from enterprise.models import RunKind, RunPhase, RunState, SyncRun
from enterprise.models.sync import PHASES, phase_code
from enterprise.selectors.run_progress import run_rate, run_steps
from enterprise.services import claims
from enterprise.services.claims import Claim
from tests.factories import RunLogLineFactory, SyncRunFactory, ago

pytestmark = pytest.mark.django_db
READING, CHECKING, APPLYING = PHASES[RunKind.INSTANCE]


def begin(run: SyncRun, phase: RunPhase, seconds_ago: int, **fields: Any) -> None:
    RunLogLineFactory(
        run=run, code=phase_code(phase), params={}, at=ago(seconds=seconds_ago), **fields
    )


def end(run: SyncRun, code: str, seconds_ago: int) -> None:
    RunLogLineFactory(run=run, code=code, params={}, at=ago(seconds=seconds_ago))


def told(run: SyncRun) -> list[tuple[RunPhase, str, int | None]]:
    return [
        (step.phase, step.state, None if step.took is None else round(step.took))
        for step in run_steps(run, list(run.log.order_by("pk")))
    ]


class TestThePhases:
    def test_one_is_done_one_is_current_and_one_is_to_come(self) -> None:
        run = SyncRunFactory(running=True, phase=CHECKING)
        begin(run, READING, 40)
        begin(run, CHECKING, 10)
        assert told(run) == [
            (READING, "done", 30),
            (CHECKING, "current", 10),
            (APPLYING, "coming", None),
        ]

    @pytest.mark.parametrize("trait", [{}, {"running": True}])
    def test_all_are_to_come_before_the_first_began(self, trait: dict[str, bool]) -> None:
        assert {state for _, state, _ in told(SyncRunFactory(**trait))} == {"coming"}

    def test_an_attempt_says_nothing_of_the_one_before(self) -> None:
        run = SyncRunFactory(running=True, phase=READING, attempt=2)
        begin(run, READING, 90, attempt=1)
        begin(run, CHECKING, 80, attempt=1)
        begin(run, READING, 5, attempt=2)
        assert told(run)[:2] == [(READING, "current", 5), (CHECKING, "coming", None)]

    def test_a_run_that_waits_for_its_next_attempt_has_all_of_it_before_it(self) -> None:
        run = SyncRunFactory(attempt=1)
        begin(run, READING, 90)
        assert {state for _, state, _ in told(run)} == {"coming"}

    def test_of_a_run_that_succeeded_each_says_how_long_it_took(self) -> None:
        run = SyncRunFactory(succeeded=True)
        for phase, then in ((READING, 100), (CHECKING, 60), (APPLYING, 50)):
            begin(run, phase, then)
        end(run, "run_succeeded", 45)
        assert told(run) == [
            (READING, "done", 40),
            (CHECKING, "done", 10),
            (APPLYING, "done", 5),
        ]

    def test_an_owners_time_to_decide_is_no_part_of_a_phase(self) -> None:
        run = SyncRunFactory(held=True)
        begin(run, READING, 3600)
        begin(run, CHECKING, 3500)
        end(run, "held_loss", 3490)
        checked = [(READING, "done", 100), (CHECKING, "done", 10)]
        assert told(run) == [*checked, (APPLYING, "coming", None)]
        run.state, run.finished_at = RunState.SUCCEEDED, timezone.now()
        assert told(run) == [*checked, (APPLYING, "done", None)]

    @pytest.mark.parametrize("state", [RunState.FAILED, RunState.CANCELLED])
    def test_the_phase_is_named_in_which_a_run_ended(self, state: RunState) -> None:
        run = SyncRunFactory(failed=True, state=state)
        begin(run, READING, 60)
        end(run, "bad_credentials", 50)
        assert told(run) == [
            (READING, "ended", None),
            (CHECKING, "left", None),
            (APPLYING, "left", None),
        ]

    def test_a_recount_that_reads_again_is_where_it_was_at_the_beginning(self) -> None:
        run = SyncRunFactory(
            instance=None, kind=RunKind.RECOUNT, running=True, phase=RunPhase.READING
        )
        begin(run, RunPhase.READING, 30)
        begin(run, RunPhase.MATCHING, 20)
        begin(run, RunPhase.READING, 4)
        assert [(state, took) for _, state, took in told(run)] == [
            ("current", 4),
            ("coming", None),
            ("coming", None),
        ]

    def test_what_an_older_version_has_run_is_told_as_far_as_it_is_known(self) -> None:
        assert told(SyncRunFactory(failed=True)) == []
        assert {step[1:] for step in told(SyncRunFactory(succeeded=True))} == {("done", None)}
        run = SyncRunFactory(running=True, phase=CHECKING)
        assert [step[1:] for step in told(run)] == [
            ("done", None),
            ("current", None),
            ("coming", None),
        ]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time go on for a claim, so that each beat is written."""
    now = [1000.0]
    start = timezone.now()

    def pass_(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(timezone, "now", lambda: start + dt.timedelta(seconds=now[0] - 1000))
    return pass_


class TestThePace:
    @pytest.fixture
    def claim(self, clock: Callable[[float], None]) -> Claim:
        claim = Claim(SyncRunFactory(running=True))
        claim.phase(READING)
        return claim

    def beat(
        self, claim: Claim, clock: Callable[[float], None], seconds: float, done: int | None
    ) -> int | None:
        """The pace that a page shows after a beat, ``seconds`` after the one before."""
        clock(seconds)
        claim.beat(done)
        return run_rate(SyncRun.objects.get(pk=claim.run.pk))

    def test_it_is_known_from_the_second_count_on(
        self, claim: Claim, clock: Callable[[float], None]
    ) -> None:
        assert self.beat(claim, clock, 300, 400) is None  # it waited for its report
        assert self.beat(claim, clock, 2, 1220) == 410
        assert self.beat(claim, clock, 2, 1420) == 255

    def test_what_an_earlier_attempt_has_read_is_no_part_of_it(
        self, claim: Claim, clock: Callable[[float], None]
    ) -> None:
        self.beat(claim, clock, 1, 900_000)
        assert self.beat(claim, clock, 2, 900_200) == 100

    def test_it_is_silent_in_a_pause_and_begins_anew_after_it(
        self, claim: Claim, clock: Callable[[float], None]
    ) -> None:
        self.beat(claim, clock, 1, 100)
        assert self.beat(claim, clock, 2, 300) == 100
        assert self.beat(claim, clock, 9, None) == 100
        assert self.beat(claim, clock, 2, None) is None
        assert self.beat(claim, clock, 40, 400) is None
        assert self.beat(claim, clock, 2, 500) == 50

    def test_it_is_silent_when_its_worker_is(
        self, claim: Claim, clock: Callable[[float], None], settings: Settings
    ) -> None:
        self.beat(claim, clock, 1, 100)
        assert self.beat(claim, clock, 2, 300) == 100
        clock(11)
        assert run_rate(SyncRun.objects.get(pk=claim.run.pk)) is None

    def test_it_is_silent_when_a_walk_or_a_phase_begins_anew(
        self, claim: Claim, clock: Callable[[float], None]
    ) -> None:
        self.beat(claim, clock, 1, 100)
        assert self.beat(claim, clock, 2, 300) == 100
        assert self.beat(claim, clock, 2, 50) is None
        assert self.beat(claim, clock, 2, 250) == 100
        claim.phase(CHECKING)
        assert run_rate(SyncRun.objects.get(pk=claim.run.pk)) is None

    def test_a_run_that_has_ended_has_none(self) -> None:
        assert run_rate(SyncRunFactory(succeeded=True, rate=410)) is None
