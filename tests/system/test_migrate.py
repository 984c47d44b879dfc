"""A migration gives way to those who work meanwhile (PostgreSQL; SQLite's readers wait for nobody)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from scripts.check_migrations import PREVIOUS
from tests.system.console import console

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

CHANGED = "enterprise_enterprise"  # by the second migration after PREVIOUS, not by the first
READ = f"SELECT COUNT(*) FROM {CHANGED}"
WRITTEN = f"UPDATE {CHANGED} SET name = name"
APPLIED = "SELECT COUNT(*) FROM django_migrations WHERE app = 'enterprise'"


def test_it_waits_for_a_long_transaction_and_lets_everybody_else_through(
    tmp_path: Path, postgres_url: str
) -> None:
    with console(tmp_path / "console", database=postgres_url) as made:
        made.manage("migrate", *PREVIOUS, "--verbosity", "0")
        ((before,),) = made.rows(APPLIED)
        with (
            ThreadPoolExecutor(1) as pool,  # outermost: what is left at the end waits for nobody
            psycopg.connect(postgres_url) as long,
            psycopg.connect(postgres_url, autocommit=True, options="-c lock_timeout=500") as other,
        ):
            long.execute(READ)
            upgrade = pool.submit(made.manage, "migrate", "--verbosity", "0")
            assert made.wait(lambda: made.rows(APPLIED) > [(before,)], seconds=60)
            for _time in range(500):
                other.execute(READ)
                other.execute(WRITTEN)
            assert not upgrade.done()
            assert made.rows(APPLIED) == [(before + 1,)]
            long.commit()
        upgrade.result()
        assert made.rows(APPLIED) > [(before + 1,)]
