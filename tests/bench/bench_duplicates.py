"""The work-list's search beside the recount's match, on the same enterprise.

    python -m tests.bench.bench_duplicates [ACCOUNTS]
    python -m tests.bench.bench_insights [--database sqlite|postgres] [--accounts N]   (the whole look)

One account in ten is written otherwise, by a plus tag or under another domain. Inputs are made first;
then the match with one pass over its persons is timed, and the search over what it left apart; best of
three, each in a process of its own. Growth: time per account at ACCOUNTS over that at a tenth.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from enterprise.counting.duplicates import CLOUD, IDENTITY, SERVER, find
from enterprise.counting.match import match
from enterprise.records import AccountInput
from tests.bench.bench_match import accounts, cloud_rows

TARGET, GROWTH_TARGET = 3.0, 1.3
DOMAINS = ("example.com", "example.org")


def fleet(people: int) -> Iterator[AccountInput]:
    """As for the match, but every tenth account is written otherwise."""
    for account, email in accounts(people):
        number = int(account.rpartition(":")[2])
        if number % 20 == 3:
            yield AccountInput(account, email.replace("@", "+git@"))
        elif number % 20 == 13:
            yield AccountInput(account, email.replace(".com", ".org"))
        else:
            yield AccountInput(account, email)


def seconds(way: str, people: int) -> float:
    cloud, server = list(cloud_rows(people)), list(fleet(people))
    if way == "match":
        return best(lambda: sum(len(person.memberships) for person in match(cloud, server)))
    numbers: dict[int, int] = {}
    joined: list[tuple[int, int, str]] = []
    for number, person in enumerate(match(cloud, server)):
        if person.cloud_ref is not None:
            numbers[person.cloud_ref] = number
        joined += [(number, SERVER, m.value) for m in person.memberships if m.value]
    known = [(numbers[row.ref], IDENTITY, value) for row in cloud for _, value in row.identities]
    known += [(numbers[row.ref], CLOUD, email) for row in cloud for email in row.emails]
    known += joined
    clouds = set(numbers.values())
    found = find(known, clouds, DOMAINS)
    assert len(found) > people // 25, len(found)
    return best(lambda: len(find(known, clouds, DOMAINS)))


def best(work: object) -> float:
    assert callable(work)
    took = []
    for _ in range(3):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)


def measured(way: str, people: int) -> float:
    command = [sys.executable, "-m", __spec__.name, way, str(people)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(size: int) -> None:
    people = size * 4 // 5
    time_of = {way: measured(way, people) for way in ("match", "find")}
    growth = time_of["find"] / measured("find", people // 10) / 10
    ratio = time_of["find"] / time_of["match"]
    print(f"{size:,} accounts, {people:,} persons, one in ten counts twice")
    print(
        f"time    find {time_of['find']:6.2f} s   match {time_of['match']:6.2f} s"
        f"   ratio {ratio:.2f} (target {TARGET})"
    )
    print(f"growth  find {growth:6.2f} x per account from a tenth (target {GROWTH_TARGET})")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(seconds(sys.argv[1], int(sys.argv[2])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
