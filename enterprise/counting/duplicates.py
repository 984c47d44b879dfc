"""Persons that are probably one, and why: the rules behind the work-list (docs/insights.md).

Nothing here changes the count. Every rule compares what an address, a SAML or SCIM value or a login
says apart from the part in which two systems often differ; none uses names. Persons are known by
number. At least one of a pair is on servers only, since cloud accounts never merge (domain.md
section 3, rule 5).

One dictionary finds everything: values are filed under their local part without plus tag and dots,
and only where several persons meet under one is anything looked at closely. So the time is in
proportion to the values. A value that more than MOST persons have points at nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import product
from typing import Final, NamedTuple, TypeVar

SECONDARY: Final = "secondary"
PLUS_TAG: Final = "plus_tag"
DOTS: Final = "dots"
OWN_DOMAIN: Final = "own_domain"
OTHER_DOMAIN: Final = "other_domain"
SAML_LOCAL: Final = "saml_local"
LOGIN: Final = "login"

WEIGHTS: Final = {
    SECONDARY: 95,
    PLUS_TAG: 95,
    DOTS: 85,
    OWN_DOMAIN: 85,
    SAML_LOCAL: 75,
    OTHER_DOMAIN: 60,
    LOGIN: 60,
}
"""How sure a rule alone makes, in per cent, where it points at one other person only."""

MOST: Final = 5
SHORTEST: Final = 3  # characters of a local part or login that can tell somebody
_ROLES = """
    abuse admin administrator automation bot build builds ci contact deploy dev devops devnull dummy
    ghost git github help helpdesk hello helloworld hostmaster info it jenkins mail noc noreply office
    ops postmaster release robot root sales security service support sysadmin system team test tester
    do-not-reply no-reply user webmaster
"""
ROLES: Final = frozenset(_ROLES.split())
"""Local parts and logins of roles and machines, which are many people's or nobody's."""

SERVER: Final = 0
CLOUD: Final = 1
IDENTITY: Final = 2


class Known(NamedTuple):
    """A value of a person, normalized: an e-mail of a SERVER account or a CLOUD row, an IDENTITY's."""

    number: int
    kind: int
    value: str


class Login(NamedTuple):
    """A login of a person. ``shown`` is what the evidence says of it: the account, or the login."""

    number: int
    login: str
    shown: str


class Secondary(NamedTuple):
    """A further e-mail of a server ``account`` of a person."""

    number: int
    email: str
    account: str


class Evidence(NamedTuple):
    """Why two persons are probably one. ``weight`` is in per cent, of ``rivals`` other persons.

    ``one`` and ``other`` are the values, or what is shown of them; for SECONDARY ``account`` is the
    one that has the address as a further one.
    """

    rule: str
    one: str
    other: str
    weight: int
    rivals: int = 1
    account: str = ""


class Suspicion(NamedTuple):
    """Two persons, the strongest evidence first. ``one`` is on servers only, and would join ``other``.

    Of two on servers only, ``other`` has the smaller number.
    """

    one: int
    other: int
    evidence: tuple[Evidence, ...]


def find(
    known: Iterable[tuple[int, int, str]],
    clouds: Collection[int],
    domains: Iterable[str],
    *,
    logins: Iterable[Login] = (),
    secondaries: Iterable[Secondary] = (),
) -> list[Suspicion]:
    """Every suspicion, by numbers. ``known`` are as in Known, ``clouds`` the persons with a cloud row.

    ``domains`` are the enterprise's own, verified or approved, in A-labels; what is below one is its
    own too. The result does not depend on the order of anything.
    """
    own = own_domain(domains)
    held: dict[str, list[Secondary]] = defaultdict(list)
    for secondary in secondaries:
        held[secondary.email].append(secondary)
    found = _Found(clouds)
    for block in _blocks(known, held, found):
        for domain_mates in _grouped(block, _domain).values():
            found.pair(domain_mates, _folded_evidence)
        for namesakes in _grouped(block, _local).values():
            found.pair(namesakes, lambda one, other: _local_evidence(one, other, own))
    for key, mates in _stems(logins).items():
        if len(key) >= SHORTEST and key not in ROLES:
            found.pair(mates, _login_evidence)
    return found.suspicions()


def stem(login: str) -> str:
    """A login without what differs between systems: a managed user's suffix, separators, case."""
    login = login.casefold()
    return (login.rpartition("_")[0] or login).replace("-", "").replace(".", "").replace("_", "")


# --- Who meets whom ------------------------------------------------------------------------------


def _blocks(
    known: Iterable[tuple[int, int, str]], held: dict[str, list[Secondary]], found: _Found
) -> Iterator[list[Known]]:
    """The values under one folded local part, where persons meet; on the way, who holds which."""
    first: dict[str, tuple[int, int, str]] = {}
    further: dict[str, list[tuple[int, int, str]]] = {}
    holders: dict[str, set[int]] = defaultdict(set)
    for entry in known:
        number, kind, value = entry
        if value in held:
            holders[value].add(number)
        local, at, rest = value.rpartition("@")
        key = (local if at else rest).partition("+")[0].replace(".", "")
        before = first.setdefault(key, entry)
        if before is entry:
            continue
        if before[0] != number or before[2] != value:
            further.setdefault(key, []).append(entry)
        elif before[1] < kind:
            first[key] = entry
    for email, numbers in holders.items():
        found.held(email, numbers, held[email])
    for key, entries in further.items():
        if len(key) < SHORTEST or key in ROLES:
            continue
        # Of one value in several kinds, the last: an identity's.
        kept = {(number, value): kind for number, kind, value in sorted([first[key], *entries])}
        if len({number for number, _ in kept}) > 1:
            yield [Known(number, kind, value) for (number, value), kind in kept.items()]


def _stems(logins: Iterable[Login]) -> dict[str, list[Login]]:
    mates: dict[str, list[Login]] = defaultdict(list)
    for login in logins:
        mates[stem(login.login)].append(login)
    return {key: sorted(logins) for key, logins in mates.items() if len(logins) > 1}


def _grouped(block: list[Known], by: Callable[[str], str]) -> dict[str, list[Known]]:
    groups: dict[str, list[Known]] = defaultdict(list)
    for entry in block:
        if key := by(entry.value):
            groups[key].append(entry)
    return groups


def _domain(value: str) -> str:
    return value.rpartition("@")[2] if "@" in value else ""


def _local(value: str) -> str:
    return value.rpartition("@")[0] if "@" in value else value


def own_domain(domains: Iterable[str]) -> Callable[[str], bool]:
    """Whether a domain is one of these, or below one."""
    ours = frozenset(domains)
    known: dict[str, bool] = {}

    def own(domain: str) -> bool:
        if domain not in known:
            labels = domain.split(".")
            known[domain] = any(".".join(labels[at:]) in ours for at in range(len(labels)))
        return known[domain]

    return own


_E = TypeVar("_E", Known, Login)


class _Found:
    """Evidence by pair, as it comes."""

    def __init__(self, clouds: Collection[int]) -> None:
        self._clouds = clouds
        self._evidence: dict[tuple[int, int], set[Evidence]] = defaultdict(set)

    def pair(self, entries: list[_E], judge: Callable[[_E, _E], Evidence | None]) -> None:
        """Set each server-only person against the cloud's, else against the smallest number."""
        of: dict[int, list[_E]] = defaultdict(list)
        for entry in entries:
            of[entry.number].append(entry)
        if not 1 < len(of) <= MOST:
            return
        clouds = [number for number in of if number in self._clouds]
        servers = sorted(number for number in of if number not in self._clouds)
        for one in servers if clouds else servers[1:]:
            for other in clouds or servers[:1]:
                for mine, theirs in product(of[one], of[other]):
                    evidence = judge(mine, theirs)
                    if evidence is not None:
                        self._add(one, other, evidence, len(of) - 1)

    def held(self, email: str, numbers: set[int], secondaries: list[Secondary]) -> None:
        """An address of ``numbers`` is a further one of somebody else's account."""
        persons = numbers | {secondary.number for secondary in secondaries}
        if not 1 < len(persons) <= MOST:
            return
        for number, secondary in product(sorted(numbers), sorted(secondaries)):
            one, other = self._turned(number, secondary.number)
            if one not in self._clouds and one != other:
                evidence = _evidence(SECONDARY, email, email)._replace(account=secondary.account)
                self._add(one, other, evidence, len(persons) - 1)

    def _turned(self, first: int, second: int) -> tuple[int, int]:
        if (first in self._clouds) == (second in self._clouds):
            return max(first, second), min(first, second)
        return (second, first) if first in self._clouds else (first, second)

    def _add(self, one: int, other: int, evidence: Evidence, rivals: int) -> None:
        weight = round(evidence.weight / rivals)
        self._evidence[one, other].add(evidence._replace(weight=weight, rivals=rivals))

    def suspicions(self) -> list[Suspicion]:
        return [
            Suspicion(one, other, _strongest(evidence))
            for (one, other), evidence in sorted(self._evidence.items())
        ]


def _strongest(evidence: set[Evidence]) -> tuple[Evidence, ...]:
    """One of each rule, the strongest first."""
    order = [*WEIGHTS]
    by_rule: dict[str, Evidence] = {}
    for each in sorted(evidence, key=lambda e: (-e.weight, order.index(e.rule), e)):
        by_rule.setdefault(each.rule, each)
    return tuple(by_rule.values())


# --- The rules -----------------------------------------------------------------------------------


def _evidence(rule: str, one: str, other: str) -> Evidence:
    return Evidence(rule, one, other, WEIGHTS[rule])


def _folded_evidence(one: Known, other: Known) -> Evidence | None:
    """Both at one domain, and equal but for plus tag or dots."""
    mine, theirs = _local(one.value), _local(other.value)
    if mine == theirs:  # equal, and yet apart: an ambiguity that the match has decided
        return None
    same = mine.partition("+")[0] == theirs.partition("+")[0]
    return _evidence(PLUS_TAG if same else DOTS, one.value, other.value)


def _local_evidence(one: Known, other: Known, own: Callable[[str], bool]) -> Evidence | None:
    """The same local part at another domain; or of a SAML or SCIM value, whatever is behind it."""
    mine, theirs = _domain(one.value), _domain(other.value)
    if mine == theirs:
        return None
    ours = own(mine) + own(theirs) if mine and theirs else 0
    if ours == 2:
        return _evidence(OWN_DOMAIN, one.value, other.value)
    if other.kind == IDENTITY:
        return _evidence(SAML_LOCAL, one.value, other.value)
    return _evidence(OTHER_DOMAIN, one.value, other.value) if ours else None


def _login_evidence(one: Login, other: Login) -> Evidence:
    return _evidence(LOGIN, one.shown, other.shown)
