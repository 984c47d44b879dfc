"""The GitHub Connect page: what it shows to whom, and its actions, plain and by htmx."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from unittest.mock import patch

import pytest
from django.test import Client
from django.utils import timezone

from enterprise.models import (
    AuditEvent,
    CloudState,
    Credential,
    Enterprise,
    RunKind,
    RunState,
    ServerInstance,
    SyncRun,
)
from enterprise.services.audit import SYSTEM
from enterprise.services.connect import connect_enable, license_sync_set
from enterprise.services.connection_test import ConnectionTest, Finding
from tests.factories import (
    CredentialFactory,
    GitHubSyncStatusFactory,
    ServerInstanceFactory,
    SyncRunFactory,
    ago,
)
from tests.views.conftest import HTMX

PAGE = "/enterprises/acme/settings/connect"
pytestmark = pytest.mark.django_db


def box(instance: ServerInstance, action: str) -> str:
    return f"{PAGE}/instances/{instance.pk}/{action}"


@pytest.fixture(autouse=True)
def no_worker() -> object:
    """Nothing here wakes a worker."""
    with patch("enterprise.services.runs.worker_wake") as publish:
        yield publish


@pytest.fixture
def connected(instance: ServerInstance) -> ServerInstance:
    instance.connect_enabled = True
    instance.save()
    return instance


@pytest.fixture
def syncing(connected: ServerInstance) -> ServerInstance:
    connected.license_sync_enabled = True
    connected.schedule_weekday, connected.schedule_time = 0, dt.time(3)
    connected.next_sync_at = timezone.now() + dt.timedelta(days=3)
    connected.save()
    return connected


class TestWhoMaySeeIt:
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
    def test_owners_and_auditors_see_it_and_others_do_not(
        self, cast: Callable[[str], Client], who: str, status: int
    ) -> None:
        assert cast(who).get(PAGE).status_code == status

    @pytest.mark.parametrize(
        "action",
        ["enable", "disable", "license-sync", "schedule", "sync", "test", "edit", "remove"],
    )
    @pytest.mark.parametrize("who", ["auditor", "billing_manager", "stranger"])
    def test_only_an_owner_may_act(
        self, cast: Callable[[str], Client], syncing: ServerInstance, who: str, action: str
    ) -> None:
        assert cast(who).post(box(syncing, action)).status_code == 404
        syncing.refresh_from_db()
        assert syncing.license_sync_enabled
        assert not SyncRun.objects.exists()

    @pytest.mark.parametrize("action", ["sync-all", "cloud/sync", "cloud/test", "cloud/edit"])
    def test_an_auditor_may_not_act_on_the_cloud(self, auditor: Client, action: str) -> None:
        assert auditor.post(f"{PAGE}/{action}").status_code == 404

    def test_an_auditor_is_told_so_and_sees_no_buttons(
        self, auditor: Client, syncing: ServerInstance
    ) -> None:
        html = auditor.get(PAGE).content.decode()
        assert "Only enterprise owners can change them" in html
        assert "Sync now</" not in html
        assert "Disable GitHub Connect" not in html
        assert "disabled" in html.split('name="license_sync"')[1].split(">")[0]

    def test_an_instance_of_another_enterprise_does_not_exist_here(
        self, owner: Client, acme: Enterprise
    ) -> None:
        theirs = ServerInstanceFactory()
        assert owner.post(box(theirs, "sync")).status_code == 404
        assert owner.get(box(theirs, "edit")).status_code == 404


class TestWhatItSays:
    def test_it_says_that_it_only_reads_and_what_is_kept(
        self, owner: Client, acme: Enterprise
    ) -> None:
        html = owner.get(PAGE).content.decode()
        assert "It sends nothing to GitHub and changes no bill" in html
        assert "Not kept: login, name, IP address, keys and repositories" in html

    def test_it_says_of_which_instances_logins_are_kept_and_what_is_kept_of_the_cloud(
        self, owner: Client, acme: Enterprise, instance: ServerInstance
    ) -> None:
        for host in ("ghes2.example.com", "ghes3.example.com"):
            ServerInstanceFactory(enterprise=acme, host_name=host, keep_logins=True)
        html = owner.get(PAGE).content.decode()
        assert "Of ghes2.example.com, ghes3.example.com also login and last activity" in html
        assert "Not kept: login, name" not in html
        for kept in (
            "the users that SCIM provisioned",
            "Each row of the consumed licenses: login, name",
            "The linked SAML and SCIM values",
        ):
            assert kept in html

    def test_without_instances_it_says_what_to_do(self, owner: Client, acme: Enterprise) -> None:
        html = owner.get(PAGE).content.decode()
        assert "No instances yet" in html
        assert f'href="{PAGE}/instances/new"' in html

    def test_the_first_hour_is_shown_until_it_is_done(
        self, owner: Client, acme: Enterprise, syncing: ServerInstance
    ) -> None:
        assert "The first hour" in owner.get(PAGE).content.decode()
        CredentialFactory(enterprise=acme)
        SyncRunFactory(instance=syncing, succeeded=True)
        assert "The first hour" not in owner.get(PAGE).content.decode()

    def test_githubs_own_sync_is_told_in_githubs_words_with_its_license_page(
        self, owner: Client, acme: Enterprise, instance: ServerInstance
    ) -> None:
        GitHubSyncStatusFactory(enterprise=acme, host_name="ghes1.example.com")
        html = owner.get(PAGE).content.decode()
        assert "GitHub Connect server usage synced" in html
        assert "https://ghes1.example.com/enterprises/acme/settings/license" in html
        instance.enterprise_slug = "acme-inside"
        instance.save()
        html = owner.get(PAGE).content.decode()
        assert "https://ghes1.example.com/enterprises/acme-inside/settings/license" in html

    def test_ours_is_told_as_read_by_this_console(
        self, owner: Client, syncing: ServerInstance
    ) -> None:
        syncing.last_success_at = ago(hours=3)
        syncing.save()
        SyncRunFactory(instance=syncing, succeeded=True)
        html = owner.get(PAGE).content.decode()
        assert "Read by this console" in html
        assert "3 hours ago" in html
        assert "120 accounts" in html
        assert "110 of them consume a license" in html

    def test_a_failure_says_what_to_do(self, owner: Client, syncing: ServerInstance) -> None:
        run = SyncRunFactory(instance=syncing, failed=True)
        html = owner.get(PAGE).content.decode()
        assert "The server refused the token" in html
        assert f"/enterprises/acme/runs/{run.pk}" in html

    def test_a_gap_of_the_cloud_is_shown(self, owner: Client, acme: Enterprise) -> None:
        gap = {"part": "identities", "code": "graphql_failed", "params": {"part": "identities"}}
        CloudState.objects.filter(enterprise=acme).update(gaps=[gap])
        assert "SAML identities could not be read" in owner.get(PAGE).content.decode()

    def test_a_stored_token_is_never_shown(self, owner: Client, instance: ServerInstance) -> None:
        Credential.objects.update(ciphertext="gAAAA-secret")
        for url in (PAGE, box(instance, "edit"), f"{PAGE}/cloud/edit"):
            assert "gAAAA-secret" not in owner.get(url).content.decode()

    def test_it_asks_as_many_queries_for_ten_instances_as_for_one(
        self, owner: Client, syncing: ServerInstance, django_assert_num_queries: object
    ) -> None:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        SyncRunFactory(instance=syncing, succeeded=True)
        with CaptureQueriesContext(connection) as one:
            owner.get(PAGE)
        for _ in range(9):
            other = ServerInstanceFactory(
                enterprise=syncing.enterprise, syncing=True, with_token=True
            )
            SyncRunFactory(instance=other, succeeded=True)
            SyncRunFactory(instance=other, failed=True)
            SyncRunFactory(instance=other, running=True)
        with CaptureQueriesContext(connection) as ten:
            owner.get(PAGE)
        assert len(ten) == len(one)


class TestTheSwitches:
    def test_connect_is_enabled_by_a_plain_post(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        response = owner.post(box(instance, "enable"), follow=True)
        assert "GitHub Connect of ghes1.example.com is enabled." in response.content.decode()
        assert response.redirect_chain == [(f"{PAGE}#instance-{instance.pk}", 302)]
        instance.refresh_from_db()
        assert instance.connect_enabled
        assert AuditEvent.objects.filter(action="instance.connect_enable", actor="mona").exists()

    def test_connect_is_enabled_by_htmx_which_gets_the_box_back(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        response = owner.post(box(instance, "enable"), headers=HTMX)
        html = response.content.decode()
        assert response.status_code == 200
        assert f'id="instance-{instance.pk}"' in html
        assert "<html" not in html
        assert "Disable GitHub Connect" in html
        assert 'id="announcement"' in html

    def test_without_a_token_connect_is_refused_with_the_reason(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        Credential.objects.all().delete()
        for headers in ({}, HTMX):
            response = owner.post(box(instance, "enable"), headers=headers)
            assert response.status_code == 422
            assert "cannot be enabled without a token" in response.content.decode()

    def test_license_sync_before_connect_is_disabled_and_says_why(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        html = owner.get(PAGE).content.decode()
        assert "Server can sync user license count and usage" in html
        assert "disabled" in html.split('name="license_sync"')[1].split(">")[0]
        assert "cannot be enabled before GitHub Connect" in html

    @pytest.mark.parametrize("headers", [{}, HTMX])
    def test_license_sync_before_connect_is_refused_with_the_same_sentence(
        self, owner: Client, instance: ServerInstance, headers: dict[str, str]
    ) -> None:
        response = owner.post(
            box(instance, "license-sync"), {"license_sync": "enabled"}, headers=headers
        )
        sentence = (
            "License sync of ghes1.example.com cannot be enabled before GitHub Connect. "
            "Enable GitHub Connect first."
        )
        assert response.status_code == 422
        assert response.content.decode().count(sentence) >= 2
        instance.refresh_from_db()
        assert not instance.license_sync_enabled

    def test_license_sync_is_enabled_and_disabled(
        self, owner: Client, connected: ServerInstance
    ) -> None:
        owner.post(box(connected, "license-sync"), {"license_sync": "enabled"})
        connected.refresh_from_db()
        assert connected.license_sync_enabled
        assert connected.next_sync_at is not None
        response = owner.post(
            box(connected, "license-sync"), {"license_sync": "disabled"}, headers=HTMX
        )
        assert "What was read stays" in response.content.decode()
        connected.refresh_from_db()
        assert not connected.license_sync_enabled

    def test_disabling_asks_with_numbers_and_deletes_the_credentials(
        self, owner: Client, syncing: ServerInstance
    ) -> None:
        SyncRunFactory(instance=syncing, succeeded=True)
        for headers in ({}, HTMX):  # as a page, and in a dialog
            html = owner.get(box(syncing, "disable"), headers=headers).content.decode()
            assert ("<html" in html) is (headers == {})
            assert "The stored credentials are deleted at once." in html
            assert "120 accounts stay counted" in html
        owner.post(box(syncing, "disable"))
        syncing.refresh_from_db()
        assert not syncing.connect_enabled
        assert not syncing.license_sync_enabled
        assert not Credential.objects.exists()

    def test_who_comes_to_an_action_by_get_is_led_to_the_page(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        assert owner.get(box(instance, "sync")).headers["Location"] == PAGE


class TestSyncing:
    def test_two_clicks_on_sync_now_show_the_same_run(
        self, owner: Client, syncing: ServerInstance
    ) -> None:
        first = owner.post(box(syncing, "sync"), headers=HTMX).content.decode()
        second = owner.post(box(syncing, "sync"), headers=HTMX).content.decode()
        run = SyncRun.objects.get(kind=RunKind.INSTANCE)
        assert f"Run {run.pk} started." in first
        assert f"Run {run.pk} is active already" in second
        assert f"/runs/{run.pk}/progress" in second

    def test_sync_now_is_refused_while_license_sync_is_off(
        self, owner: Client, connected: ServerInstance
    ) -> None:
        response = owner.post(box(connected, "sync"))
        assert response.status_code == 422
        assert "License sync of ghes1.example.com is disabled" in response.content.decode()

    def test_the_cloud_is_synced_only_with_a_token(self, owner: Client, acme: Enterprise) -> None:
        assert owner.post(f"{PAGE}/cloud/sync").status_code == 422
        CredentialFactory(enterprise=acme)
        assert owner.post(f"{PAGE}/cloud/sync").status_code == 302
        assert SyncRun.objects.get().kind == RunKind.CLOUD

    def test_sync_all_starts_what_is_enabled_and_the_cloud(
        self, owner: Client, acme: Enterprise, syncing: ServerInstance
    ) -> None:
        ServerInstanceFactory(enterprise=acme)
        CredentialFactory(enterprise=acme)
        html = owner.post(f"{PAGE}/sync-all", headers=HTMX).content.decode()
        assert "2 runs started." in html
        assert SyncRun.objects.count() == 2
        html = owner.post(f"{PAGE}/sync-all", headers=HTMX).content.decode()
        assert "2 runs were active already." in html

    def test_sync_all_with_nothing_to_sync_says_so(self, owner: Client, acme: Enterprise) -> None:
        response = owner.post(f"{PAGE}/sync-all")
        assert response.status_code == 422
        assert "There is nothing to sync yet" in response.content.decode()

    def test_progress_is_polled_until_the_run_has_ended(
        self, owner: Client, syncing: ServerInstance
    ) -> None:
        run = SyncRunFactory(instance=syncing, running=True, done=300, expected=1200)
        url = box(syncing, f"runs/{run.pk}/progress")
        response = owner.get(url, headers=HTMX)
        assert response.status_code == 200
        assert "300 of 1,200" in response.content.decode()
        SyncRun.objects.update(state=RunState.SUCCEEDED, counts={"read": 1200})
        response = owner.get(url, headers=HTMX)
        assert response.status_code == 286
        assert response.headers["HX-Retarget"] == f"#instance-{syncing.pk}"
        assert "/progress" not in response.content.decode()


class TestWhatIsThrownAway:
    @pytest.mark.parametrize("action", ["disable", "remove"])
    def test_a_held_result_and_an_active_run_are_named_before_they_go(
        self, owner: Client, connected: ServerInstance, action: str
    ) -> None:
        """Also where license sync is off: an upload waits, or is being read."""
        asked = owner.get(box(connected, action)).content.decode()
        assert "thrown away" not in asked
        held = SyncRunFactory(instance=connected, held=True, counts={"read": 1234})
        active = SyncRunFactory(instance=connected, running=True)
        asked = owner.get(box(connected, action)).content.decode()
        assert f"The held result of run {held.pk} (1,234 accounts read) is thrown away." in asked
        assert f"Run {active.pk} ends" in asked

    def test_the_setting_of_the_source_says_so(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        assert "throws a held result away" in owner.get(box(instance, "edit")).content.decode()

    def test_the_page_of_the_cloud_says_that_another_address_erases_the_token(
        self, owner: Client, acme: Enterprise
    ) -> None:
        page = owner.get(f"{PAGE}/cloud/edit").content.decode()
        assert "A change of the API address erases the token." in page


class TestTheConnectionTest:
    @pytest.mark.parametrize("headers", [{}, HTMX])
    def test_it_shows_what_was_found(
        self, owner: Client, instance: ServerInstance, headers: dict[str, str]
    ) -> None:
        finding = Finding("error", "missing_scope", {"needed": "site_admin", "has": "repo"})
        result = ConnectionTest(False, "https://ghes1.example.com:443", "", [finding])
        with patch("enterprise.views.tested.connection_test", return_value=result):
            response = owner.post(box(instance, "test"), headers=headers)
        html = response.content.decode()
        assert response.status_code == 200
        assert "The connection test failed." in html
        assert "The token lacks the scope site_admin; it has: repo." in html
        assert ("<html" in html) == (not headers)

    def test_the_cloud_is_tested_too(self, owner: Client, acme: Enterprise) -> None:
        response = owner.post(f"{PAGE}/cloud/test", headers=HTMX)
        assert "No token is stored." in response.content.decode()


class TestAddingEditingRemoving:
    def test_hosts_that_github_knows_are_offered(self, owner: Client, acme: Enterprise) -> None:
        GitHubSyncStatusFactory(enterprise=acme, host_name="ghes7.example.com")
        html = owner.get(f"{PAGE}/instances/new").content.decode()
        assert '<option value="ghes7.example.com">' in html

    def test_an_instance_is_added_with_its_token_and_tested(
        self, owner: Client, acme: Enterprise
    ) -> None:
        result = ConnectionTest(True, "https://ghes9.example.com:443", "3.19.2", [])
        with patch("enterprise.views.tested.connection_test", return_value=result):
            response = owner.post(
                f"{PAGE}/instances/new",
                {"host_name": "GHES9.example.com", "username": "admin", "token": "ghp_x"},
                follow=True,
            )
        html = response.content.decode()
        assert "ghes9.example.com is added." in html
        assert "The connection works." in html
        instance = ServerInstance.objects.get(host_name="ghes9.example.com")
        assert instance.url == "https://ghes9.example.com"
        assert instance.credential.username == "admin"

    @pytest.mark.parametrize(
        ("values", "complaint"),
        [
            ({"host_name": "no host"}, "is no host name"),
            ({"host_name": "ghes1.example.com"}, "is already registered"),
            ({"host_name": "a.example", "url": "http://a.example"}, "confirm plain HTTP"),
            ({"host_name": "a.example", "proxy": "nonsense"}, "is no address of a server"),
            ({"host_name": "a.example", "ca_bundle": "nonsense"}, "not a readable PEM"),
            ({"host_name": "a.example", "token": "ghp_x"}, "Enter the login"),
            ({"host_name": "a.example", "username": "admin"}, "enter both"),
        ],
    )
    def test_what_cannot_be_is_refused_at_its_field_and_nothing_is_added(
        self, owner: Client, instance: ServerInstance, values: dict[str, str], complaint: str
    ) -> None:
        response = owner.post(f"{PAGE}/instances/new", values)
        assert response.status_code == 422
        html = response.content.decode()
        assert complaint in html
        assert "FormControl-inlineValidation" in html
        assert ServerInstance.objects.count() == 1

    def test_an_empty_token_keeps_the_one_stored(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        html = owner.get(box(instance, "edit")).content.decode()
        assert "Leave the field empty to keep it." in html
        owner.post(box(instance, "edit"), {"url": instance.url, "username": "licsync"})
        assert Credential.objects.get().ciphertext == "unreadable"

    def test_another_address_erases_the_token_and_asks_again(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        response = owner.post(
            box(instance, "edit"),
            {"url": "https://other.example.com", "username": "licsync", "decided": "yes"},
            follow=True,
        )
        assert "is erased: enter it again" in response.content.decode()
        assert not Credential.objects.exists()

    def test_removing_asks_with_numbers(self, owner: Client, syncing: ServerInstance) -> None:
        SyncRunFactory(instance=syncing, succeeded=True)
        html = owner.get(box(syncing, "remove")).content.decode()
        assert "120 accounts are deleted" in html
        response = owner.post(box(syncing, "remove"), follow=True)
        assert "ghes1.example.com is removed." in response.content.decode()
        assert not ServerInstance.objects.exists()

    def test_a_step_of_the_first_hour_is_tested_where_it_stands(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        guide = owner.get(PAGE).content.decode()
        assert 'hx-target="#instance-tested"' in guide
        assert "read%3Aenterprise" in guide  # the cloud's token is made on GitHub's own form
        finding = Finding("error", "missing_scope", {"needed": "site_admin", "has": "repo"})
        result = ConnectionTest(False, "https://ghes1.example.com:443", "", [finding])
        with patch("enterprise.views.tested.connection_test", return_value=result):
            html = owner.post(box(instance, "test"), {"at": "step"}, headers=HTMX).content.decode()
        assert "The token lacks the scope site_admin" in html
        new_token = "https://ghes1.example.com/settings/tokens/new?scopes=site_admin"
        assert f'href="{new_token}' in html
        assert "Server can sync" not in html

    def test_each_step_of_the_first_hour_that_can_be_taken_has_a_test_of_its_own(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        def tests() -> list[str]:
            return re.findall(r'id="([\w-]+)-tested"', owner.get(PAGE).content.decode())

        assert tests() == ["instance", "connect"]
        connect_enable(instance=instance, actor=SYSTEM)
        assert tests() == ["instance", "license-sync"]
        license_sync_set(instance=instance, enabled=True, actor=SYSTEM)
        assert tests() == ["instance", "first-sync"]
        CredentialFactory(enterprise=instance.enterprise)
        assert tests() == ["cloud-token", "instance", "first-sync"]

    def test_the_cloud_token_is_saved_and_tested(self, owner: Client, acme: Enterprise) -> None:
        finding = Finding("warning", "owner_info_missing", {})
        result = ConnectionTest(True, "https://api.github.com:443", "", [finding])
        values = {
            "name": "Acme",
            "api_url": "https://api.github.com",
            "billing_model": "metered",
            "time_zone": "Europe/Berlin",
            "token": "ghp_x",
        }
        with patch("enterprise.views.tested.cloud_connection_test", return_value=result):
            html = owner.post(f"{PAGE}/cloud/edit", values, follow=True).content.decode()
        assert "The connection works, with remarks." in html
        acme.refresh_from_db()
        assert (acme.billing_model, acme.time_zone) == ("metered", "Europe/Berlin")
        assert Credential.objects.get().instance is None

    def test_a_bad_cloud_token_changes_nothing(self, owner: Client, acme: Enterprise) -> None:
        values = {
            "name": "Other",
            "api_url": "https://api.github.com",
            "billing_model": "volume",
            "time_zone": "UTC",
            "token": "two words",
        }
        response = owner.post(f"{PAGE}/cloud/edit", values)
        assert response.status_code == 422
        assert "This is no token" in response.content.decode()
        acme.refresh_from_db()
        assert acme.name == "Acme"
