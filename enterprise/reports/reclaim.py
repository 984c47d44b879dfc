"""Who could be reclaimed, and a plan with what to do where, as tables for files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from enterprise.models import Enterprise, ReclaimPlan
from enterprise.selectors.reclaim import candidates_walk, seats_walk

CANDIDATES_HEAD = (
    "Person",
    "Key",
    "Accounts",
    "Last active",
    "Exempt until",
    "Exempt because",
    "Exempted by",
)


def candidates_rows(enterprise: Enterprise, *, which: str, masked: bool) -> Iterator[list[Any]]:
    """Every candidate, longest not active first."""
    for line in candidates_walk(enterprise, which=which, masked=masked):
        exempt = line.exemption
        yield [
            line.number,
            line.key,
            line.accounts,
            line.last_active,
            *(
                (exempt.until.isoformat(), exempt.reason, exempt.decided_by)
                if exempt
                else ("",) * 3
            ),
        ]


PLAN_HEAD = (
    "Instance",
    "User id",
    "Login",
    "Primary email",
    "Action",
    "Where",
    "Last active",
    "Person",
    "Key",
    "State of the license",
)


def plan_rows(plan: ReclaimPlan, *, masked: bool) -> Iterator[list[Any]]:
    """A line for each account to suspend; a seat is freed by its last one."""
    for line in seats_walk(plan, masked=masked):
        for account, email, login in line.accounts:
            host, _, user_id = account.rpartition(":")
            yield [
                host,
                user_id,
                login,
                email,
                "suspend",
                f"https://{host}/stafftools/users",
                line.seat.last_active,
                line.seat.number,
                line.key,
                line.seat.state,
            ]
