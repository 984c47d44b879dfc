"""One row of ``consumed-licenses`` made regular (domain.md section 6, "Real answers differ")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from enterprise.faults import Fault
from enterprise.records import CloudRow, CloudTotals
from enterprise.sources.values import flag_of, text_of, texts_of, whole_number

_PRIMARY = "enterprise_server_primary_emails"  # which GitHub's schema does not have

# The further columns of GitHub's report (section 7) that some answers carry.
_EXTRA = (
    "enterprise_server_advanced_security_user_ids",
    "enterprise_server_code_security_user_ids",
    "enterprise_server_secret_protection_user_ids",
    "ghe_license_active",
    "ghe_license_end_date",
    "ghe_license_start_date",
    "github_com_code_security_license_user",
    "github_com_cost_center",
    "github_com_secret_protection_license_user",
    "github_com_two_factor_auth_required_by_date",
)


def rows_of(data: Any) -> list[CloudRow]:
    """Give the rows of an answer, or raise Fault ``unexpected_answer`` with the key at fault."""
    users = data.get("users") if isinstance(data, dict) else None
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise Fault("unexpected_answer", key="users")
    return [row_of(user) for user in users]


def totals_of(data: Any) -> CloudTotals:
    """Give what an answer states beside its rows; a purchase that is no number is unknown."""
    consumed = whole_number(data.get("total_seats_consumed")) if isinstance(data, dict) else None
    if consumed is None:
        raise Fault("unexpected_answer", key="total_seats_consumed")
    return CloudTotals(consumed, whole_number(data.get("total_seats_purchased")))


def row_of(user: Mapping[str, Any]) -> CloudRow:
    """Make one row regular; unknown keys are dropped, and a missing one is an empty value."""
    get = user.get
    roles = texts_of(get("github_com_enterprise_roles"))
    extra = [(name, _joined(user[name])) for name in _EXTRA if name in user]
    return CloudRow(
        login=text_of(get("github_com_login")),
        name=text_of(get("github_com_name")),
        server_user_ids=texts_of(get("enterprise_server_user_ids")),
        cloud_user=flag_of(get("github_com_user")) or False,
        server_user=flag_of(get("enterprise_server_user")) or False,
        visual_studio_user=flag_of(get("visual_studio_subscription_user")) or False,
        license_type=text_of(get("license_type")).lower() or "enterprise",
        profile=text_of(get("github_com_profile")),
        member_roles=texts_of(get("github_com_member_roles")),
        enterprise_roles=roles or texts_of(get("github_com_enterprise_role")),
        verified_emails=texts_of(get("github_com_verified_domain_emails")),
        saml_name_id=text_of(get("github_com_saml_name_id"))
        or text_of(get("github_com_saml_name")),
        pending_invites=texts_of(get("github_com_orgs_with_pending_invites")),
        two_factor=flag_of(get("github_com_two_factor_auth")),
        server_emails=texts_of(get("enterprise_server_emails")),
        visual_studio_status=text_of(get("visual_studio_license_status")),
        visual_studio_email=text_of(get("visual_studio_subscription_email")),
        total_accounts=whole_number(get("total_user_accounts")) or 0,
        extra=tuple([(name, text) for name, text in extra if text]),
        primary_emails=texts_of(user[_PRIMARY]) if _PRIMARY in user else None,
    )


def _joined(value: Any) -> str:
    return ", ".join(texts_of(value))
