"""Whose seat is freed by suspending dormant accounts: a person's last consuming account has to go.

The report of an instance tells which accounts are dormant; of cloud accounts nobody is told. So only
persons on servers alone can be freed, and only if all of their accounts are idle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple


class Idle(NamedTuple):
    """An account out of use: dormant, or never signed in to. ``last_active`` is ``""`` if not kept."""

    dormant: bool
    last_active: str = ""


class Candidate(NamedTuple):
    """A person all of whose accounts are idle, one at least dormant; accounts in order.

    ``last_active`` is the latest of all accounts', ``""`` unless it is known of each dormant one.
    """

    number: int
    accounts: tuple[str, ...]
    last_active: str


class Reclaimable(NamedTuple):
    """Candidates by number, and what of the dormant accounts frees no seat.

    ``in_cloud`` and ``active_elsewhere`` are persons with a dormant account whose cloud account, or
    whose other account on a server, consumes a license all the same.
    """

    candidates: list[Candidate]
    dormant_accounts: int
    in_cloud: int
    active_elsewhere: int


def reclaimable(
    memberships: Iterable[tuple[int, str]],
    clouds: Collection[int],
    idle: Mapping[str, Idle],
) -> Reclaimable:
    """``memberships`` are (person, account) of every consuming account; in any order."""
    accounts: dict[int, list[str]] = {}
    used: set[int] = set()
    dormant_accounts = 0
    with_dormant: set[int] = set()
    for number, account in memberships:
        found = idle.get(account)
        if found is None:
            used.add(number)
            continue
        accounts.setdefault(number, []).append(account)
        if found.dormant:
            dormant_accounts += 1
            with_dormant.add(number)
    candidates = [
        Candidate(
            number,
            tuple(sorted(accounts[number])),
            _last_active([idle[account] for account in accounts[number]]),
        )
        for number in sorted(with_dormant)
        if number not in used and number not in clouds
    ]
    in_cloud = sum(number in clouds for number in with_dormant)
    return Reclaimable(
        candidates,
        dormant_accounts,
        in_cloud,
        len(with_dormant) - len(candidates) - in_cloud,
    )


def _last_active(accounts: list[Idle]) -> str:
    known = [account.last_active for account in accounts if account.dormant]
    return max(known) if all(known) else ""
