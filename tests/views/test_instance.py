"""The page of one instance: what it shows to whom, its schedule, and what is asked for on it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest
from django.test import Client

from enterprise.models import (
    AuditEvent,
    Credential,
    Enterprise,
    RunState,
    ServerInstance,
    SyncRun,
)
from enterprise.services.connection_test import ConnectionTest, Finding
from tests.factories import GitHubSyncStatusFactory, ServerInstanceFactory, SyncRunFactory, ago
from tests.views.conftest import HTMX
from tests.views.counted import text_of

pytestmark = pytest.mark.django_db
ACTIONS = "/enterprises/acme/settings/connect/instances"
WEEKLY = {"rhythm": "weekly", "schedule_weekday": "6", "schedule_time": "02:30", "at": "page"}


def page_of(instance: ServerInstance) -> str:
    return f"/enterprises/acme/instances/{instance.pk}"


def action(instance: ServerInstance, name: str) -> str:
    return f"{ACTIONS}/{instance.pk}/{name}"


@pytest.fixture(autouse=True)
def no_worker() -> Iterator[None]:
    with patch("enterprise.services.runs.worker_wake"):
        yield


@pytest.fixture
def syncing(instance: ServerInstance) -> ServerInstance:
    instance.connect_enabled = instance.license_sync_enabled = True
    instance.schedule_weekday, instance.schedule_time = 0, dt.time(3)
    instance.next_sync_at = ago(days=-3)
    instance.save()
    return instance


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("owner", 200),
        ("auditor", 200),
        ("billing_manager", 404),
        ("stranger", 404),
        ("signed_out", 302),
    ],
)
def test_who_sees_github_connect_sees_it(
    cast: Callable[[str], Client], instance: ServerInstance, who: str, status: int
) -> None:
    assert cast(who).get(page_of(instance)).status_code == status


def test_an_instance_of_another_enterprise_has_no_page_here(owner: Client) -> None:
    assert owner.get(page_of(ServerInstanceFactory())).status_code == 404


def test_it_tells_the_facts_that_were_read(owner: Client, syncing: ServerInstance) -> None:
    ServerInstance.objects.update(
        version="3.19.2",
        license_kind="standard",
        seats=1500,
        seats_used=1234,
        license_expires_on=dt.date(2027, 6, 30),
        certificate_expires_at=dt.datetime(2027, 1, 2, tzinfo=dt.UTC),
        applied_as_of=dt.datetime(2026, 11, 20, 3, tzinfo=dt.UTC),
    )
    SyncRunFactory(
        instance=syncing, succeeded=True, facts={"total_users": 1300, "suspended_users": 66}
    )
    text = text_of(owner.get(page_of(syncing)))
    for fact in (
        "GitHub Enterprise Server 3.19.2",
        "standard · 1,500 licenses · 1,234 used",
        "License expires June 30, 2027",
        "Certificate expires Jan. 2, 2027",
        "120 accounts, 110 of them consume a license",
        "1,300 users · 66 of them suspended",
        "As of Nov. 20, 2026",
    ):
        assert fact in text


def test_it_tells_what_is_not_known_yet(owner: Client, instance: ServerInstance) -> None:
    text = text_of(owner.get(page_of(instance)))
    assert "License file not known" in text
    assert "No account of it was read yet." in text
    assert "The instance's own user totals not known" in text
    assert "No runs yet" in text


def test_it_tells_githubs_own_sync_and_leads_to_its_license_page(
    owner: Client, instance: ServerInstance
) -> None:
    GitHubSyncStatusFactory(enterprise=instance.enterprise, host_name=instance.host_name)
    html = owner.get(page_of(instance)).content.decode()
    assert "GitHub Connect server usage synced" in html
    assert "https://ghes1.example.com/enterprises/acme/settings/license" in html


def test_it_tells_whose_token_it_has_and_never_the_token(
    owner: Client, instance: ServerInstance
) -> None:
    Credential.objects.update(ciphertext="gAAAA-secret")
    instance.proxy, instance.ca_bundle = "http://proxy.example.com:3128", "-----BEGIN"
    instance.plain_http_confirmed = True
    instance.save()
    response = owner.get(page_of(instance))
    text = text_of(response)
    assert "Token of licsync, saved on" in text
    assert f"Only for {Credential.objects.get().origin}" in text
    assert "Proxy http://proxy.example.com:3128" in text
    assert "Certificate authority Your own" in text
    assert "anybody on the way can read the token" in text
    assert "gAAAA-secret" not in response.content.decode()


def test_it_tells_its_source_in_the_words_of_the_comparison(
    owner: Client, instance: ServerInstance
) -> None:
    instance.source, instance.applied_source = "cloud_copy", "site_admin_report"
    instance.save()
    text = text_of(owner.get(page_of(instance)))
    assert "Low: only the cloud token; no access to the instance" in text
    assert "Full, as the site-admin report" not in text
    assert "What is counted now came from: Site-admin report." in text


@pytest.mark.parametrize(("share", "shown"), [(None, 20), (0, 0), (7, 7)])
def test_it_tells_which_share_of_lost_accounts_holds_a_result(
    owner: Client, instance: ServerInstance, share: int | None, shown: int
) -> None:
    instance.guard_share = share
    instance.save()
    text = text_of(owner.get(page_of(instance)))
    assert f"a result that loses more than {shown} % of the accounts" in text
    assert ("as the general settings say" in text) is (share is None)


def test_it_lists_its_last_ten_runs_and_leads_to_all_of_them(
    owner: Client, syncing: ServerInstance
) -> None:
    old = SyncRunFactory(instance=syncing, failed=True)
    SyncRunFactory.create_batch(9, instance=syncing, failed=True)
    counts = {"read": 120, "added": 3, "changed": 4, "removed": 80}
    SyncRunFactory(instance=syncing, succeeded=True, counts=counts)
    SyncRunFactory(succeeded=True)
    response = owner.get(page_of(syncing))
    html = response.content.decode()
    assert "3 added, 4 changed, 80 removed" in text_of(response)
    assert "/runs?instance=ghes1.example.com" in html
    assert len(response.context["runs"]) == 10
    assert f'/runs/{old.pk}"' not in html


def test_an_auditor_reads_it_and_has_nothing_to_press(
    auditor: Client, syncing: ServerInstance
) -> None:
    response = auditor.get(page_of(syncing))
    html = response.content.decode()
    assert "Every week, Monday at 03:00 (UTC)" in text_of(response)
    assert "Sync now</" not in html
    assert "schedule_time" not in html
    assert "/edit" not in html


class TestTheSchedule:
    def test_a_weekday_and_an_hour_are_chosen_and_the_next_sync_follows_at_once(
        self, owner: Client, acme: Enterprise, syncing: ServerInstance
    ) -> None:
        acme.time_zone = "America/New_York"
        acme.save()
        response = owner.post(action(syncing, "schedule"), WEEKLY, follow=True)
        assert response.redirect_chain == [(page_of(syncing), 302)]
        text = text_of(response)
        assert "The schedule of ghes1.example.com is changed." in text
        assert "Every week, Sunday at 02:30 (America/New York)" in text
        syncing.refresh_from_db()
        assert syncing.next_sync_at is not None
        local = syncing.next_sync_at.astimezone(acme.zone)
        assert (local.weekday(), local.hour) == (6, 2)
        assert AuditEvent.objects.get().action == "instance.schedule"

    def test_by_htmx_the_page_comes_back_without_its_frame(
        self, owner: Client, syncing: ServerInstance
    ) -> None:
        values = {**WEEKLY, "rhythm": "daily"}
        response = owner.post(action(syncing, "schedule"), values, headers=HTMX)
        html = response.content.decode()
        assert "<html" not in html
        assert "Every day at 02:30 (UTC)" in html
        assert 'id="announcement"' in html

    @pytest.mark.parametrize("headers", [{}, HTMX])
    @pytest.mark.parametrize(
        "fault", [{"rhythm": "hourly"}, {"schedule_weekday": "7"}, {"schedule_time": "noon"}]
    )
    def test_what_cannot_be_is_refused_at_its_field(
        self,
        owner: Client,
        syncing: ServerInstance,
        fault: dict[str, str],
        headers: dict[str, str],
    ) -> None:
        response = owner.post(action(syncing, "schedule"), {**WEEKLY, **fault}, headers=headers)
        assert response.status_code == 422
        assert "FormControl-inlineValidation" in response.content.decode()
        syncing.refresh_from_db()
        assert syncing.schedule_weekday == 0

    def test_is_not_chosen_while_license_sync_is_disabled(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        html = owner.get(page_of(instance)).content.decode()
        assert "It begins as soon as license sync is enabled." in html
        assert "schedule_time" not in html


class TestWhatIsAskedForOnIt:
    def test_is_answered_on_it(self, owner: Client, syncing: ServerInstance) -> None:
        page = page_of(syncing)
        response = owner.post(action(syncing, "sync"), {"at": "page"}, follow=True)
        assert response.redirect_chain == [(page, 302)]
        run = SyncRun.objects.get()
        assert f"Run {run.pk} started." in text_of(response)
        html = owner.post(action(syncing, "sync"), {"at": "page"}, headers=HTMX).content.decode()
        assert f"Run {run.pk} is active already" in html
        assert f"/runs/{run.pk}/progress?at=page" in html
        assert "Last runs" in html

    def test_a_refusal_too(self, owner: Client, instance: ServerInstance) -> None:
        for headers in ({}, HTMX):
            response = owner.post(action(instance, "sync"), {"at": "page"}, headers=headers)
            assert response.status_code == 422
            assert "GitHub Connect is disabled for ghes1.example.com" in text_of(response)
            assert "Last runs" in text_of(response)

    def test_and_a_test_of_the_connection(self, owner: Client, instance: ServerInstance) -> None:
        finding = Finding("error", "missing_scope", {"needed": "site_admin", "has": "repo"})
        result = ConnectionTest(False, "https://ghes1.example.com:443", "", [finding])
        for headers in ({}, HTMX):
            with patch("enterprise.views.tested.connection_test", return_value=result):
                response = owner.post(action(instance, "test"), {"at": "page"}, headers=headers)
            assert "The token lacks the scope site_admin" in text_of(response)
            assert "Last runs" in text_of(response)

    def test_progress_is_polled_until_the_run_has_ended(
        self, owner: Client, syncing: ServerInstance
    ) -> None:
        run = SyncRunFactory(instance=syncing, running=True, done=300, expected=1200)
        path = f"{action(syncing, f'runs/{run.pk}/progress')}?at=page"
        response = owner.get(path, headers=HTMX)
        assert f'hx-get="{path}"' in response.content.decode()
        SyncRun.objects.update(state=RunState.SUCCEEDED, counts={"read": 1200})
        response = owner.get(path, headers=HTMX)
        assert response.status_code == 286
        assert response.headers["HX-Retarget"] == f"#instance-{syncing.pk}"
        assert "Last runs" in response.content.decode()


def test_other_pages_lead_to_it(owner: Client, instance: ServerInstance) -> None:
    for path in ("", "/settings/connect"):
        html = owner.get(f"/enterprises/acme{path}").content.decode()
        assert f'href="{page_of(instance)}"' in html
