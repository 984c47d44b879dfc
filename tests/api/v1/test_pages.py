"""What a page shows or does can be had by an operation of ``/api/v1``, or there is a reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver

from enterprise import urls
from tests.api.v1.conftest import operations

# By the name of a page's address: what does the same here.
PAGES = {
    "overview": ["get_totals", "list_instances", "get_cloud", "get_trend"],
    "recount_state": ["get_totals"],
    "licensing": ["list_persons"],
    "licensing_csv": ["download_report", "download_persons"],
    "person": ["get_person"],
    "history": ["list_snapshots", "get_snapshot"],
    "person_erase": ["erase_person"],
    "compare": ["list_changes"],
    "compare_csv": ["download_changes", "download_change_lines"],
    "changes": ["list_changes"],
    "difference": ["get_difference", "list_components"],
    "difference_csv": ["download_difference", "download_difference_lines"],
    "lists": ["list_lists"],
    "list": ["get_list"],
    "list_csv": ["download_list", "download_list_lines"],
    "forecast": ["get_forecast", "get_trend"],
    "trend_csv": ["download_trend", "download_trend_lines"],
    "duplicates": ["list_duplicates", "what_if_duplicates"],
    "duplicates_csv": ["download_duplicates"],
    "duplicate": ["get_duplicate", "dismiss_duplicate"],
    "duplicate_reopen": ["reopen_duplicate"],
    "reclaim": ["list_candidates", "list_plans", "make_plan"],
    "reclaim_csv": ["download_candidates"],
    "exemption": ["exempt_person", "end_exemption"],
    "plan": ["get_plan", "list_seats"],
    "plan_csv": ["download_plan"],
    "plan_end": ["end_plan"],
    "allocation": ["get_allocation", "list_targets", "put_target", "delete_target"],
    "allocation_csv": ["download_allocation"],
    "cost_centers": ["get_cost_centers"],
    "cost_centers_csv": ["download_cost_centers"],
    "cost_centers_upload": ["put_cost_centers"],
    "cost_centers_forget": ["forget_cost_center"],
    "cost_centers_delete": ["delete_cost_centers"],
    "runs": ["list_runs"],
    "run": ["get_run", "get_run_log", "get_run_changes"],
    "run_live": ["get_run", "get_run_log"],
    "run_cancel": ["cancel_run"],
    "run_apply": ["apply_run"],
    "run_discard": ["discard_run"],
    "run_again": ["start_runs"],
    "connect": ["list_instances", "get_instance", "get_cloud"],
    "sync_all": ["start_runs"],
    "upload": ["add_server_usage"],
    "cloud_edit": ["change_enterprise", "set_cloud_token"],
    "cloud_sync": ["start_runs"],
    "cloud_test": ["test_cloud"],
    "cloud_progress": ["get_run"],
    "instance_add": ["add_instance", "set_instance_token"],
    "instance_edit": ["change_instance", "set_instance_token"],
    "instance_remove": ["remove_instance"],
    "connect_on": ["change_instance"],
    "connect_off": ["change_instance"],
    "instance_license_sync": ["change_instance"],
    "instance": ["get_instance", "list_runs"],
    "instance_schedule": ["change_instance"],
    "instance_sync": ["start_runs"],
    "instance_test": ["test_instance"],
    "instance_progress": ["get_run"],
    "enterprise_settings": ["get_enterprise", "change_enterprise"],
    "members": ["list_members"],
    "member_add": ["set_member"],
    "member_role": ["set_member"],
    "member_remove": ["remove_member"],
    "member_link": ["make_sign_in_link"],
    "groups": ["list_groups", "set_group"],
    "group_remove": ["remove_group"],
    "alerts": ["list_alerts", "get_alert", "list_alert_failures", "list_alert_history"],
    "alert_new": ["add_alert"],
    "alert_edit": ["change_alert"],
    "alert_remove": ["delete_alert"],
    "alert_test": ["test_alert"],
    "alert_redeliver": ["redeliver_alert"],
    "alert_history_csv": ["download_alert_history", "download_alert_history_lines"],
    "digest": ["get_digest", "change_digest", "list_digest_failures"],
    "digest_send": ["send_digest"],
    "digest_redeliver": ["redeliver_digest"],
    "webhooks": ["list_webhooks"],
    "webhook_new": ["add_webhook"],
    "webhook": ["get_webhook", "list_deliveries"],
    "webhook_edit": ["change_webhook"],
    "webhook_remove": ["delete_webhook"],
    "webhook_test": ["ping_webhook"],
    "webhook_on": ["enable_webhook"],
    "delivery": ["get_delivery", "redeliver"],
    "tokens": ["list_tokens"],
    "token_new": ["make_token"],
    "token_revoke": ["revoke_token"],
    "audit_log": ["list_events"],
    "audit_csv": ["download_audit", "download_audit_lines"],
}

# Pages that have none, and why. A token belongs to one enterprise, and to nobody's account.
NONE = {
    "home": "lists the enterprises of a person",
    "enterprise_new": "makes an enterprise, which no token can be of yet",
    "sign_in_link": "signs a person in",
    "profile": "a person's own language, time zone and password",
    "identity_confirm": "a person shows who they are at their own identity provider",
    "identity_link": "a person's own identity",
    "identity_unlink": "a person's own identity",
    "help_page": "the how-to pages, which docs/ has too",
    "styleguide": "the components of pages",
    "metrics": "has a format and a scope of its own",
}


def page_names() -> Iterator[str]:
    waiting: list[URLPattern | URLResolver] = list(urls.urlpatterns)
    while waiting:
        each = waiting.pop()
        if isinstance(each, URLResolver):
            if each.namespace is None and "api/" not in str(each.pattern):
                waiting += each.url_patterns
        elif each.name and not each.name.startswith("api_"):
            yield each.name


def test_every_page_and_action_has_its_line() -> None:
    """A new one shows here what it can be done by, or why by nothing."""
    missing = {*page_names()} - {*PAGES, *NONE}
    assert not missing, (
        f"{sorted(missing)} cannot be done by /api/v1, as far as this table knows: name the"
        " operations in PAGES, or the reason in NONE"
    )
    assert not {*PAGES} & {*NONE}
    assert all(PAGES.values())


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_its_operations(page: str) -> None:
    known = {operation["operationId"] for _, _, operation in operations()}
    assert set(PAGES[page]) <= known


def test_no_page_is_listed_that_is_gone() -> None:
    assert {*PAGES, *NONE} <= set(page_names())
