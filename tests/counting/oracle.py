"""The match a second time, by comparing everything with everything, straight from the text.

domain.md section 3, rules 3 to 6. Slow on purpose: no index, no shortcut, no shared code.
"""

from __future__ import annotations

from typing import Any

from enterprise.records import AccountInput, CloudInput

Explained = tuple[str, int | None, tuple[tuple[str, str, int, str, tuple[str, ...]], ...]]


def number_equal_keys(
    named: list[tuple[str, Any, Any]], reserved: set[str]
) -> list[tuple[str, Any]]:
    """Rule 6: (key, what to sort by, thing) to (key, thing); nobody's plain key is given away."""
    plain = reserved | {key for key, _, _ in named}
    given: list[tuple[str, Any]] = []
    for name in {key for key, _, _ in named}:
        equal = sorted((sort, thing) for key, sort, thing in named if key == name)
        number = 2
        for place, (_, thing) in enumerate(equal):
            if place == 0 and name not in reserved:
                given.append((name, thing))
                continue
            while f"{name}#{number}" in plain:
                number += 1
            given.append((f"{name}#{number}", thing))
            number += 1
    return given


def row_name(row: CloudInput) -> str:
    if row.login:
        return row.login.casefold()
    if row.subscription_email:
        return row.subscription_email
    if any(row.server_emails):
        return min(row.server_emails)
    if row.server_refs:
        return min(row.server_refs)
    return "#"


def offers(
    email: str,
    rows: list[tuple[str, CloudInput]],
    accounts: list[AccountInput],
) -> list[tuple[int, str, str, int]]:
    """The first step that offers a row for an e-mail: (attribute order, key, rule, ref)."""
    step_a = [
        (attribute, key, "saml", row.ref)
        for key, row in rows
        for attribute, value in row.identities
        if value == email
    ]
    if step_a:
        return step_a
    step_b = []
    for key, row in rows:
        if email in row.emails:
            step_b.append((0, key, "verified_email", row.ref))
        elif email == row.subscription_email:
            step_b.append((0, key, "subscription_email", row.ref))
    if step_b:
        return step_b
    return [
        (0, key, "github_link", row.ref)
        for key, row in rows
        if email in row.server_emails
        and any(each.email == email and each.account in row.server_refs for each in accounts)
    ]


def expected(
    cloud: list[CloudInput],
    accounts: list[AccountInput],
    not_consuming: list[AccountInput] | None = None,
) -> list[Explained]:
    """The persons with their memberships, as ``match`` must give them."""
    rows = number_equal_keys(
        [(row_name(row), (row.sort_text, row.ref), row) for row in cloud], set()
    )
    members: dict[int, list[Any]] = {row.ref: [] for row in cloud}
    apart: dict[tuple[str, str], list[AccountInput]] = {}
    for account in accounts:
        found = (
            offers(account.email, rows, [*accounts, *(not_consuming or [])])
            if account.email
            else []
        )
        if not found:
            group = ("email", account.email) if account.email else ("account", account.account)
            apart.setdefault(group, []).append(account)
            continue
        attribute, key, rule, ref = min(found)
        candidates = [key] + [other for _, other, _, _ in sorted(found) if other != key]
        candidates = sorted(set(candidates), key=candidates.index)
        members[ref].append(
            (
                account.account,
                rule,
                attribute,
                account.email,
                tuple(candidates) if len(candidates) > 1 else (),
            )
        )
    persons: list[Explained] = [
        (key, row.ref, tuple(sorted(members[row.ref]))) for key, row in rows
    ]
    server_only = []
    for (kind, name), group in apart.items():
        if kind == "account":
            rule, value = "no_email", ""
        else:
            rule, value = ("same_email" if len(group) > 1 else "alone"), name
        reasons = tuple(sorted((each.account, rule, 0, value, ()) for each in group))
        server_only.append((name, kind != "email", reasons))
    for key, reasons in number_equal_keys(server_only, {key for key, _ in rows}):
        persons.append((key, None, reasons))
    return sorted(persons, key=lambda person: person[0].encode("utf-8"))
