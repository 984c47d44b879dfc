"""Each process keeps its connections to PostgreSQL, and never has more than its pool allows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
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


@pytest.fixture
def pooled(postgres_url: str, tmp_path: Path, django_db_blocker: Any) -> Iterator[Any]:
    """Django's connections, of which one has a pool as a console's."""
    settings = addresses.database("DATABASE_URL", postgres_url, base=tmp_path)
    handler = ConnectionHandler({"default": {}, ALIAS: settings})
    with django_db_blocker.unblock():
        yield handler
        handler[ALIAS].close_pool()


def backend(connection: Any, query: str = "SELECT pg_backend_pid()") -> int:
    """What a request does: ask, and give the connection back."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        (found, *_) = cursor.fetchone()
    connection.close()
    return int(found)


def test_many_threads_share_the_connections_of_a_pool(pooled: Any, postgres_url: str) -> None:
    """Each request takes one and gives it back: they stay open, and the rest waits its turn."""
    begun = threading.Barrier(THREADS)
    backends: list[int] = []

    def request() -> None:
        begun.wait(timeout=60)
        slow = "SELECT pg_backend_pid(), pg_sleep(0.02)"
        backends.extend(backend(pooled[ALIAS], slow) for _again in range(3))

    with ThreadPoolExecutor(THREADS) as threads:
        for done in [threads.submit(request) for _thread in range(THREADS)]:
            done.result()
    assert len(backends) == 3 * THREADS
    assert 1 <= len({*backends}) <= MOST
    with psycopg.connect(postgres_url) as server:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        row = server.execute(query).fetchone()
        assert row is not None
        assert 1 <= row[0] - 1 <= MOST  # kept, for the next requests


def test_connections_that_the_server_has_ended_fail_no_request(
    pooled: Any, postgres_url: str
) -> None:
    backend(pooled[ALIAS])
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(
            f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {others}"
        )
    for _each in range(MOST):
        assert backend(pooled[ALIAS])
