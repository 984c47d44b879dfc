"""From a row of ``consumed-licenses`` to what is stored of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from enterprise.emails import normalize
from enterprise.models import CloudAccount
from enterprise.records import CloudRow


class Matching(NamedTuple):
    """What the recount needs of a cloud row, stored as a JSON array in this order.

    E-mails and the NameID are normalized; ``server_refs`` are ``HOST:ID`` as GitHub gave them, in
    lower case, since which instance a host means is decided when counting.
    """

    login: str
    subscription_email: str
    name_id: str
    emails: list[str]
    server_refs: list[str]
    server_emails: list[str]
    license_type: str
    visual_studio_status: str


NEITHER_NAME_ID_NOR_EMAIL = ',"",[],['
"""What a ``Matching`` as JSON contains if ``name_id`` and ``emails`` are empty, and only then."""


def row_kind(row: CloudRow) -> CloudAccount.Kind:
    if row.cloud_user:
        return CloudAccount.Kind.PERSON
    if row.server_user:
        return CloudAccount.Kind.SERVER_ONLY
    if row.visual_studio_user or row.visual_studio_status:
        return CloudAccount.Kind.SUBSCRIBER
    return CloudAccount.Kind.INVITATION


def row_key(row: CloudRow) -> str:
    """What a row is known by from one sync to the next; not yet unique."""
    return (
        row.login.casefold()
        or normalize(row.visual_studio_email)
        or next((ref.lower() for ref in row.server_user_ids), "")
        or next((normalize(email) for email in row.all_server_emails), "")
        or row_kind(row).value
    )


def row_matching(row: CloudRow) -> str:
    return orjson.dumps(
        Matching(
            login=row.login,
            subscription_email=normalize(row.visual_studio_email),
            name_id=normalize(row.saml_name_id),
            emails=[email for email in map(normalize, row.verified_emails) if email],
            server_refs=[ref.lower() for ref in row.server_user_ids],
            server_emails=[email for email in map(normalize, row.all_server_emails) if email],
            license_type=row.license_type,
            visual_studio_status=row.visual_studio_status,
        ),
        default=list,
    ).decode()


def row_report(row: CloudRow) -> str:
    """The whole row by GitHub's own names, as a JSON object: what ``?basis=github`` serves."""
    return orjson.dumps(report_of(row)).decode()


def report_of(row: CloudRow) -> dict[str, Any]:
    report = {
        "github_com_login": row.login,
        "github_com_name": row.name,
        "enterprise_server_user_ids": row.server_user_ids,
        "github_com_user": row.cloud_user,
        "enterprise_server_user": row.server_user,
        "visual_studio_subscription_user": row.visual_studio_user,
        "license_type": row.license_type,
        "github_com_profile": row.profile,
        "github_com_member_roles": row.member_roles,
        "github_com_enterprise_roles": row.enterprise_roles,
        "github_com_verified_domain_emails": row.verified_emails,
        "github_com_saml_name_id": row.saml_name_id,
        "github_com_orgs_with_pending_invites": row.pending_invites,
        "github_com_two_factor_auth": row.two_factor,
        "enterprise_server_emails": row.server_emails,
        "enterprise_server_primary_emails": row.primary_emails,
        "visual_studio_license_status": row.visual_studio_status,
        "visual_studio_subscription_email": row.visual_studio_email,
        "total_user_accounts": row.total_accounts,
        **dict(row.extra),
    }
    if row.primary_emails is None:
        del report["enterprise_server_primary_emails"]
    return report
