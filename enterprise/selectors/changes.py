"""What changed between two snapshots: a query, not a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Set
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db.models import Q

from enterprise.models import Enterprise, MembershipVersion, PersonVersion, Snapshot
from enterprise.selectors.history import snapshot_at, snapshot_first
from enterprise.selectors.persons import (
    PersonLine,
    mask_line,
    mask_report,
    person_lines,
    valid_as_of,
)


class Changes(NamedTuple):
    """Person numbers by what happened to them from one snapshot to a later one, each in order.

    ``joined`` and ``left`` have no account in common with anybody before or after. ``matched`` are
    persons that took in accounts of others, ``split`` those that accounts came away from into a
    person of their own. ``moved`` are persons whose accounts went on one instance and came on
    another; ``changed`` are the rest whose row differs.

    Somebody whose only account moved has nothing in common with before but the e-mail address, that
    is the key, and so a new number: ``former`` has the old one by the new.
    """

    joined: list[int]
    left: list[int]
    matched: list[int]
    split: list[int]
    moved: list[int]
    changed: list[int]
    former: dict[int, int]

    def counts(self) -> dict[str, int]:
        return {kind: len(getattr(self, kind)) for kind in KINDS}


KINDS = ("joined", "left", "matched", "split", "moved", "changed")
"""What can happen to a person, in the order in which it is told."""


def changes_between(older: Snapshot, newer: Snapshot) -> Changes:
    """What changed from ``older`` to ``newer``; reads only versions that opened or closed between."""
    if older.pk > newer.pk:
        older, newer = newer, older
    before = _persons(older, newer, as_of=older)
    after = _persons(older, newer, as_of=newer)
    was = _accounts(older, newer, as_of=older)
    now = _accounts(older, newer, as_of=newer)
    joined = after.keys() - before.keys()
    left = before.keys() - after.keys()
    gone = frozenset(left)
    matched: set[int] = set()
    split: set[int] = set()
    for account in was.keys() & now.keys():
        old, new = was[account], now[account]
        if old == new:
            continue
        if new in joined and old not in gone:
            split.add(new)
        else:
            matched.add(new)
            left.discard(old)
    split -= matched
    joined -= split | matched
    former = _former(before, after, left, joined)
    left.difference_update(former.values())
    stayed = before.keys() & after.keys() - matched
    moved = _moved(was, now) & stayed | former.keys()
    changed = {number for number in stayed - moved if before[number] != after[number]}
    return Changes(
        joined=sorted(joined - moved),
        left=sorted(left),
        matched=sorted(matched),
        split=sorted(split),
        moved=sorted(moved),
        changed=sorted(changed),
        former=former,
    )


def _former(
    before: dict[int, _Row], after: dict[int, _Row], left: set[int], joined: set[int]
) -> dict[int, int]:
    """Who came with an account, as a server-only person with the key of one who went, by number."""
    gone = {before[number].key: number for number in left if before[number].alone}
    return {
        number: gone[row.key]
        for number in joined
        if (row := after[number]).alone and row.key in gone
    }


def _moved(was: dict[str, int], now: dict[str, int]) -> set[int]:
    """Persons of whose accounts some went on one instance and some came on another."""
    went, came = (
        _hosts(accounts, other) for accounts, other in ((was, now.keys()), (now, was.keys()))
    )
    return {
        number
        for number in went.keys() & came.keys()
        if went[number] - came[number] and came[number] - went[number]
    }


def _hosts(accounts: dict[str, int], other: Set[str]) -> dict[int, set[str]]:
    """The instances of each person's accounts that are not among the others."""
    hosts: dict[int, set[str]] = {}
    for account, number in accounts.items():
        if account not in other:
            hosts.setdefault(number, set()).add(account.rpartition(":")[0])
    return hosts


def changes_counted(
    enterprise: Enterprise, *, since: dt.datetime, until: dt.datetime
) -> dict[str, int]:
    """How many persons what happened to from one moment to another, by kind.

    The history begins with the first count: a moment before it means that one. All are nought where
    nothing was counted at all.
    """
    older, newer = (
        snapshot_at(enterprise, at) or snapshot_first(enterprise) for at in (since, until)
    )
    if older is None or newer is None or older.pk == newer.pk:
        return dict.fromkeys(KINDS, 0)
    return changes_between(older, newer).counts()


def _touched(older: Snapshot, newer: Snapshot) -> Q:
    """Versions that opened or closed after ``older`` and not after ``newer``."""
    return Q(from_snapshot__gt=older.pk, from_snapshot__lte=newer.pk) | Q(
        to_snapshot__gt=older.pk, to_snapshot__lte=newer.pk
    )


class _Row(NamedTuple):
    """A person's row by its digest; ``alone`` says that it has no cloud row, but an e-mail."""

    digest: int
    key: str
    alone: bool


def _persons(older: Snapshot, newer: Snapshot, *, as_of: Snapshot) -> dict[int, _Row]:
    versions = PersonVersion.objects.filter(
        _touched(older, newer), valid_as_of(as_of), enterprise_id=older.enterprise_id
    )
    return {
        number: _Row(digest, key, not cloud_key and "@" in key)
        for number, digest, key, cloud_key in versions.values_list(
            "number", "digest", "key", "cloud_key"
        )
    }


def _accounts(older: Snapshot, newer: Snapshot, *, as_of: Snapshot) -> dict[str, int]:
    versions = MembershipVersion.objects.filter(
        _touched(older, newer), valid_as_of(as_of), enterprise_id=older.enterprise_id
    )
    return dict(versions.values_list("account", "number"))


# --- Persons that changed ------------------------------------------------------------------------


class Came(NamedTuple):
    """An account that a person took in, and whose it was before; None if nobody's."""

    account: str
    whose: int | None


class Fact(NamedTuple):
    """A column of a person's row that differs, by GitHub's REST name."""

    name: str
    before: Any
    after: Any


class PersonChange(NamedTuple):
    """A person as of an older and a newer snapshot; None where they were not (yet, or any more)."""

    number: int
    before: PersonLine | None
    after: PersonLine | None
    came: list[Came]
    went: list[str]
    facts: list[Fact]

    @property
    def line(self) -> PersonLine | None:
        """The newest there is."""
        return self.after or self.before

    @property
    def only_reason(self) -> bool:
        """Whether the row is as it was, and what differs is why an account is in it."""
        both = self.before is not None and self.after is not None
        return both and not (self.came or self.went or self.facts)


ACCOUNTS = "enterprise_server_user_ids"
_FOLLOWS = {ACCOUNTS, "enterprise_server_user", "enterprise_server_emails", "total_user_accounts"}
"""What differs whenever the accounts or their e-mails do."""


_NOBODY: Mapping[int, int] = MappingProxyType({})


def person_changes(
    older: Snapshot,
    newer: Snapshot,
    numbers: list[int],
    *,
    masked: bool,
    former: Mapping[int, int] = _NOBODY,
) -> list[PersonChange]:
    """What became of a page of persons, in the order of ``numbers``; three queries.

    ``former`` are numbers that some of them had before, as in ``Changes``.
    """
    lines = person_lines(older, [former.get(number, number) for number in numbers])
    before = {number: line for number in numbers if (line := lines.get(former.get(number, number)))}
    after = person_lines(newer, numbers)
    gained = {
        number: [a for a in _accounts_of(after, number) if a not in _accounts_of(before, number)]
        for number in numbers
        if number in after
    }
    whose = dict(
        MembershipVersion.objects.filter(
            valid_as_of(older),
            enterprise_id=older.enterprise_id,
            account__in=[account for accounts in gained.values() for account in accounts],
        ).values_list("account", "number")
    )
    return [
        PersonChange(
            number,
            _shown(before.get(number), masked=masked),
            _shown(after.get(number), masked=masked),
            [Came(account, whose.get(account)) for account in gained.get(number, ())],
            sorted(set(_accounts_of(before, number)) - set(_accounts_of(after, number))),
            _facts(before.get(number), after.get(number), masked=masked),
        )
        for number in numbers
    ]


def _accounts_of(lines: dict[int, PersonLine], number: int) -> list[str]:
    line = lines.get(number)
    return line.report.get(ACCOUNTS, []) if line else []


def _shown(line: PersonLine | None, *, masked: bool) -> PersonLine | None:
    return mask_line(line) if line and masked else line


def _facts(before: PersonLine | None, after: PersonLine | None, *, masked: bool) -> list[Fact]:
    """What differs, whether or not a masked viewer can see the difference."""
    if before is None or after is None:
        return []
    differing = [
        name
        for name in {**before.report, **after.report}
        if before.report.get(name) != after.report.get(name) and name not in _FOLLOWS
    ]
    hide = mask_report if masked else dict
    was, now = hide(before.report), hide(after.report)
    return [Fact(name, was.get(name), now.get(name)) for name in differing]
