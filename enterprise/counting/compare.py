"""GitHub's list beside ours, so that the difference adds up exactly (domain.md section 3).

Our persons and GitHub's rows are linked by a shared cloud row or ``HOST:ID``. Each connected
component contributes its persons less its rows, which together is our total less the rows that
GitHub lists. What GitHub states beyond what it lists stays apart.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Final, NamedTuple

EQUAL: Final = "equal"
NOT_READ: Final = "not_read"
NEW: Final = "new"
GONE: Final = "gone"
EMAIL_CHANGED: Final = "email_changed"
JOINED_HERE: Final = "joined_here"
APART_HERE: Final = "apart_here"
SUBSCRIBER: Final = "subscriber"
OTHER: Final = "other"

CATEGORIES: Final = (
    NOT_READ,
    NEW,
    GONE,
    EMAIL_CHANGED,
    JOINED_HERE,
    APART_HERE,
    SUBSCRIBER,
    OTHER,
)
"""Why a component differs, the first that applies. Components that do not are ``equal``."""


class OurPerson(NamedTuple):
    """A person of ours: its number, the ref of its cloud row or None, its accounts (``HOST:ID``)."""

    number: int
    cloud_ref: int | None
    accounts: tuple[str, ...]


class GitHubRow(NamedTuple):
    """A row that GitHub lists, of whatever kind.

    ``ref`` is the caller's handle, for a counted row the one that its person has. ``accounts`` are
    its ``HOST:ID``, HOST resolved where the instance is known, else as GitHub wrote it.
    ``unlinked_subscriber`` is a Visual Studio subscriber that does not count here (rule 2).
    """

    ref: int
    accounts: tuple[str, ...]
    unlinked_subscriber: bool = False


class Facts(NamedTuple):
    """What else is known. ``hosts_read`` are the instances whose accounts were applied.

    ``new`` are accounts first seen after GitHub's last sync of their instance, ``email_changed``
    those whose primary e-mail changed after it. Suspended, excluded and gone accounts need no list:
    they are those that GitHub lists on an instance read here and that no person has.
    """

    hosts_read: Container[str]
    new: Container[str]
    email_changed: Container[str]


class Component(NamedTuple):
    """Persons and rows that are linked, by number and by ref, each in ascending order."""

    category: str
    persons: tuple[int, ...]
    rows: tuple[int, ...]

    @property
    def difference(self) -> int:
        """What the component adds to our total beside GitHub's list."""
        return len(self.persons) - len(self.rows)


class Difference(NamedTuple):
    """``ours - listed == sum(by_category.values())``, always, and ``components`` tell which.

    ``by_category`` has every one of CATEGORIES, in their order. ``components`` are those that
    differ. ``not_listed`` is what GitHub states but does not list, as rows less stated total (so
    negative where GitHub states more), None if it states none.
    """

    ours: int
    listed: int
    not_listed: int | None
    by_category: dict[str, int]
    components: list[Component]


def compare(
    persons: Iterable[OurPerson], rows: Iterable[GitHubRow], facts: Facts, stated: int | None
) -> Difference:
    """Explain our total less the rows that GitHub lists, category by category.

    Person numbers and row refs are each unique; an account is in one person. The result does not
    depend on the order of persons or rows. Takes time in proportion to accounts and rows.
    """
    ours = listed = 0
    by_category = dict.fromkeys(CATEGORIES, 0)
    differing = []
    for component in components(persons, rows, facts):
        ours += len(component.persons)
        listed += len(component.rows)
        if component.difference:
            by_category[component.category] += component.difference
            differing.append(component)
    not_listed = None if stated is None else listed - stated
    return Difference(ours, listed, not_listed, by_category, differing)


def components(
    persons: Iterable[OurPerson], rows: Iterable[GitHubRow], facts: Facts
) -> Iterator[Component]:
    """Part persons and rows into connected components, equal ones too, each with its category.

    Those with persons come first, by their smallest number; then lone rows, by ref.
    """
    people = sorted(persons)
    by_cloud_ref = {}
    by_account = {}
    for index, person in enumerate(people):
        if person.cloud_ref is not None:
            by_cloud_ref[person.cloud_ref] = index
        for account in person.accounts:
            by_account[account] = index

    root = list(range(len(people)))
    anchored: list[tuple[int, GitHubRow]] = []  # a row with one of its persons
    lone: list[GitHubRow] = []
    for row in sorted(rows):
        linked = {by_account[account] for account in row.accounts if account in by_account}
        if row.ref in by_cloud_ref:
            linked.add(by_cloud_ref[row.ref])
        if linked:
            anchor = _find(root, linked.pop())
            for other in linked:
                anchor = _join(root, anchor, _find(root, other))
            anchored.append((anchor, row))
        else:
            lone.append(row)

    members: dict[int, tuple[list[OurPerson], list[GitHubRow]]] = {}
    for index, person in enumerate(people):
        members.setdefault(_find(root, index), ([], []))[0].append(person)
    for anchor, row in anchored:
        members[_find(root, anchor)][1].append(row)
    for linked_persons, linked_rows in members.values():
        yield _component(linked_persons, linked_rows, by_account, facts)
    for row in lone:
        yield _component([], [row], by_account, facts)


def _find(root: list[int], index: int) -> int:
    while root[index] != index:
        root[index] = root[root[index]]
        index = root[index]
    return index


def _join(root: list[int], one: int, other: int) -> int:
    """Make the smaller of two roots the root of both, so that the result has one order."""
    low, high = min(one, other), max(one, other)
    root[high] = low
    return low


def _component(
    persons: list[OurPerson],
    rows: list[GitHubRow],
    ours: Container[str],
    facts: Facts,
) -> Component:
    return Component(
        _category(persons, rows, ours, facts),
        tuple(person.number for person in persons),
        tuple(row.ref for row in rows),
    )


def _category(
    persons: list[OurPerson], rows: list[GitHubRow], ours: Container[str], facts: Facts
) -> str:
    if len(persons) == len(rows):
        return EQUAL
    accounts = [account for person in persons for account in person.accounts]
    unknown = [account for row in rows for account in row.accounts if account not in ours]
    if any(_host(account) not in facts.hosts_read for account in unknown):
        return NOT_READ
    # Only where GitHub lists nothing: an account that joins a person whom GitHub lists adds nobody.
    if not rows and any(account in facts.new for account in accounts):
        return NEW
    if unknown:
        return GONE
    if any(account in facts.email_changed for account in accounts):
        return EMAIL_CHANGED
    if persons and len(persons) < len(rows):
        return JOINED_HERE
    if rows and len(persons) > len(rows):
        return APART_HERE
    if any(row.unlinked_subscriber for row in rows):
        return SUBSCRIBER
    return OTHER


def _host(account: str) -> str:
    return account.rpartition(":")[0]
