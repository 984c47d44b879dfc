"""No page is left out of those that a browser looks at (``tests/browser/pages.py``)."""

from __future__ import annotations

from django.urls.exceptions import Resolver404

from tests.access.routes import pages
from tests.browser.pages import ALL, route_of

NOT_LOOKED_AT = {
    "only acts, and leads a GET back to its page": {
        *("run_apply", "run_again", "sync_all", "cloud_sync", "cloud_test"),
        *("connect_on", "instance_license_sync", "instance_schedule", "instance_sync"),
        *("instance_test", "member_link", "alert_test", "alert_redeliver"),
        *("digest_send", "digest_redeliver", "webhook_test", "webhook_on", "duplicate_reopen"),
        *("cost_centers_upload", "cost_centers_forget", "set_language", "mfa_login_webauthn"),
        "session_end",
    },
    "is part of a page, for htmx": {
        *("recount_state", "run_live", "cloud_progress", "instance_progress"),
    },
    "is a file": {
        *("licensing_csv", "compare_csv", "difference_csv", "list_csv", "duplicates_csv"),
        *("reclaim_csv", "plan_csv", "trend_csv", "allocation_csv", "cost_centers_csv"),
        *("audit_csv", "alert_history_csv", "mfa_download_recovery_codes", "api-v1:openapi-json"),
    },
    "leads on": {"settings", "api/v1/"},
    "is there with an identity provider only (tests/single_sign_on)": {
        *("openid_connect_login", "openid_connect_callback"),
        *("saml_login", "saml_acs", "saml_finish_acs", "saml_sls", "saml_metadata"),
        *(
            "identity_confirm",
            "identity_link",
            "identity_unlink",
        ),  # which looks at the pages of these
    },
    "is looked at by tests/single_sign_on/test_in_browser.py": {"account_set_password"},
}


def test_a_browser_looks_at_every_page() -> None:
    seen = set()
    for name, path in ALL.items():
        try:
            seen.add(route_of(path))
        except Resolver404:
            assert name == "not-found", f"{name} of tests/browser/pages.py is no address: {path}"
    excused = set().union(*NOT_LOOKED_AT.values())
    routes = {route.key for route in pages()}
    assert routes - seen - excused == set(), (
        "a page without a line in tests/browser/pages.py: add one, so that it is seen in three"
        " languages and every theme; or say above why it is no page to look at"
    )
    assert excused <= routes - seen, "these are gone, or are looked at after all"
