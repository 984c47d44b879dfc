"""The database is gone for longer than a lease, in mid-run: nothing is lost, and nothing double."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from tests.conftest import SERVICES_REQUIRED
from tests.system.console import Console, console
from tests.system.servers import Postgres, postgres_folder, private_servers

LEASE = 3  # seconds, as ``Console`` sets it
AWAY = 10 * LEASE

if postgres_folder() is None and not SERVICES_REQUIRED:
    pytest.skip("PostgreSQL's server programs are not installed", allow_module_level=True)

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.redis]


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    world = generate_world(11, cloud=3000, instances={"ghes1.example.com": 500})
    with serve(world, latency=0.3) as fleet:
        yield fleet


@pytest.fixture
def stage(tmp_path: Path, fleet: Fleet) -> Iterator[tuple[Console, Postgres]]:
    with (
        private_servers() as (postgres, redis),
        console(tmp_path / "console", database=postgres.url, broker=redis.url) as made,
    ):
        made.environment["LICSYNC_PAGES_AT_ONCE"] = "1"  # so that a run takes ten seconds
        made.provision(fleet)
        yield made, postgres


def make_all_due(made: Console) -> None:
    """Now, and next on another weekday than today."""
    for table in ("serverinstance", "enterprise"):
        made.execute(
            f"UPDATE enterprise_{table} SET next_sync_at = '2020-01-01 00:00:00',"
            " schedule_weekday = (schedule_weekday + 3) % 7"
        )


def test_a_run_goes_on_when_the_database_is_back_and_does_nothing_twice(
    stage: tuple[Console, Postgres], fleet: Fleet, tmp_path: Path
) -> None:
    made, postgres = stage
    make_all_due(made)
    made.start_worker()
    made.start_beat()
    reading = "SELECT id FROM enterprise_syncrun WHERE kind = 'cloud' AND phase = 'licenses'"
    assert made.wait(lambda: bool(made.rows(f"{reading} AND done > 500")), seconds=120), made.runs()
    ((run,),) = made.rows(reading)

    postgres.stop()
    time.sleep(AWAY)
    postgres.start()

    assert made.wait(made.is_settled, seconds=120), made.runs()
    state, attempts = made.rows(f"SELECT state, attempt FROM enterprise_syncrun WHERE id = {run}")[
        0
    ]
    assert (state, attempts > 1) == ("succeeded", True), made.runs()
    ended = made.rows("SELECT kind, state FROM enterprise_syncrun WHERE kind <> 'recount'")
    assert sorted(ended) == [("cloud", "succeeded"), ("instance", "succeeded")]
    twice = (
        "SELECT run_id, attempt, code FROM enterprise_runlogline"
        " WHERE code IN ('run_started', 'run_succeeded')"
        " GROUP BY run_id, attempt, code HAVING COUNT(*) > 1"
    )
    assert made.rows(twice) == []
    assert made.rows("SELECT COUNT(*) FROM enterprise_runchunk") == [(0,)]
    for site in fleet.sites:
        site.latency = 0
    with console(tmp_path / "undisturbed") as other:
        other.provision(fleet)
        other.manage("sync", "--enterprise", fleet.world.slug, "--all", "--inline")
        assert made.content() == other.content()
