"""The rows of GHEC's ``consumed-licenses``, made out of the world, with their known oddities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from sandbox.world import CloudUser, GhesInstance, SeenUser, Subscriber, World

Row = dict[str, Any]
Seen = tuple[GhesInstance, SeenUser]


class Rows:
    """The rows of one moment. They are grouped at once and written out only when they are shown."""

    def __init__(self, makers: Sequence[Callable[[], Row]], oddities: frozenset[str]) -> None:
        self.makers = makers
        self.oddities = oddities

    def __len__(self) -> int:
        return len(self.makers)

    def between(self, start: int, stop: int) -> list[Row]:
        """The rows from ``start`` up to, not including, ``stop``."""
        return [
            _odd(make(), number, self.oddities)
            for number, make in enumerate(self.makers[start:stop], start)
        ]


def consumed_rows(world: World) -> Rows:
    """Every row GHEC lists: cloud accounts, invitations, subscribers, then server-only persons.

    GHEC groups server accounts that it joined with no cloud account by their primary e-mail.
    """
    linked: dict[str, list[Seen]] = {}
    server_only: dict[str, list[Seen]] = {}
    logins = {user.login for user in world.cloud}
    for instance in world.instances.values():
        for seen in instance.seen.values():
            if seen.linked in logins:
                linked.setdefault(seen.linked, []).append((instance, seen))
            else:
                email = seen.emails[0].strip().lower() if seen.emails else ""
                key = email or f"{instance.host_name}:{seen.id}"
                server_only.setdefault(key, []).append((instance, seen))
    spell = _Spelling(world)
    makers: list[Callable[[], Row]] = [
        partial(_cloud_row, user, linked.get(user.login, []), spell) for user in world.cloud
    ]
    makers += [
        partial(_row, email=invitation.email, invites=invitation.organizations)
        for invitation in world.invitations
    ]
    makers += [partial(_subscriber_row, subscriber) for subscriber in world.subscribers]
    makers += [partial(_server_row, group, spell) for group in server_only.values()]
    return Rows(makers, world.oddities)


class _Spelling:
    """How GHEC writes an instance's host: in another case or shortened now and then.

    A name is only shortened if the short one can mean no other instance.
    """

    def __init__(self, world: World) -> None:
        self._oddities = world.oddities
        shorts = [host.split(".")[0] for host in world.instances]
        self._short = {
            host: host.split(".")[0]
            for host in world.instances
            if shorts.count(host.split(".")[0]) == 1
        }

    def __call__(self, instance: GhesInstance, user_id: int) -> str:
        host = instance.host_name
        if "short_host" in self._oddities and user_id % 11 == 5:
            host = self._short.get(host, host)
        if "host_case" in self._oddities and user_id % 7 == 3:
            host = host.upper()
        return f"{host}:{user_id}"


def _cloud_row(user: CloudUser, seen: list[Seen], spell: _Spelling) -> Row:
    subscriber = bool(user.visual_studio_status)
    return _row(seen, spell, email=user.visual_studio_email) | {
        "github_com_login": user.login,
        "github_com_name": user.name or None,
        "github_com_user": True,
        "visual_studio_subscription_user": subscriber,
        "license_type": "Visual Studio subscription" if subscriber else "enterprise",
        "github_com_profile": f"https://github.com/{user.login}",
        "github_com_member_roles": list(user.member_roles),
        "github_com_enterprise_roles": list(user.enterprise_roles),
        "github_com_verified_domain_emails": list(user.verified_emails),
        "github_com_saml_name_id": user.saml_name_id or None,
        "github_com_orgs_with_pending_invites": list(user.pending_invites),
        "github_com_two_factor_auth": user.two_factor,
        "github_com_cost_center": user.cost_center or None,
        "visual_studio_license_status": user.visual_studio_status,
        "total_user_accounts": 1 + len(seen),
    }


def _subscriber_row(subscriber: Subscriber) -> Row:
    return _row(email=subscriber.email) | {
        "visual_studio_subscription_user": True,
        "license_type": "Visual Studio subscription",
        "visual_studio_license_status": subscriber.status,
    }


def _server_row(seen: list[Seen], spell: _Spelling) -> Row:
    email = next((user.visual_studio_email for _, user in seen if user.visual_studio_email), "")
    row = _row(seen, spell, email=email)
    if email:
        row |= {
            "visual_studio_subscription_user": True,
            "license_type": "Visual Studio subscription",
            "visual_studio_license_status": "Matched",
        }
    return row


def _row(
    seen: Iterable[Seen] = (),
    spell: _Spelling | None = None,
    *,
    email: str = "",
    invites: Iterable[str] = (),
) -> Row:
    """A row without a cloud account; ``email`` is the subscription e-mail."""
    accounts = list(seen)
    ids = [spell(instance, user.id) for instance, user in accounts] if spell else []
    return {
        "github_com_login": "",
        "github_com_name": None,
        "enterprise_server_user_ids": ids,
        "github_com_user": False,
        "enterprise_server_user": bool(ids),
        "visual_studio_subscription_user": False,
        "license_type": "enterprise",
        "github_com_profile": None,
        "github_com_member_roles": [],
        "github_com_enterprise_roles": [],
        "github_com_verified_domain_emails": [],
        "github_com_saml_name_id": None,
        "github_com_orgs_with_pending_invites": list(invites),
        "github_com_two_factor_auth": None,
        "github_com_cost_center": None,
        "enterprise_server_emails": list(_primary_emails(accounts)),
        "visual_studio_license_status": "",
        "visual_studio_subscription_email": email,
        "total_user_accounts": len(ids),
    }


def _primary_emails(seen: Iterable[Seen]) -> Iterator[str]:
    given: set[str] = set()
    for _, user in seen:
        if user.emails and user.emails[0] not in given:
            given.add(user.emails[0])
            yield user.emails[0]


def _odd(row: Row, number: int, oddities: frozenset[str]) -> Row:
    """The row with those of its oddities that fall on it; which, its place decides."""
    if "blanks" in oddities and number % 2:
        blank = {name: "" for name, value in row.items() if value is None}
        row |= blank
        if not row["github_com_user"]:
            row["github_com_enterprise_role"] = ""
    if "primary_emails" in oddities:
        row["enterprise_server_primary_emails"] = row["enterprise_server_emails"]
        if number % 3 == 2:
            del row["enterprise_server_emails"]
    if "unknown_keys" in oddities:
        row["github_com_code_security_license_user"] = False
        row["ghe_license_active"] = True
        row["an_attribute_of_tomorrow"] = {"number": number}
    if "license_case" in oddities and number % 5 == 4:
        row["license_type"] = row["license_type"].title()
    return row


def tamper_rows(rows: Rows, kind: str) -> Rows:
    """The rows as a fault of the content shows them."""
    makers, oddities = rows.makers, rows.oddities
    match kind:
        case "empty":
            return Rows([], oddities)
        case "halved":
            return Rows(makers[::2], oddities)
        case "duplicate_ids":
            return Rows([*makers, *makers[:1]], oddities)
        case "negative_ids":
            return Rows([partial(_with_ids, make, "-") for make in makers], oddities)
        case "huge_ids":
            return Rows([partial(_with_ids, make, "1" + "0" * 24) for make in makers], oddities)
        case _:
            return rows


def _with_ids(make: Callable[[], Row], before: str) -> Row:
    row = make()
    ids = [item.rpartition(":") for item in row["enterprise_server_user_ids"]]
    return row | {"enterprise_server_user_ids": [f"{host}:{before}{n}" for host, _, n in ids]}
