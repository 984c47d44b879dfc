"""Many enterprises due at once, on a console with servers of its own that may be killed."""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from tests.system.console import Console, console
from tests.system.servers import Postgres, Redis, private_servers

HOSTS = {f"ghes{number}.example.com": 8 for number in range(1, 6)}
WORKERS = ("worker1", "worker2", "worker3", "worker4")
PAGES = {
    "Overview": "/enterprises/enterprise-0",
    "GitHub Connect": "/enterprises/enterprise-0/settings/connect",
    "Licensing": "/enterprises/enterprise-0/licensing",
    "Sync runs": "/enterprises/enterprise-0/runs",
}
PAUSE = 0.25  # seconds between two pages, for somebody who is in no hurry
# What is run within it has little of a processor that others want, from its first moment, as the
# cpu_shares of docker-compose.yml give it to a worker. Where sessions are weighed, nice says it of none.
SMALL_SHARE = (
    "nice",
    "-n",
    "10",
    "sh",
    "-c",
    '{ echo 10 >/proc/self/autogroup; } 2>/dev/null; exec "$@"',
    "sh",
)


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
            self.start_worker(worker)

    def start_worker(self, name: str) -> None:
        """One that leaves the processors to the pages."""
        self.console.start_worker(name, concurrency=1, within=SMALL_SHARE)

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


class Visits:
    """What somebody met who looked at each page time and again: how long it took, by which status."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {name: [] for name in PAGES}
        self.statuses: Counter[int] = Counter()

    def __add__(self, other: Visits) -> Visits:
        both = Visits()
        for each in (self, other):
            both.statuses += each.statuses
            for name, seconds in each.seconds.items():
                both.seconds[name] += seconds
        return both

    def p95(self) -> dict[str, float]:
        """The 95th percentile of the seconds in which each page was shown."""
        return {name: quantiles(each, n=20)[-1] for name, each in self.seconds.items()}

    def look(self, stage: Stage, pause: float) -> None:
        """At each page once, each time by a new connection."""
        for name, path in PAGES.items():
            begun = time.perf_counter()
            connection = http.client.HTTPConnection(stage.console.web, timeout=60)
            connection.request("GET", path, headers={"Cookie": f"licsync_session={stage.session}"})
            response = connection.getresponse()
            response.read()
            connection.close()
            self.statuses[response.status] += 1
            if response.status == 200:
                self.seconds[name].append(time.perf_counter() - begun)
            time.sleep(pause)


def visit(stage: Stage, times: int, pause: float = PAUSE) -> Visits:
    """Look at every page so often."""
    visits = Visits()
    for _ in range(times):
        visits.look(stage, pause)
    return visits


@contextlib.contextmanager
def visiting(stage: Stage) -> Iterator[Visits]:
    """Somebody looks at the pages meanwhile."""
    visits, over = Visits(), threading.Event()

    def look() -> None:
        while not over.is_set():
            visits.look(stage, PAUSE)

    visitor = threading.Thread(target=look)
    visitor.start()
    try:
        yield visits
    finally:
        over.set()
        visitor.join()


@contextlib.contextmanager
def elsewhere(fleet: Fleet) -> Iterator[Fleet]:
    """The fleet answers from a process that leaves the machine to every other one.

    In truth GitHub's servers have machines of their own, and take nothing from a page's time.
    """

    def answer() -> None:
        os.setsid()
        os.nice(19)
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text("19")
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
