"""A scratch console for measurements: its own data folder and database, filled through the bare cursor.

Import this before anything of Django; it reads ``--database sqlite|postgres`` from the command line.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import resource
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

T = TypeVar("T")

SERVER = os.environ.get("LICSYNC_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")


def arguments(**defaults: int) -> argparse.Namespace:
    """The command line: the database, and the named sizes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def console(database: str) -> None:
    """Set Django up on a new, migrated database, gone when the process ends."""
    folder = tempfile.mkdtemp(prefix="licsync-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["LICSYNC_VAR_DIR"] = folder
    os.environ["LICSYNC_ALLOW_LOOPBACK"] = "1"
    os.environ.pop("CELERY_BROKER_URL", None)
    os.environ.pop("DATABASE_URL", None)
    if database == "postgres":
        name = f"licsync_bench_{secrets.token_hex(6)}"
        with psycopg.connect(SERVER, autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{name}"')
        atexit.register(_drop, name)
        os.environ["DATABASE_URL"] = f"{SERVER.rpartition('/')[0]}/{name}"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licsync.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    gc.freeze()  # as in a worker's process


def settle() -> None:
    """Have the database finish what it put off, so that the next measurement does not pay for it."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")
        else:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _drop(name: str) -> None:
    from django.db import connection

    connection.close()
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds, and what the work gave."""
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def peak_mib() -> float:
    """The most memory this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(what: str, ratio: float, most: float, detail: str = "") -> None:
    """One line: what was measured, the ratio to its baseline, and the target beside it."""
    print(f"{what}: {ratio:.2f} × (at most {most:g} ×) {detail}".rstrip(), flush=True)
