"""Persons as of a snapshot: a line of a list, one with all reasons, and what auditors see of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
from django.db.models import Q

from enterprise.emails import REMOVED, mask
from enterprise.models import Enterprise, MembershipVersion, PersonVersion, Snapshot

EMAIL_COLUMNS = (
    "github_com_verified_domain_emails",
    "github_com_saml_name_id",
    "enterprise_server_emails",
    "enterprise_server_primary_emails",
    "visual_studio_subscription_email",
)
"""Where an e-mail may stand in a person's row; a NameID often is one (section 8)."""


class PersonLine(NamedTuple):
    """One person of a report. ``report`` is the row by GitHub's REST names, masked where it must be."""

    number: int
    key: str
    license_type: str
    accounts: int
    report: dict[str, Any]


def valid_as_of(snapshot: Snapshot) -> Q:
    """Of a versioned row: that it was valid as of ``snapshot``."""
    return Q(from_snapshot__lte=snapshot.pk) & (
        Q(to_snapshot=None) | Q(to_snapshot__gt=snapshot.pk)
    )


def person_line(row: tuple[Any, ...], *, masked: bool) -> PersonLine:
    """From (number, key, license_type, accounts, report as JSON text)."""
    number, key, license_type, accounts, text = row
    report = orjson.loads(text)
    line = PersonLine(number, key, license_type, accounts, report)
    return mask_line(line) if masked else line


def mask_line(line: PersonLine) -> PersonLine:
    return line._replace(key=mask_key(line.key), report=mask_report(line.report))


def mask_key(key: str) -> str:
    """The key of a person or a cloud row, which is an e-mail only where there is no login."""
    return mask(key) if "@" in key else key


def mask_report(report: dict[str, Any]) -> dict[str, Any]:
    """The row with every e-mail, and every NameID, as ``a•••@domain``."""
    masked = dict(report)
    for name in EMAIL_COLUMNS:
        value = masked.get(name)
        if isinstance(value, str):
            masked[name] = mask(value)
        elif value:
            masked[name] = [mask(each) for each in value]
    return masked


def person_lines(snapshot: Snapshot, numbers: list[int]) -> dict[int, PersonLine]:
    """Some persons as of a snapshot, by number, unmasked; who was none then is missing."""
    rows = PersonVersion.objects.filter(
        valid_as_of(snapshot), enterprise_id=snapshot.enterprise_id, number__in=numbers
    ).values_list("number", "key", "license_type", "accounts", "report")
    return {row[0]: person_line(row, masked=False) for row in rows}


def person_keys(snapshot: Snapshot, numbers: list[int], *, masked: bool) -> dict[int, str]:
    """The key of some persons as of a snapshot, by number; who was none then is missing."""
    keys = PersonVersion.objects.filter(
        valid_as_of(snapshot), enterprise_id=snapshot.enterprise_id, number__in=numbers
    ).values_list("number", "key")
    return {number: mask_key(key) if masked else key for number, key in keys}


# --- One person ----------------------------------------------------------------------------------


class MembershipLine(NamedTuple):
    """Why one account is in a person, ready for ``wording.membership_sentence``."""

    account: str
    rule: str
    attribute: int
    value: str
    candidates: list[str]


class PersonDetail(NamedTuple):
    line: PersonLine
    has_cloud_row: bool
    memberships: list[MembershipLine]
    history: list[PersonVersion]  # every version, oldest first


def person_get(
    enterprise: Enterprise, number: int, *, snapshot: Snapshot, masked: bool
) -> PersonDetail | None:
    """A person as of a snapshot, with the rule of each account; None if there was none then."""
    versions = list(
        PersonVersion.objects.filter(enterprise=enterprise, number=number).order_by("from_snapshot")
    )
    now = next(
        (
            v
            for v in versions
            if v.from_snapshot <= snapshot.pk
            and (v.to_snapshot is None or v.to_snapshot > snapshot.pk)
        ),
        None,
    )
    if now is None:
        return None
    memberships = MembershipVersion.objects.filter(
        valid_as_of(snapshot), enterprise=enterprise, number=number
    ).order_by("account")
    hide = _hide if masked else str
    return PersonDetail(
        person_line(
            (now.number, now.key, now.license_type, now.accounts, now.report), masked=masked
        ),
        bool(now.cloud_key),
        [
            MembershipLine(
                m.account,
                m.rule,
                m.attribute,
                hide(m.value),
                [mask_key(c) if masked else c for c in orjson.loads(m.candidates)]
                if m.candidates
                else [],
            )
            for m in memberships
        ],
        versions,
    )


def _hide(value: str) -> str:
    return value if value == REMOVED else mask(value)
