"""The fault matrix once more, over a real worker with short clocks: the same endings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.server import serve
from tests.faults.conftest import HOST, move_on, small_world
from tests.faults.table import COLUMNS, column_of, options
from tests.system.console import Console, console

# Where a whole run's budget of seconds, not of tries, is what ends it.
BY_BUDGET = {"202_for_ever": "run_budget_exceeded"}


@pytest.fixture(
    params=[
        pytest.param("embedded", marks=pytest.mark.slow),
        pytest.param("services", marks=[pytest.mark.soak, pytest.mark.postgres, pytest.mark.redis]),
    ]
)
def worker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Console]:
    services = {}
    if request.param == "services":
        services["database"] = request.getfixturevalue("postgres_url")
        services["broker"] = request.getfixturevalue("redis_url")
    with console(tmp_path / "console", **services) as made:
        made.environment |= {
            "LICSYNC_TICK_SECONDS": "0.5",
            "LICSYNC_HTTP_TIMEOUT_SECONDS": "1",
            "LICSYNC_RETRY_BASE_SECONDS": "0.02",
            "LICSYNC_MAX_TRIES": "2",
        }
        yield made


def sync(worker: Console, column: str) -> tuple[str, str, str]:
    """Let the next tick start the column's run, and wait for its end: (state, error code, warnings)."""
    newest = "SELECT COALESCE(MAX(id), 0) FROM enterprise_syncrun"
    before = worker.rows(newest)[0][0]
    of_instance = column in ("report", "copy")
    table = "enterprise_serverinstance" if of_instance else "enterprise_enterprise"
    where = f" WHERE host_name = '{HOST}'" if of_instance else ""
    worker.execute(f"UPDATE {table} SET next_sync_at = '2020-01-01 00:00:00'{where}")
    kind = "instance" if of_instance else "cloud"
    mine = (
        "SELECT state, error_code, warnings FROM enterprise_syncrun"
        f" WHERE id > {before} AND kind = '{kind}' AND state NOT IN ('queued', 'running')"
    )
    assert worker.wait(lambda: bool(worker.rows(mine)), seconds=600), worker.runs()
    state, code, warnings = worker.rows(mine)[0]
    assert worker.wait(worker.is_settled, seconds=600), worker.runs()
    return state, code, str(warnings)


@pytest.mark.parametrize("column", COLUMNS)
def test_every_fault_ends_as_in_the_table_over_a_real_worker(worker: Console, column: str) -> None:
    wrong = []
    # Elsewhere the machine's pace would decide whether a long list ends by its own fault.
    worker.environment["LICSYNC_RUN_BUDGET_SECONDS"] = "30" if column == "report" else "600"
    with serve(small_world()) as fleet:
        worker.provision(fleet)
        if column == "copy":
            worker.execute(
                "UPDATE enterprise_serverinstance SET source = 'cloud_copy'"
                f" WHERE host_name = '{HOST}'"
            )
        worker.manage("sync", "--enterprise", fleet.world.slug, "--all", "--inline")
        worker.start_worker()
        worker.start_beat()
        assert sync(worker, column)[0] == "succeeded"
        site = fleet.instances[HOST] if column == "report" else fleet.ghec
        for times, (fault, cell) in enumerate(column_of(column).items()):
            before = worker.content()
            move_on(fleet.world, times)
            site.faults.add(**options(column, fault))
            state, code, warnings = sync(worker, column)
            site.faults.clear()
            expected = cell.removesuffix("*")
            if column == "report":
                expected = BY_BUDGET.get(fault, expected)
            if expected in ("ok", "given"):
                fits = (state, code) == ("succeeded", "")
            elif expected.startswith("gap:"):
                fits = state == "succeeded" and expected[4:] in warnings
            elif expected.startswith("held:"):
                fits = (state, code) == ("held", expected[5:])
            else:
                fits = (state, code) == ("failed", expected)
            fits &= (worker.content() == before) == (state != "succeeded")
            if not fits:
                wrong.append((fault, cell, state, code))
    assert wrong == []
