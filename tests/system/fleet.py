"""Many enterprises due at once, on a console with servers of its own that may be killed."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from tests.system.console import Console, console
from tests.system.servers import Postgres, Redis, private_servers

HOSTS = {f"ghes{number}.example.com": 8 for number in range(1, 6)}
WORKERS = ("worker1", "worker2", "worker3", "worker4")


class Stage(NamedTuple):
    """``session`` is the cookie of an owner of the first enterprise, ``enterprise-0``."""

    console: Console
    fleet: Fleet
    postgres: Postgres
    redis: Redis
    session: str

    def start(self) -> None:
        """Two web processes, beat, and four workers."""
        self.console.start_web()
        self.console.start_beat()
        for worker in WORKERS:
            self.console.start_worker(worker, concurrency=1)

    def make_all_due(self) -> None:
        """Every instance and every cloud: now, and next on another weekday than today."""
        for table in ("serverinstance", "enterprise"):
            self.console.execute(
                f"UPDATE enterprise_{table} SET next_sync_at = '2020-01-01T00:00:00Z',"
                " schedule_weekday = (schedule_weekday + 3) % 7"
            )

    def is_over(self) -> bool:
        """Nothing is due, active or to be counted."""
        due = "SELECT COUNT(*) FROM enterprise_{} WHERE next_sync_at < NOW()"
        late = [
            self.console.rows(due.format(table))[0][0] for table in ("serverinstance", "enterprise")
        ]
        return not any(late) and self.console.is_settled()


@contextlib.contextmanager
def elsewhere(fleet: Fleet) -> Iterator[Fleet]:
    """The fleet answers from a process that leaves the machine to every other one.

    In truth GitHub's servers have machines of their own, and take nothing from a page's time.
    """

    def answer() -> None:
        os.nice(19)
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        with fleet:
            signal.pause()

    other = multiprocessing.get_context("fork").Process(target=answer, daemon=True)
    other.start()  # with the sockets, which listen since the fleet was made
    try:
        yield fleet
    finally:
        other.terminate()
        other.join()
        fleet.stop()


@contextlib.contextmanager
def staged(folder: Path, *, enterprises: int) -> Iterator[Stage]:
    """So many enterprises, each of the same five instances and the same cloud, nothing read yet."""
    slugs = [f"enterprise-{number}" for number in range(enterprises)]
    world = generate_world(3, cloud=20, instances=HOSTS)
    world.other_slugs = frozenset(slugs)
    with (
        elsewhere(serve(world)) as fleet,
        private_servers() as (postgres, redis),
        console(folder / "console", database=postgres.url, broker=redis.url) as made,
    ):
        made.environment["LICSYNC_MAX_TRIES"] = "20"
        made.manage("migrate", "--verbosity", "0")
        addresses = folder / "addresses.json"
        addresses.write_text(json.dumps({**fleet.addresses(), "slugs": slugs}))
        session = made.module("tests.system.register", str(addresses)).strip()
        yield Stage(made, fleet, postgres, redis, session)
