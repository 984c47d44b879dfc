"""Each process keeps its connections to PostgreSQL, and never has more than its pool allows."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db.utils import ConnectionHandler

from licsync import addresses

pytestmark = pytest.mark.postgres

MOST, THREADS = 10, 25
ALIAS = "pooled"  # a process has one pool for each alias, and this one may have that of "default"


def test_many_threads_share_the_connections_of_a_pool(
    postgres_url: str, tmp_path: Path, django_db_blocker: Any
) -> None:
    """Each request takes one and gives it back: they stay open, and the rest waits its turn."""
    pooled = addresses.database("DATABASE_URL", postgres_url, base=tmp_path)
    handler = ConnectionHandler({"default": {}, ALIAS: pooled})
    begun = threading.Barrier(THREADS)
    backends: list[int] = []

    def request() -> None:
        begun.wait(timeout=60)
        for _again in range(3):
            connection = handler[ALIAS]
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid(), pg_sleep(0.02)")
                backends.append(cursor.fetchone()[0])
            connection.close()

    try:
        with django_db_blocker.unblock(), ThreadPoolExecutor(THREADS) as threads:
            for done in [threads.submit(request) for _thread in range(THREADS)]:
                done.result()
        assert len(backends) == 3 * THREADS
        assert 1 <= len({*backends}) <= MOST
        with psycopg.connect(postgres_url) as server:
            query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            row = server.execute(query).fetchone()
            assert row is not None
            assert 1 <= row[0] - 1 <= MOST  # kept, for the next requests
    finally:
        handler[ALIAS].close_pool()  # type: ignore[attr-defined]  # PostgreSQL's own
