"""The match beside the shortest plain-dict version of the same rules without explanations.

    python -m tests.bench.bench_match [ACCOUNTS]

Each measurement runs in a process of its own, both versions on the same generated enterprise, without
Python's cycle collector, as the recount does.
Time: inputs are made first, then the match and one pass over its persons are timed, best of three.
Memory: inputs are streamed, as from a database; the peak above the empty interpreter counts.
Growth: time per account at ACCOUNTS over time per account at a tenth of it.
"""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from enterprise.counting.match import match
from enterprise.records import AccountInput, CloudInput

CLOUD_SHARE = 0.6
TIME_TARGET, MEMORY_TARGET, GROWTH_TARGET = 2.0, 1.5, 1.3


def order(people: int, salt: int) -> Iterator[int]:
    """The numbers below ``people``, scattered, without holding them."""
    step = 7_368_787 + 2 * salt
    while _common(step, people):
        step += 1
    return (number * step % people for number in range(people))


def _common(one: int, other: int) -> bool:
    while other:
        one, other = other, one % other
    return one > 1


def mail(person: int) -> str:
    return f"first.last{person}@department{person % 20}.example.com"


def cloud_rows(people: int) -> Iterator[CloudInput]:
    """Half are found by NameID and SCIM, a third by a verified e-mail, a tenth by GitHub's link."""
    for person in order(people, 1):
        if person % 100 >= 100 * CLOUD_SHARE:
            continue
        way = person % 10
        yield CloudInput(
            ref=person,
            login=f"First-Last{person}",
            subscription_email="",
            identities=tuple((each, mail(person)) for each in (0, 1, 3, 4)) if way < 5 else (),
            emails=(mail(person),) if way % 5 < 3 else (),
            server_refs=(f"ghes1.example.com:{person}",) if way % 5 > 1 else (),
            server_emails=(mail(person),) if way % 5 > 1 else (),
            sort_text=f"First-Last{person}|First Last {person}|Enterprise|{mail(person)}|{person}",
        )


def accounts(people: int) -> Iterator[AccountInput]:
    """One account a person, for a quarter also one on a second instance; some without e-mail."""
    for person in order(people, 2):
        email = mail(person) if person % 50 else ""
        yield AccountInput(f"ghes1.example.com:{person}", email)
        if person % 4 == 0:
            yield AccountInput(f"ghes2.example.com:{person}", email)


def shortest(
    cloud: Iterable[CloudInput], server: Iterable[AccountInput]
) -> list[tuple[str, list[str]]]:
    """The rules and nothing else: no reasons, no candidates, no stable ordinals."""
    saml: dict[str, tuple[int, str]] = {}
    mails: dict[str, str] = {}
    links: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    persons: dict[str, list[str]] = {}
    for row in cloud:
        key = row.login.casefold() or row.subscription_email or min(row.server_emails, default="")
        while key in persons:
            key += "#"
        persons[key] = []
        for identity in row.identities:
            claim = (identity[0], key)
            if identity[1] not in saml or claim < saml[identity[1]]:
                saml[identity[1]] = claim
        for email in (*row.emails, row.subscription_email):
            if email not in mails or key < mails[email]:
                mails[email] = key
        for ref in row.server_refs:
            links.setdefault(ref, []).append((key, row.server_emails))
    groups: dict[str, list[str]] = {}
    for account, email in server:
        groups.setdefault(email or account, []).append(account)
    for email, members in groups.items():
        key = (
            (saml[email][1] if email in saml else "")
            or mails.get(email, "")
            or min(
                (k for m in members for k, mine in links.get(m, ()) if email in mine), default=""
            )
            or email
        )
        persons.setdefault(key, []).extend(members)
    return sorted(persons.items())


def explained(cloud: Iterable[CloudInput], server: Iterable[AccountInput]) -> int:
    return sum(len(person.memberships) for person in match(cloud, server))


def plain(cloud: Iterable[CloudInput], server: Iterable[AccountInput]) -> int:
    return sum(len(members) for _, members in shortest(cloud, server))


WAYS: dict[str, Callable[[Iterable[CloudInput], Iterable[AccountInput]], int]] = {
    "match": explained,
    "plain": plain,
}


def seconds(way: str, people: int) -> float:
    cloud, server = list(cloud_rows(people)), list(accounts(people))
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        assert WAYS[way](cloud, server) == len(server)
        best = min(best, time.process_time() - start)
    return best


def megabytes(way: str, people: int) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    WAYS[way](cloud_rows(people), accounts(people))
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def measured(what: str, way: str, people: int) -> float:
    command = [sys.executable, "-m", __spec__.name, what, way, str(people)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(size: int) -> None:
    people = size * 4 // 5
    time_of = {way: measured("seconds", way, people) for way in WAYS}
    small = {way: measured("seconds", way, people // 10) for way in WAYS}
    memory = {way: measured("megabytes", way, people) for way in WAYS}
    growth = {way: time_of[way] / small[way] / 10 for way in WAYS}
    print(f"{size:,} accounts, {CLOUD_SHARE:.0%} of persons in the cloud, {people:,} persons")
    for name, of, unit, target in (
        ("time", time_of, "s", TIME_TARGET),
        ("memory", memory, "MB", MEMORY_TARGET),
    ):
        ratio = of["match"] / of["plain"]
        print(
            f"{name:7} match {of['match']:8.2f} {unit:2}  plain {of['plain']:8.2f} {unit:2}"
            f"  ratio {ratio:.2f} (target {target})"
        )
    print(
        f"growth  match {growth['match']:8.2f} x   plain {growth['plain']:8.2f} x "
        f"  per account from a tenth (target {GROWTH_TARGET})"
    )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        gc.disable()
        measure = {"seconds": seconds, "megabytes": megabytes}[sys.argv[1]]
        print(measure(sys.argv[2], int(sys.argv[3])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
