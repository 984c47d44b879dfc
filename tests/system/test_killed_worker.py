"""A worker killed in mid-run: another takes the run up, and nothing is lost or done twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from tests.system.console import Console, console

SMALL = {"ghes1.example.com": 3000, "ghes2.example.com": 1000}
LARGE = {"ghes1.example.com": 20_000}
SWEEP = 1 + 3  # seconds: the tick and the lease of ``Console``


@pytest.fixture(scope="module")
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    with serve(generate_world(11, cloud=1500, instances=request.param), latency=0.02) as fleet:
        yield fleet


@pytest.fixture(
    params=[
        "embedded",
        pytest.param("services", marks=[pytest.mark.postgres, pytest.mark.redis]),
    ]
)
def disturbed(request: pytest.FixtureRequest, tmp_path: Path, fleet: Fleet) -> Iterator[Console]:
    options = {}
    if request.param == "services":
        options["database"] = request.getfixturevalue("postgres_url")
        options["broker"] = request.getfixturevalue("redis_url")
    with console(tmp_path / "disturbed", **options) as made:
        made.environment["LICSYNC_MAX_TRIES"] = "20"
        made.provision(fleet)
        yield made


def kill_at_random_moments(disturbed: Console, fleet: Fleet, kills: int, longest: float) -> None:
    """Sync everything again and again, and kill -9 the worker and its children meanwhile."""
    moments = random.Random(5)
    disturbed.start_beat()
    disturbed.start_worker()
    running = "SELECT COUNT(*) FROM enterprise_syncrun WHERE state = 'running'"
    for _kill in range(kills):
        if not disturbed.active_runs():
            disturbed.manage("sync", "--enterprise", fleet.world.slug, "--all")
        disturbed.wait(lambda: bool(disturbed.rows(running)[0][0]), seconds=20)
        disturbed.wait(lambda: False, seconds=moments.uniform(0, longest))
        disturbed.kill("worker")
        disturbed.start_worker()


def never_two_at_once(disturbed: Console) -> bool:
    """No attempt was begun by two workers, and none before the one before it was given up."""
    begun = "code = 'run_started' GROUP BY run_id, attempt HAVING COUNT(*) > 1"
    twice = f"SELECT COUNT(*) FROM (SELECT 1 FROM enterprise_runlogline WHERE {begun}) AS twice"
    overlapping = (
        "SELECT COUNT(*) FROM enterprise_runlogline AS late JOIN enterprise_runlogline AS next"
        " ON next.run_id = late.run_id AND next.attempt > late.attempt AND next.id < late.id"
        " WHERE late.code IN ('run_started', 'run_succeeded')"
    )
    return disturbed.rows(twice)[0][0] == disturbed.rows(overlapping)[0][0] == 0


def assert_as_undisturbed(disturbed: Console, fleet: Fleet, tmp_path: Path) -> None:
    """Everything that was read and counted equals what a console without a single kill has."""
    assert disturbed.rows("SELECT COUNT(*) FROM enterprise_runchunk")[0][0] == 0
    with console(tmp_path / "undisturbed") as other:
        other.provision(fleet)
        other.manage("sync", "--enterprise", fleet.world.slug, "--all", "--inline")
        assert other.content() == disturbed.content()


@pytest.mark.slow
@pytest.mark.parametrize("fleet", [SMALL], indirect=True)
def test_after_two_kills_the_ledger_equals_that_of_an_undisturbed_console(
    disturbed: Console, fleet: Fleet, tmp_path: Path
) -> None:
    kill_at_random_moments(disturbed, fleet, 2, 1.0)
    assert disturbed.wait(disturbed.is_settled, seconds=60), disturbed.runs()
    assert never_two_at_once(disturbed)
    assert_as_undisturbed(disturbed, fleet, tmp_path)


@pytest.mark.parametrize("fleet", [LARGE], indirect=True)
@pytest.mark.parametrize(
    "kills",
    [pytest.param(10, marks=pytest.mark.slow), pytest.param(250, marks=pytest.mark.soak)],
)
def test_after_many_kills_a_run_succeeds_within_two_sweeps(
    disturbed: Console, fleet: Fleet, tmp_path: Path, kills: int
) -> None:
    kill_at_random_moments(disturbed, fleet, kills, 3.0)
    # What a run itself takes is beside the sweeps; on a loaded machine that is most of it.
    assert disturbed.wait(disturbed.is_settled, seconds=2 * SWEEP + 60), disturbed.runs()
    succeeded = "SELECT COUNT(*) FROM enterprise_syncrun WHERE state = 'succeeded'"
    assert disturbed.rows(f"{succeeded} AND kind = 'instance'")[0][0] >= 1
    assert never_two_at_once(disturbed)
    assert_as_undisturbed(disturbed, fleet, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("fleet", [SMALL], indirect=True)
def test_a_deploy_in_mid_run_lets_the_run_finish(disturbed: Console, fleet: Fleet) -> None:
    disturbed.start_beat()
    disturbed.start_worker("old")
    disturbed.manage("sync", "--enterprise", fleet.world.slug, "--all")
    running = "SELECT COUNT(*) FROM enterprise_syncrun WHERE state = 'running'"
    assert disturbed.wait(lambda: bool(disturbed.rows(running)[0][0]), seconds=20)
    disturbed.terminate("old")
    assert disturbed.rows(running)[0][0] == 0
    disturbed.start_worker("new")
    assert disturbed.wait(disturbed.is_settled, seconds=60), disturbed.runs()
    assert disturbed.rows("SELECT COUNT(*) FROM enterprise_syncrun WHERE tries > 0")[0][0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("fleet", [SMALL], indirect=True)
def test_a_broker_that_loses_everything_costs_no_run(disturbed: Console, fleet: Fleet) -> None:
    disturbed.manage("sync", "--enterprise", fleet.world.slug, "--all")
    disturbed.lose_messages()
    assert disturbed.active_runs() > 0
    disturbed.start_worker()
    disturbed.start_beat()
    running = "SELECT COUNT(*) FROM enterprise_syncrun WHERE state = 'running'"
    assert disturbed.wait(lambda: bool(disturbed.rows(running)[0][0]), seconds=60)
    disturbed.lose_messages()  # once more, under a worker
    assert disturbed.wait(disturbed.is_settled, seconds=60), disturbed.runs()


@pytest.mark.slow
@pytest.mark.parametrize("fleet", [SMALL], indirect=True)
def test_two_beats_do_everything_once(disturbed: Console, fleet: Fleet) -> None:
    for beat in ("beat", "second"):
        disturbed.start_beat(beat)
    disturbed.start_worker()
    disturbed.manage("sync", "--enterprise", fleet.world.slug, "--all")
    assert disturbed.wait(disturbed.is_settled, seconds=60), disturbed.runs()
    runs = disturbed.rows("SELECT COUNT(*) FROM enterprise_syncrun WHERE kind <> 'recount'")
    assert runs[0][0] == 3
    assert never_two_at_once(disturbed)
