"""A worker killed in mid-run: another takes the run up, and nothing is lost or done twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from tests.system.console import Console, console

HOSTS = {"ghes1.example.com": 3000, "ghes2.example.com": 1000}


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with serve(generate_world(11, cloud=1500, instances=HOSTS), latency=0.02) as fleet:
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
        made.provision(fleet)
        yield made


def test_after_kills_at_any_moment_the_ledger_equals_that_of_an_undisturbed_console(
    disturbed: Console, fleet: Fleet, tmp_path: Path
) -> None:
    moments = random.Random(5)
    disturbed.start_beat()
    disturbed.start_worker()
    disturbed.manage("sync", "--enterprise", fleet.world.slug, "--all")
    running = "SELECT COUNT(*) FROM enterprise_syncrun WHERE state = 'running'"
    for _kill in range(2):
        disturbed.wait(lambda: bool(disturbed.rows(running)[0][0]), seconds=20)
        disturbed.wait(lambda: False, seconds=moments.uniform(0, 1.0))
        disturbed.kill("worker")
        disturbed.start_worker()
    assert disturbed.wait(disturbed.is_settled, seconds=60), disturbed.rows(
        "SELECT id, kind, state, attempt, error_code FROM enterprise_syncrun"
    )
    twice = (
        "SELECT COUNT(*) FROM (SELECT run_id, attempt FROM enterprise_runlogline"
        " WHERE code = 'run_started' GROUP BY run_id, attempt HAVING COUNT(*) > 1) AS twice"
    )
    assert disturbed.rows(twice)[0][0] == 0
    assert disturbed.rows("SELECT COUNT(*) FROM enterprise_runchunk")[0][0] == 0

    with console(tmp_path / "undisturbed") as other:
        other.provision(fleet)
        other.manage("sync", "--enterprise", fleet.world.slug, "--all", "--inline")
        assert other.content() == disturbed.content()
