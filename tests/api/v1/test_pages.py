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
    "instance_rhythm": ["change_instance"],
    "instance_sync": ["start_runs"],
    "instance_test": ["test_instance"],
    "instance_progress": ["get_run"],
    "enterprise_settings": ["get_enterprise", "change_enterprise"],
    "members": ["list_members"],
    "member_add": ["set_member"],
    "member_role": ["set_member"],
    "member_remove": ["remove_member"],
    "member_link": ["make_sign_in_link"],
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


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_its_operations(page: str) -> None:
    known = {operation["operationId"] for _, _, operation in operations()}
    assert set(PAGES[page]) <= known


def test_no_page_is_listed_that_is_gone() -> None:
    assert {*PAGES, *NONE} <= set(page_names())
