"""The match: which cloud rows and server accounts are one person, and why (domain.md section 3).

The rules compare nothing but an account's primary e-mail, so whatever they decide they decide for
an e-mail: the accounts that share one always go together. That makes the match one hash join of
e-mails with what cloud rows claim, and lets reasons be kept by e-mail instead of by account.

A claim is one int, ``row number << 3 | kind``; the kind says how the row came by the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from itertools import count
from operator import itemgetter
from typing import Final, NamedTuple

from enterprise.records import AccountInput, CloudInput

ATTRIBUTES: Final = ("claims/name", "claims/emailaddress", "username", "NameID", "emails")
"""The SAML and SCIM attributes by code, in the order in which GitHub compares them."""

SAML: Final = "saml"
VERIFIED_EMAIL: Final = "verified_email"
SUBSCRIPTION_EMAIL: Final = "subscription_email"
GITHUB_LINK: Final = "github_link"
SAME_EMAIL: Final = "same_email"
ALONE: Final = "alone"
NO_EMAIL: Final = "no_email"

RULES: Final = (
    SAML,
    VERIFIED_EMAIL,
    SUBSCRIPTION_EMAIL,
    GITHUB_LINK,
    SAME_EMAIL,
    ALONE,
    NO_EMAIL,
)
"""Why an account is in its person: steps a, b, b, c, d and e of rule 3, and no e-mail (rule 5)."""

NAMELESS: Final = "#"
"""The key of a row that has nothing that rule 6 could name it by."""

# Kinds: the index of the attribute, or one of these. Those of claims fit into three bits.
_VERIFIED: Final = len(ATTRIBUTES)
_SUBSCRIPTION: Final = _VERIFIED + 1
_LINK: Final = _VERIFIED + 2
_SAME_EMAIL: Final = _VERIFIED + 3
_ALONE: Final = _VERIFIED + 4
_NO_EMAIL: Final = _VERIFIED + 5
_RULE: Final = (*[SAML] * len(ATTRIBUTES), *RULES[1:])
_ATTRIBUTE: Final = (*range(len(ATTRIBUTES)), *[0] * len(RULES[1:]))


class Membership(NamedTuple):
    """One server account in its person.

    ``rule`` is one of RULES. ``attribute`` is an index into ATTRIBUTES where the rule is ``saml``,
    else 0. ``value`` is the normalized e-mail that matched, ``""`` for an account without one.
    ``candidates`` are the keys of all persons that the deciding step offered if there was more than
    one (an ambiguity), the chosen one first; else empty.
    """

    account: str
    rule: str
    attribute: int
    value: str
    candidates: tuple[str, ...]


class Person(NamedTuple):
    """A person who consumes one license: a cloud row, or accounts without one, or both.

    ``cloud_ref`` is ``CloudInput.ref``, None for a server-only person. ``memberships`` are ordered
    by account; a person of the cloud alone has none.
    """

    key: str
    cloud_ref: int | None
    memberships: tuple[Membership, ...]


# The accounts of one e-mail: e-mail, kind, first account; the others are kept beside. Plain tuples of
# text and numbers, since the garbage collector leaves those alone and a million objects it would not.
_Group = tuple[str, int, str]
_Person = tuple[str, int | None, tuple[_Group, ...]]


class Count:
    """The persons, each with its memberships, in key order (UTF-8 bytes, which is code points).

    A sequence: ``len()`` is the number of persons, and each is known by its index. The tuples are
    made anew whenever they are asked for, so that a million memberships are never held at once.
    """

    __slots__ = ("_candidates", "_further", "_persons")

    def __init__(
        self,
        persons: list[_Person],
        further: Mapping[str, list[str]],
        candidates: Mapping[str, tuple[str, ...]],
    ) -> None:
        persons.sort(key=itemgetter(0))
        self._persons = persons
        self._further = further
        self._candidates = candidates

    def __len__(self) -> int:
        return len(self._persons)

    def __getitem__(self, index: int) -> Person:
        key, cloud_ref, groups = self._persons[index]
        return Person(key, cloud_ref, self._memberships(groups) if groups else ())

    def __iter__(self) -> Iterator[Person]:
        return map(self.__getitem__, range(len(self._persons)))

    def _memberships(self, groups: tuple[_Group, ...]) -> tuple[Membership, ...]:
        memberships = []
        for email, kind, account in groups:
            rule, attribute = _RULE[kind], _ATTRIBUTE[kind]
            candidates = self._candidates.get(email, ())
            memberships.append(Membership(account, rule, attribute, email, candidates))
            if email in self._further:
                memberships += [
                    Membership(account, rule, attribute, email, candidates)
                    for account in self._further[email]
                ]
        if len(memberships) > 1:
            memberships.sort()
        return tuple(memberships)


def match(
    cloud: Iterable[CloudInput],
    accounts: Iterable[AccountInput],
    not_consuming: Iterable[AccountInput] = (),
) -> Count:
    """Join consuming server accounts to cloud rows and to each other by rules 1 to 6 of section 3.

    ``cloud`` are the counted rows, ``accounts`` the consuming accounts, each account once. Values
    are normalized. ``not_consuming`` accounts are no one's seat, but prove by GitHub's link (step
    c) whose e-mail theirs is, as "some server account" there says. The result does not depend on
    the order of any of them. Never fails; an input without e-mails, logins or rows is fine.
    """
    claimed = _Claimed(cloud)
    first: dict[str, str] = {}
    further: dict[str, list[str]] = {}
    without_email: list[str] = []
    for account, email in accounts:
        if email in first:
            further.setdefault(email, []).append(account)
        elif email:
            first[email] = account
        else:
            without_email.append(account)
    candidates = claimed.settle(first, further, not_consuming)

    joined: list[tuple[_Group, ...]] = [()] * len(claimed.keys)
    apart: list[_Group] = []
    for email, account in first.items():
        claim = claimed.claims.get(email)
        if claim is None:
            apart.append((email, _SAME_EMAIL if email in further else _ALONE, account))
        else:
            joined[claim >> 3] += ((email, claim & 7, account),)
    apart += [("", _NO_EMAIL, account) for account in without_email]
    persons: list[_Person] = list(zip(claimed.keys, claimed.refs, joined, strict=True))
    persons += [(key, None, (group,)) for key, group in _keyed(apart, set(claimed.keys))]
    return Count(persons, further, candidates)


def _keyed(groups: Iterable[_Group], taken: set[str]) -> Iterator[tuple[str, _Group]]:
    """Server-only persons with their keys, cloud rows having ``taken`` theirs before."""
    late = []
    for group in groups:
        email, _, account = group
        key = email or account
        if key in taken:
            late.append((key, group))
        else:
            taken.add(key)
            yield key, group
    # Last, so that no ordinal takes what is the plain key of another person.
    for plain, group in late:
        key = next(_ordinals(plain, taken))
        taken.add(key)
        yield key, group


class _Claimed:
    """What cloud rows claim. Rows are numbered as they arrive, which decides nothing.

    ``claims`` holds one claim for each value, ``contested`` those of further rows. ``links`` holds
    claims by GitHub's link, yet unproven, with the row's server accounts, by server e-mail.
    """

    def __init__(self, rows: Iterable[CloudInput]) -> None:
        self.refs: list[int] = []
        self.claims: dict[str, int] = {}
        self.contested: dict[str, list[int]] = {}
        self.links: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
        self.keys: list[str] = []
        texts: list[str] = []
        for number, row in enumerate(rows):
            ref, login, subscription, identities, emails, server_refs, server_emails, text = row
            self.refs.append(ref)
            self.keys.append(
                login.casefold()
                or subscription
                or min(server_emails, default="")
                or min(server_refs, default=NAMELESS)
            )
            texts.append(text)
            for attribute, value in identities:
                self._claim(value, number << 3 | attribute)
            for email in emails:
                self._claim(email, number << 3 | _VERIFIED)
            if subscription:
                self._claim(subscription, number << 3 | _SUBSCRIPTION)
            for email in server_emails:
                # A value that any row claims is decided before GitHub's link is asked.
                if email not in self.claims:
                    self.links.setdefault(email, []).append((number << 3 | _LINK, server_refs))
        self._tell_keys_apart(texts)

    def _claim(self, value: str, claim: int) -> None:
        first = self.claims.setdefault(value, claim)
        if first >> 3 != claim >> 3:
            self.contested.setdefault(value, []).append(claim)
        elif claim < first:
            self.claims[value] = claim

    def _tell_keys_apart(self, texts: list[str]) -> None:
        """Give equal keys an ordinal in the order of the rows' texts; the first stays plain."""
        first: dict[str, int] = {}
        equal: dict[str, list[int]] = {}
        for row, key in enumerate(self.keys):
            if first.setdefault(key, row) != row:
                equal.setdefault(key, [first[key]]).append(row)
        for key, rows in equal.items():
            rows.sort(key=lambda row: (texts[row], self.refs[row]))
            for row, ordinal in zip(rows[1:], _ordinals(key, first), strict=False):
                self.keys[row] = ordinal

    def settle(
        self,
        first: Mapping[str, str],
        further: Mapping[str, list[str]],
        not_consuming: Iterable[AccountInput],
    ) -> dict[str, tuple[str, ...]]:
        """Leave in ``claims`` the one that wins each e-mail; return the ambiguities' candidates."""
        witnesses: dict[str, list[str]] = {}
        for account, email in not_consuming:
            if email in self.links:
                witnesses.setdefault(email, []).append(account)
        candidates: dict[str, tuple[str, ...]] = {}
        for email, others in self.contested.items():
            if email in first:
                self._choose(email, [self.claims[email], *others], candidates)
        for email, links in self.links.items():
            if email in first and email not in self.claims:
                proving = {first[email], *further.get(email, ()), *witnesses.get(email, ())}
                proven = [claim for claim, refs in links if not proving.isdisjoint(refs)]
                if proven:
                    self._choose(email, proven, candidates)
        return candidates

    def _choose(
        self, email: str, claims: list[int], candidates: dict[str, tuple[str, ...]]
    ) -> None:
        """Decide among the claims on an e-mail (rule 4).

        The first step that offers anything decides. Within it the smallest attribute wins, then the
        person key; verified and subscription e-mails weigh the same. Candidates are all rows that
        the step offers, in (a) under whatever attribute.
        """
        if any(claim & 7 < _VERIFIED for claim in claims):
            claims = [claim for claim in claims if claim & 7 < _VERIFIED]
        keys = self.keys
        claims.sort(key=lambda claim: (_ATTRIBUTE[claim & 7], keys[claim >> 3], claim))
        self.claims[email] = claims[0]
        rivals = tuple(dict.fromkeys(keys[claim >> 3] for claim in claims))
        if len(rivals) > 1:
            candidates[email] = rivals


def _ordinals(key: str, taken: Set[str] | Mapping[str, object]) -> Iterator[str]:
    """Keys of further persons whose key would be the same: ``key#2`` and so on, but none taken.

    Those made from different keys never meet, since the last ``#`` parts them in one way only.
    """
    return (each for n in count(2) if (each := f"{key}#{n}") not in taken)
