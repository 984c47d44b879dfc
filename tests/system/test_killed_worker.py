"""A worker killed in mid-run: another takes the run up, and nothing is lost or done twice."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from licsync.processes import QUICK, WORKER
from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from tests.system.console import Console, console

SMALL = {"ghes1.example.com": 3000, "ghes2.example.com": 1000}
LARGE = {"ghes1.example.com": 20_500}
MOST_KILLS = 5  # that one run meets: each doubles the time until it is tried again
SWEEP = 1 + 3  # seconds: the tick and the lease of ``Console``


@pytest.fixture(scope="module")
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    world = generate_world(11, cloud=1500, instances=request.param)
    for instance in world.instances.values():
        for user in instance.users.values():
            user.provisioned = False  # or most of a sync's time, and most kills, would go to SCIM
    with serve(world, latency=0.02) as fleet:
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


def move_on(fleet: Fleet, times: int) -> None:
    """Give one account in six an address of this round: much to apply, but below the guard."""
    for instance in fleet.world.instances.values():
        for user_id, user in list(instance.users.items())[::6]:
            user.email = f"user{user_id}@round{times}.example.com"


def assert_one_round(disturbed: Console) -> None:
    """Each instance holds the addresses of one round: the old state or the new one, never a mix."""
    rows = disturbed.rows(
        "SELECT DISTINCT instance_id, email FROM enterprise_serveruseraccount"
        " WHERE email LIKE '%@round%'"
    )
    rounds = {(instance, email.partition("@")[2]) for instance, email in rows}
    assert len(rounds) == len({instance for instance, _domain in rounds}), rounds


def sync_is_due(disturbed: Console) -> None:
    """Let the next tick start a run of every instance and of the cloud."""
    for table in ("serverinstance", "enterprise"):
        disturbed.execute(f"UPDATE enterprise_{table} SET next_sync_at = '2020-01-01 00:00:00'")
    assert disturbed.wait(lambda: bool(disturbed.active_runs()), seconds=120)


def kill_at_random_moments(disturbed: Console, fleet: Fleet, kills: int) -> float:
    """Sync again and again, each time something new, and kill -9 the worker and its children.

    Only kills that met a run count. Gives the seconds that a sync takes that nobody disturbs.
    """
    moments = random.Random(5)
    met: Counter[str] = Counter()
    disturbed.start_beat()
    disturbed.start_worker()
    began = time.monotonic()
    sync_is_due(disturbed)
    assert disturbed.wait(disturbed.is_settled, seconds=120), disturbed.runs()
    undisturbed = time.monotonic() - began
    running = "SELECT kind, phase FROM enterprise_syncrun WHERE state = 'running'"
    met_most = "SELECT MAX(tries) FROM enterprise_syncrun WHERE state IN ('queued', 'running')"
    rounds = killed = 0
    while killed < kills:
        if disturbed.is_settled():
            rounds += 1
            move_on(fleet, rounds)
            sync_is_due(disturbed)
        aim = moments.choice(("cloud", "instance", "recount"))
        if (disturbed.rows(met_most)[0][0] or 0) >= MOST_KILLS:
            aim = "no more in this round"
        came = disturbed.wait(
            lambda aim=aim: aim in dict(disturbed.rows(running)) or disturbed.is_settled(),
            seconds=120,
        )
        assert came, disturbed.runs()
        time.sleep(moments.uniform(0, undisturbed / 6))
        if not disturbed.active_runs():
            continue  # killing an idle worker shows nothing, and costs the start of another
        disturbed.kill("worker")
        caught = disturbed.rows(running)
        met.update(" ".join(run) for run in caught)
        killed += bool(caught)
        assert_one_round(disturbed)
        disturbed.start_worker()
    print(f"{killed} kills in {rounds} rounds met {dict(met.most_common())}")
    return undisturbed


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


@pytest.mark.parametrize("fleet", [LARGE], indirect=True)
@pytest.mark.parametrize(
    "kills",
    [pytest.param(10, marks=pytest.mark.slow), pytest.param(250, marks=pytest.mark.soak)],
)
def test_after_many_kills_a_run_succeeds_within_two_sweeps(
    disturbed: Console, fleet: Fleet, tmp_path: Path, kills: int
) -> None:
    succeeded = "SELECT COUNT(*) FROM enterprise_syncrun WHERE state = 'succeeded'"
    undisturbed = kill_at_random_moments(disturbed, fleet, kills)
    before = disturbed.rows(succeeded)
    # What the run itself takes comes on top, and the machine may have much else to do.
    patience = 2 * SWEEP + 10 * undisturbed
    more = disturbed.wait(lambda: disturbed.rows(succeeded) > before, seconds=patience)
    assert more, disturbed.runs()
    assert disturbed.wait(disturbed.is_settled, seconds=patience), disturbed.runs()
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


@pytest.mark.slow
@pytest.mark.parametrize("fleet", [SMALL], indirect=True)
def test_ticks_go_on_while_every_slot_is_in_a_long_run(disturbed: Console, fleet: Fleet) -> None:
    disturbed.environment["LICSYNC_LEASE_SECONDS"] = "60"
    disturbed.start("quick", *QUICK[3:], "-n", "quick@test")
    disturbed.start("worker", *WORKER[3:], "-n", "worker@test", "--concurrency", "1")
    disturbed.start_beat()
    site = fleet.instances["ghes1.example.com"]
    site.faults.add("hang_header")
    due = "SELECT id FROM enterprise_enterprise WHERE next_sync_at < '2021-01-01'"
    try:
        disturbed.manage("sync", "ghes1.example.com")
        running = "SELECT COUNT(*) FROM enterprise_syncrun WHERE state = 'running'"
        assert disturbed.wait(lambda: bool(disturbed.rows(running)[0][0]), seconds=30)
        for _window in range(3):
            sync_is_due(disturbed)
            assert disturbed.wait(lambda: not disturbed.rows(due), seconds=10)
        assert disturbed.rows(running)[0][0] == 1
        assert {"cloud", "instance"} <= {run[1] for run in disturbed.runs() if run[2] == "queued"}
    finally:
        site.faults.clear()
