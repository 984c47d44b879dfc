"""The match of domain.md section 3 by brute force over what the sites give out.

Written apart from the product and from the generator's labels, to hold them against each other.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from functools import cache
from typing import Any

import idna

Member = tuple[str, str]


@cache
def normal(address: str) -> str:
    local, at, domain = address.strip().rpartition("@")
    if not at:
        return unicodedata.normalize("NFC", address.strip()).lower()
    try:
        domain = idna.encode(domain, uts46=True, transitional=False).decode()
    except idna.IDNAError:
        domain = domain.lower()
    return f"{unicodedata.normalize('NFC', local).lower()}@{domain}"


def accounts_of(host: str, report: bytes) -> dict[str, str]:
    """HOST:ID to normalized primary e-mail, of the accounts that consume."""
    return {
        f"{host}:{row['id']}": normal(row["email"]) if row["email"] else ""
        for row in csv.DictReader(io.StringIO(report.decode()))
        if row["suspended?"] == "false" and row["login"] != "scim-admin"
    }


def persons(
    accounts: dict[str, str],
    rows: list[dict[str, Any]],
    identities: dict[str, list[list[str]]],
    hosts: list[str],
) -> set[frozenset[Member]]:
    """Who is who. ``identities`` are, by login, the values of the five attributes in their order."""
    counted = [row for row in rows if _counts(row)]
    people: dict[Member, set[Member]] = {_member(row): {_member(row)} for row in counted}
    for account, email in accounts.items():
        candidates = [
            (order, _member(row)[1].casefold(), _member(row))
            for row in counted
            for order in _orders(row, email, identities, accounts, hosts)
        ]
        alone = ("server", email or account)
        key = min(candidates)[2] if candidates and email else alone
        people.setdefault(key, set()).add(("server", account))
    return {frozenset(person) for person in people.values()}


def _counts(row: dict[str, Any]) -> bool:
    if row["github_com_user"]:
        return True
    status = row["visual_studio_license_status"]
    return not row["enterprise_server_user"] and status in {"", None, "Matched"}


def _member(row: dict[str, Any]) -> Member:
    if row["github_com_user"]:
        return "cloud", row["github_com_login"]
    kind = "subscriber" if row["visual_studio_subscription_user"] else "invitation"
    return kind, row["visual_studio_subscription_email"]


def _orders(
    row: dict[str, Any],
    email: str,
    identities: dict[str, list[list[str]]],
    accounts: dict[str, str],
    hosts: list[str],
) -> list[int]:
    values = [list(v) for v in identities.get(row["github_com_login"] or "-", [[]] * 5)]
    values[3] = [*values[3], row["github_com_saml_name_id"] or ""]
    found = [
        order for order, given in enumerate(values) if email in {normal(v) for v in given if v}
    ]
    visible = [*row["github_com_verified_domain_emails"], row["visual_studio_subscription_email"]]
    if email in {normal(v) for v in visible if v}:
        found.append(10)
    emails = row.get("enterprise_server_emails", row.get("enterprise_server_primary_emails"))
    if email in {normal(v) for v in emails or ()}:
        listed = {_full(item, hosts) for item in row["enterprise_server_user_ids"]}
        if any(accounts.get(item) == email for item in listed):
            found.append(20)
    return found


def _full(item: str, hosts: list[str]) -> str:
    host, _, number = item.lower().rpartition(":")
    if host not in hosts:
        longer = [name for name in hosts if name.startswith(f"{host}.")]
        host = longer[0] if len(longer) == 1 else host
    return f"{host}:{number}"
