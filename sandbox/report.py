"""The site-admin report ``all_users.csv`` of an instance (domain.md section 6)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from operator import attrgetter

from sandbox.world import GhesUser

HEADER = (
    "created_at",
    "id",
    "login",
    "email",
    "role",
    "suspended?",
    "last_logged_ip",
    "repos",
    "ssh_keys",
    "org_memberships",
    "dormant?",
    "last_active",
    "raw_login",
    "2fa_enabled?",
)

Mark = tuple[object, ...]
"""Every field of every user: two worlds with the same marks give the same report."""

_all_fields: Callable[[GhesUser], Mark] = attrgetter(*(f.name for f in fields(GhesUser)))


def mark(users: Iterable[GhesUser]) -> Mark:
    """What tells whether a report made earlier is still true."""
    return tuple(map(_all_fields, users))


def render_report(users: Iterable[GhesUser]) -> bytes:
    """The report as CSV in UTF-8 with a header; ``raw_login`` is JSON inside CSV."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(map(_row, users))
    return out.getvalue().encode()


def _row(user: GhesUser) -> tuple[object, ...]:
    return (
        user.created_at,
        user.id,
        user.login,
        user.email,
        user.role,
        _flag(user.suspended),
        user.last_logged_ip,
        user.repos,
        user.ssh_keys,
        user.org_memberships,
        _flag(user.dormant),
        user.last_active,
        _raw_login(user),
        _flag(user.two_factor),
    )


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _raw_login(user: GhesUser) -> str:
    address = user.last_logged_ip or None
    return json.dumps({"login": user.login, "actor_ip": address, "created_at": user.created_at})


def tamper(users: Iterable[GhesUser], kind: str) -> list[GhesUser]:
    """The users as a fault of the content shows them."""
    rows = list(users)
    match kind:
        case "empty":
            return []
        case "halved":
            return rows[::2]
        case "duplicate_ids":
            return [*rows, *rows[:1]]
        case "negative_ids":
            return [replace(user, id=-user.id) for user in rows]
        case "huge_ids":
            return [replace(user, id=user.id + 10**30) for user in rows]
        case "all_suspended":
            return [replace(user, suspended=True) for user in rows]
        case _:
            return rows
