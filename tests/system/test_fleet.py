"""Two hundred enterprises due at once, over servers and workers that are killed meanwhile.

Told by content: each enterprise ends with what an undisturbed console reads and counts, and each of
its windows has made one run. Somebody looks at pages all the time; how long they took is printed beside
what they take before and after (``pytest -s``), and each is shown but one that the database's end has
cut off.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SERVICES_REQUIRED
from tests.system.console import console
from tests.system.fleet import HOSTS, PAGES, WORKERS, Stage, Visits, staged, visit, visiting
from tests.system.servers import postgres_folder

ENTERPRISES = 200
EACH = 4.0  # seconds between two blows, and more until something was achieved since the last one
ACHIEVED = 15  # runs; so that a slow machine is struck more slowly, and the test ends by itself
STALLED = 300  # seconds without
VISITS = 40  # of each page, before anything is due, and again when all is over

if postgres_folder() is None and not SERVICES_REQUIRED:
    pytest.skip("PostgreSQL's server programs are not installed", allow_module_level=True)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path, enterprises=ENTERPRISES) as made:
        yield made


def strike(stage: Stage, moments: random.Random) -> Iterator[str]:
    """Blow after blow: a worker each time, now and then the broker or the database."""
    for number in itertools.count(1):
        if number % 7 == 3:
            stage.redis.restart()
            yield "redis"
        elif number % 7 == 6:
            stage.postgres.restart()
            yield "postgres"
        else:
            worker = moments.choice(WORKERS)
            stage.console.kill(worker)
            stage.start_worker(worker)
            yield worker


def strike_until_over(stage: Stage) -> Iterator[str]:
    """What was struck, until all is synced and counted."""
    made = stage.console
    blows = strike(stage, random.Random(5))
    ended = 0
    while not made.wait(stage.is_over, seconds=EACH):
        wanted = ended + ACHIEVED
        going_on = made.wait(
            lambda wanted=wanted: made.rows(ENDED)[0][0] >= wanted or stage.is_over(),
            seconds=STALLED,
        )
        assert going_on, made.active_runs()
        ended = made.rows(ENDED)[0][0]
        yield next(blows)


def print_pace(idle: Visits, busy: Visits) -> None:
    """Each page's 95th percentile under the blows, and what it is without them."""
    print(f"pages while all sync: {sum(busy.statuses.values())}, by status {dict(busy.statuses)}")
    alone, meanwhile = idle.p95(), busy.p95()
    for name in PAGES:
        ratio = meanwhile[name] / alone[name]
        detail = f"{meanwhile[name] * 1000:.0f} ms beside {alone[name] * 1000:.0f} ms"
        print(f"{name}: {ratio:.2f} x at the 95th percentile (at most 2 wanted), {detail}")


def per_enterprise(stage: Stage, query: str) -> dict[str, list[tuple[object, ...]]]:
    """Rows of a query whose first column is a slug, sorted, by slug."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for slug, *columns in sorted(stage.console.rows(query), key=str):
        found.setdefault(str(slug), []).append(tuple(columns))
    return found


ACCOUNTS = (
    "SELECT e.slug, i.host_name, a.user_id, a.digest FROM enterprise_serveruseraccount a"
    " JOIN enterprise_serverinstance i ON i.id = a.instance_id"
    " JOIN enterprise_enterprise e ON e.id = i.enterprise_id"
)
PERSONS = (
    "SELECT e.slug, p.key, p.report FROM enterprise_personversion p"
    " JOIN enterprise_enterprise e ON e.id = p.enterprise_id WHERE p.to_snapshot IS NULL"
)
ENDED = "SELECT COUNT(*) FROM enterprise_syncrun WHERE state = 'succeeded'"
RUNS = (
    "SELECT e.slug, r.host_name, r.kind, r.state FROM enterprise_syncrun r"
    " JOIN enterprise_enterprise e ON e.id = r.enterprise_id"
    " WHERE r.kind <> 'recount' AND r.trigger = 'schedule'"
)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.redis
def test_every_due_instance_syncs_once_whatever_is_killed_meanwhile(
    stage: Stage, tmp_path: Path
) -> None:
    made = stage.console
    made.manage("sync", "--enterprise", "enterprise-0", "--all", "--inline")  # to be looked at
    stage.start()
    visit(stage, 10, pause=0)  # until every process has warmed up
    before = visit(stage, VISITS)
    stage.make_all_due()
    with visiting(stage) as busy:
        struck = [*strike_until_over(stage)]
    print(f"blows: {len(struck)}, the database {struck.count('postgres')} times")
    print_pace(before + visit(stage, VISITS), busy)
    missed = busy.statuses.total() - busy.statuses[200]
    assert missed <= struck.count("postgres"), busy.statuses  # the one that was being drawn

    every_window = sorted(
        [(host, "instance", "succeeded") for host in HOSTS] + [("", "cloud", "succeeded")]
    )
    by_slug = per_enterprise(stage, RUNS)
    assert len(by_slug) == ENTERPRISES
    unlike = Counter(tuple(sorted(f)) for f in by_slug.values() if sorted(f) != every_window)
    assert unlike == {}
    assert made.rows("SELECT COUNT(*) FROM enterprise_runchunk")[0][0] == 0
    with console(tmp_path / "undisturbed") as other:
        other.provision(stage.fleet)
        other.manage("sync", "--enterprise", stage.fleet.world.slug, "--all", "--inline")
        accounts, _, persons, _ = other.content()
    for query, expected in ((ACCOUNTS, accounts), (PERSONS, persons)):
        found = per_enterprise(stage, query)
        assert len(found) == ENTERPRISES
        assert [slug for slug, rows in found.items() if sorted(rows) != sorted(expected)] == []
