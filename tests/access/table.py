"""Who may use each address: one line a page, one line an operation of an API.

A new route is written down here, with what it needs. ``tests/access/test_matrix.py`` goes to every
address as everybody and compares; what a role may do stands in ``enterprise.access.MATRIX``.
"""

from __future__ import annotations

import enum

from enterprise.access import Permission
from enterprise.models import ApiToken

REPORTS, SETTINGS, CHANGE = Permission.SEE_REPORTS, Permission.SEE_SETTINGS, Permission.CHANGE


class Needs(enum.Enum):
    """What pages need that are of no enterprise."""

    NOTHING = "open to everybody, signed in or not"
    SIGN_IN = "for whoever is signed in"
    ONESELF = "names something of one person; hidden from all others who are signed in"
    OWNER_ANYWHERE = "for owners of any enterprise; hidden from others who are signed in"
    PROVIDER = "of an identity provider; hidden from everybody where it is not set up, as here"


NOTHING, SIGN_IN, ONESELF, OWNER_ANYWHERE, PROVIDER = Needs

# By the name of the route, or by its pattern if it has none. With a Permission, the page is one of
# an enterprise: to see it needs that, and every other method than GET needs CHANGE besides.
PAGES: dict[str, Needs | Permission] = {
    # Signing in, oneself, and what is the same for everybody.
    "account_login": NOTHING,
    "account_logout": NOTHING,
    "account_inactive": NOTHING,
    "account_reauthenticate": SIGN_IN,
    "account_change_password": SIGN_IN,
    "account_set_password": SIGN_IN,
    "socialaccount_login_cancelled": NOTHING,
    "socialaccount_login_error": NOTHING,
    "openid_connect_login": PROVIDER,
    "openid_connect_callback": PROVIDER,
    "saml_login": PROVIDER,
    "saml_acs": PROVIDER,
    "saml_finish_acs": PROVIDER,
    "saml_sls": PROVIDER,
    "saml_metadata": PROVIDER,
    "mfa_index": SIGN_IN,
    "mfa_authenticate": NOTHING,  # for whoever has given the password, and leads others to sign in
    "mfa_login_webauthn": NOTHING,
    "mfa_reauthenticate": SIGN_IN,
    "mfa_activate_totp": SIGN_IN,
    "mfa_deactivate_totp": SIGN_IN,
    "mfa_view_recovery_codes": SIGN_IN,
    "mfa_generate_recovery_codes": SIGN_IN,
    "mfa_download_recovery_codes": SIGN_IN,
    "mfa_list_webauthn": SIGN_IN,
    "mfa_add_webauthn": SIGN_IN,
    "mfa_reauthenticate_webauthn": SIGN_IN,
    "mfa_edit_webauthn": ONESELF,
    "mfa_remove_webauthn": ONESELF,
    "usersessions_list": SIGN_IN,
    "sign_in_link": NOTHING,
    "set_language": NOTHING,
    "settings": NOTHING,  # leads to the profile
    "profile": SIGN_IN,
    "help_page": NOTHING,
    "styleguide": OWNER_ANYWHERE,
    "home": SIGN_IN,
    "enterprise_new": OWNER_ANYWHERE,
    # Reports.
    "overview": REPORTS,
    "recount_state": REPORTS,
    "licensing": REPORTS,
    "licensing_csv": REPORTS,
    "person": REPORTS,
    "history": REPORTS,
    "compare": REPORTS,
    "compare_csv": REPORTS,
    "difference": REPORTS,
    "difference_csv": REPORTS,
    "lists": REPORTS,
    "list": REPORTS,
    "list_csv": REPORTS,
    "duplicates": REPORTS,
    "allocation": REPORTS,
    "cost_centers": REPORTS,
    "cost_centers_csv": REPORTS,
    "cost_centers_upload": CHANGE,
    "cost_centers_forget": CHANGE,
    "cost_centers_delete": CHANGE,
    "duplicates_csv": REPORTS,
    "duplicate": REPORTS,
    "duplicate_reopen": CHANGE,
    "forecast": REPORTS,
    "person_erase": CHANGE,
    "trend_csv": REPORTS,
    "changes": REPORTS,
    "runs": REPORTS,
    "run": REPORTS,
    "run_live": REPORTS,
    "run_cancel": REPORTS,
    "run_apply": REPORTS,
    "run_discard": REPORTS,
    "run_again": REPORTS,
    # Settings.
    "connect": SETTINGS,
    "sync_all": SETTINGS,
    "upload": CHANGE,
    "cloud_edit": CHANGE,
    "cloud_sync": SETTINGS,
    "cloud_test": SETTINGS,
    "cloud_progress": SETTINGS,
    "instance_add": CHANGE,
    "instance_edit": CHANGE,
    "instance_remove": CHANGE,
    "connect_on": SETTINGS,
    "connect_off": CHANGE,
    "instance_license_sync": SETTINGS,
    "instance_rhythm": SETTINGS,
    "instance_sync": SETTINGS,
    "instance_test": SETTINGS,
    "instance_progress": SETTINGS,
    "enterprise_settings": SETTINGS,
    "members": SETTINGS,
    "groups": SETTINGS,
    "group_remove": SETTINGS,
    "member_add": CHANGE,
    "member_role": SETTINGS,
    "member_remove": CHANGE,
    "member_link": SETTINGS,
    "tokens": SETTINGS,
    "token_new": CHANGE,
    "token_revoke": CHANGE,
    "alerts": SETTINGS,
    "alert_new": CHANGE,
    "alert_edit": CHANGE,
    "alert_remove": CHANGE,
    "alert_test": SETTINGS,
    "alert_redeliver": SETTINGS,
    "digest": SETTINGS,
    "digest_send": CHANGE,
    "webhooks": SETTINGS,
    "webhook_new": CHANGE,
    "webhook": SETTINGS,
    "webhook_edit": CHANGE,
    "webhook_remove": CHANGE,
    "webhook_test": SETTINGS,
    "webhook_on": SETTINGS,
    "delivery": SETTINGS,
    "audit_log": SETTINGS,
    "audit_csv": SETTINGS,
    # The APIs' own pages; their operations follow.
    "api/v1/": NOTHING,
    "api-v1:openapi-json": NOTHING,
    "api-v1:openapi-view": NOTHING,
}

# Pages of which an owner who signed in a while ago has to confirm who they are (``access.confirmed``):
# where credentials are shown as set or changed, tokens made, data removed.
CONFIRMED = {
    "enterprise_new",
    "cloud_edit",
    "instance_add",
    "instance_edit",
    "instance_remove",
    "connect_off",
    "member_add",
    "groups",
    "token_new",
    "person_erase",
}

READ = frozenset({ApiToken.Scope.READ_ENTERPRISE, ApiToken.Scope.ADMIN_ENTERPRISE})
ADMIN = frozenset({ApiToken.Scope.ADMIN_ENTERPRISE})
UPLOAD = frozenset({ApiToken.Scope.WRITE_SERVER_USAGE, ApiToken.Scope.ADMIN_ENTERPRISE})
METRICS = frozenset({ApiToken.Scope.READ_METRICS, ApiToken.Scope.ADMIN_ENTERPRISE})
ANY = frozenset(ApiToken.Scope)

# By operationId for what docs/openapi.json describes, by the name of the route for the rest: the
# scopes of which a token needs one.
OPERATIONS: dict[str, frozenset[str]] = {
    "get_totals": READ,
    "list_persons": READ,
    "get_person": READ,
    "download_report": READ,
    "download_persons": READ,
    "download_changes": READ,
    "download_difference": READ,
    "download_list": READ,
    "list_lists": READ,
    "get_list": READ,
    "get_difference": READ,
    "list_components": READ,
    "list_snapshots": READ,
    "get_snapshot": READ,
    "list_changes": READ,
    "download_change_lines": READ,
    "download_difference_lines": READ,
    "download_list_lines": READ,
    "download_trend_lines": READ,
    "download_audit_lines": READ,
    "get_trend": READ,
    "download_trend": READ,
    "get_forecast": READ,
    "list_duplicates": READ,
    "what_if_duplicates": READ,
    "download_duplicates": READ,
    "get_duplicate": READ,
    "dismiss_duplicate": ADMIN,
    "reopen_duplicate": ADMIN,
    "get_allocation": READ,
    "download_allocation": READ,
    "list_targets": READ,
    "put_target": ADMIN,
    "delete_target": ADMIN,
    "get_cost_centers": READ,
    "put_cost_centers": ADMIN,
    "delete_cost_centers": ADMIN,
    "download_cost_centers": READ,
    "forget_cost_center": ADMIN,
    "list_instances": READ | UPLOAD,
    "get_instance": READ,
    "add_instance": ADMIN,
    "change_instance": ADMIN,
    "remove_instance": ADMIN,
    "set_instance_token": ADMIN,
    "test_instance": ADMIN,
    "list_runs": READ,
    "start_runs": ADMIN,
    "get_run": READ | UPLOAD,
    "get_run_log": READ,
    "get_run_changes": READ,
    "cancel_run": ADMIN,
    "apply_run": ADMIN,
    "discard_run": ADMIN,
    "add_server_usage": UPLOAD,
    "get_server_usage": ADMIN,
    "get_enterprise": READ,
    "change_enterprise": ADMIN,
    "get_cloud": READ,
    "set_cloud_token": ADMIN,
    "test_cloud": ADMIN,
    "list_members": READ,
    "set_member": ADMIN,
    "remove_member": ADMIN,
    "make_sign_in_link": ADMIN,
    "list_tokens": READ,
    "make_token": ADMIN,
    "revoke_token": ADMIN,
    "list_alerts": READ,
    "add_alert": ADMIN,
    "get_alert": READ,
    "change_alert": ADMIN,
    "delete_alert": ADMIN,
    "test_alert": ADMIN,
    "list_alert_failures": READ,
    "redeliver_alert": ADMIN,
    "get_digest": READ,
    "change_digest": ADMIN,
    "list_webhooks": READ,
    "add_webhook": ADMIN,
    "get_webhook": READ,
    "change_webhook": ADMIN,
    "delete_webhook": ADMIN,
    "enable_webhook": ADMIN,
    "ping_webhook": ADMIN,
    "list_deliveries": READ,
    "get_delivery": READ,
    "redeliver": ADMIN,
    "list_events": READ,
    "download_audit": READ,
    "api_v3": ANY,
    "api/v3": ANY,
    "api_v3_meta": ANY,
    "api_v3_rate_limit": ANY,
    "api_v3_consumed_licenses": READ,
    "api_v3_license_sync_status": READ,
    "metrics": METRICS,
}

# Whatever else is asked below these addresses is answered in JSON that it is not there.
CATCH_ALL = {"^api/v1(?:/|$)", "api/v3/", "api-v1:api-root"}

# Routes that came in at the same time as this table and still have to be written down above. Take a
# name out here when its line is there; nothing new is to be added.
PENDING = frozenset(
    (
        "allocation_csv",
        "reclaim",
        "reclaim_csv",
        "exemption",
        "plan",
        "plan_csv",
        "plan_end",
        "person_erase",
        "list_candidates",
        "download_candidates",
        "exempt_person",
        "end_exemption",
        "list_plans",
        "make_plan",
        "download_plan",
        "get_plan",
        "list_seats",
        "end_plan",
        "erase_person",
    )
)
