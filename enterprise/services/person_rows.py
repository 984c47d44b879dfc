"""A person's row of the consumed-license report, ready as text, and the words a search finds it by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from enterprise.counting.match import Person
from enterprise.records import CloudRow
from enterprise.services.cloud_rows import report_of

ENTERPRISE, VISUAL_STUDIO = "enterprise", "visual_studio"
"""Codes of license types."""

REST_LICENSE_TYPES = {ENTERPRISE: "enterprise", VISUAL_STUDIO: "visual studio subscription"}
"""GitHub's words for them in ``consumed-licenses``; those of its CSV are in ``reports.rows``."""

_BLANK = report_of(CloudRow())
_FROM_EITHER = (
    "visual_studio_subscription_user",
    "license_type",
    "visual_studio_license_status",
    "visual_studio_subscription_email",
)


class PersonRow(NamedTuple):
    """What a person's version stores, and what the narrow search table does."""

    report: str
    license_type: str
    kind: str
    words: str
    public_words: str


def license_code(text: str) -> str:
    """``enterprise`` or ``visual_studio`` for GitHub's license type in either spelling or case."""
    return VISUAL_STUDIO if "visual" in text.casefold() else ENTERPRISE


def person_row(person: Person, facts: Mapping[str, Any], emails: Mapping[str, str]) -> PersonRow:
    """Put the row together.

    ``facts`` is GitHub's row for the person, empty if there is none: the person's own, or GHEC's for
    one of the accounts of a person without, which gives license type and Visual Studio facts only
    (section 3, rule 2). ``emails`` are the primary e-mails as given where they differ from the
    normalized ones. The server columns are ours: the accounts this console read, by name as
    registered.
    """
    has_cloud_row = person.cloud_ref is not None
    if not has_cloud_row:
        facts = {name: facts[name] for name in _FROM_EITHER if name in facts}
    row = {**_BLANK, **facts}
    accounts = [membership.account for membership in person.memberships]
    primary = sorted(
        {
            emails.get(membership.account, membership.value)
            for membership in person.memberships
            if membership.value
        }
    )
    row["enterprise_server_user_ids"] = accounts
    row["enterprise_server_user"] = bool(accounts)
    row["enterprise_server_emails"] = row["enterprise_server_primary_emails"] = primary
    row["total_user_accounts"] = len(accounts) + bool(row["github_com_user"])
    code = license_code(row["license_type"])
    row["license_type"] = REST_LICENSE_TYPES[code]
    public = [row["github_com_login"], row["github_com_name"] or "", *accounts]
    private = [
        *row["github_com_verified_domain_emails"],
        row["github_com_saml_name_id"] or "",
        row["visual_studio_subscription_email"] or "",
        *primary,
    ]
    return PersonRow(
        report=orjson.dumps(row).decode(),
        license_type=code,
        kind=_kind(row, bool(accounts), has_cloud_row),
        words="\n".join(filter(None, dict.fromkeys([*public, *private]))).lower(),
        public_words="\n".join(filter(None, public)).lower(),
    )


def _kind(row: Mapping[str, Any], has_accounts: bool, has_cloud_row: bool) -> str:
    if not has_cloud_row:
        return "server"
    if has_accounts:
        return "cloud_and_server"
    return "cloud" if row["github_com_user"] else "invitation"
