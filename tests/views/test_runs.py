"""Sync runs: the list with its filters, one run as it happens, and what an owner decides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enterprise.models import Enterprise, RunState, ServerInstance, SyncRun
from tests.factories import AuditEventFactory, RunLogLineFactory, SyncRunFactory, ago
from tests.views.conftest import HTMX
from tests.views.counted import text_of

PAGE = "/enterprises/acme/runs"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_worker() -> Iterator[None]:
    with patch("enterprise.services.runs.worker_wake"):
        yield


def steps_of(response: Any) -> list[tuple[str, str]]:
    """The phases as a run's page shows them: what stands of each in its icon, and in words."""
    found = re.findall(
        r'<li class="phase".*?aria-label="([^"]+)".*?</svg>(.*?)</li>', response.content.decode()
    )
    return [(icon, re.sub(r"<[^>]+>", "", words).strip()) for icon, words in found]


class TestTheList:
    @pytest.mark.parametrize(
        ("who", "status"),
        [
            ("owner", 200),
            ("auditor", 200),
            ("billing_manager", 200),
            ("stranger", 404),
            ("signed_out", 302),
        ],
    )
    def test_whoever_has_a_role_sees_it(
        self, cast: Callable[[str], Client], who: str, status: int
    ) -> None:
        assert cast(who).get(PAGE).status_code == status

    def test_without_runs_it_says_so(self, owner: Client) -> None:
        assert "No runs yet" in owner.get(PAGE).content.decode()

    def test_filters_combine_and_live_in_the_url(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        ok = SyncRunFactory(instance=instance, succeeded=True)
        bad = SyncRunFactory(instance=instance, failed=True)
        cloud = SyncRunFactory(enterprise=instance.enterprise, of_cloud=True, failed=True)

        def shown(query: str) -> set[int]:
            return {run.pk for run in owner.get(f"{PAGE}?{query}").context["runs"]}

        assert shown("") == {ok.pk, bad.pk, cloud.pk}
        assert shown("state=failed") == {bad.pk, cloud.pk}
        assert shown("state=failed&instance=ghes1.example.com") == {bad.pk}
        assert shown("kind=cloud") == {cloud.pk}
        assert shown("trigger=schedule") == set()
        assert "No run matches" in owner.get(f"{PAGE}?trigger=schedule").content.decode()

    def test_pages_go_on_from_the_last_run_shown_and_keep_the_filters(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        SyncRunFactory.create_batch(35, instance=instance, failed=True)
        first = owner.get(f"{PAGE}?state=failed")
        assert len(first.context["runs"]) == 30
        following = owner.get(PAGE + first.context["next_url"])
        assert len(following.context["runs"]) == 5
        assert following.context["wanted"]["state"] == "failed"

    def test_it_asks_as_many_queries_for_thirty_runs_as_for_one(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        SyncRunFactory(instance=instance, failed=True)
        with CaptureQueriesContext(connection) as one:
            owner.get(PAGE)
        SyncRunFactory.create_batch(40, instance=instance, failed=True)
        with CaptureQueriesContext(connection) as many:
            owner.get(PAGE)
        assert len(many) == len(one)

    def test_runs_of_others_are_not_shown(self, owner: Client) -> None:
        theirs = SyncRunFactory()
        assert owner.get(f"{PAGE}/{theirs.pk}").status_code == 404
        assert not owner.get(PAGE).context["runs"]


class TestOneRun:
    def test_it_shows_what_changed_and_the_log(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        run = SyncRunFactory(instance=instance, succeeded=True)
        RunLogLineFactory(run=run, code="run_succeeded", params={})
        html = owner.get(f"{PAGE}/{run.pk}").content.decode()
        assert "Succeeded." in html
        assert "Consume a license" in html
        assert "hx-trigger" not in html

    @pytest.mark.parametrize("path", ["", "/{pk}"])
    def test_who_asked_for_it_is_masked_for_an_auditor(
        self, owner: Client, auditor: Client, instance: ServerInstance, path: str
    ) -> None:
        run = SyncRunFactory(
            instance=instance, succeeded=True, trigger="manual", actor="paul@example.com"
        )
        path = PAGE + path.format(pk=run.pk)
        assert "paul@example.com" in owner.get(path).content.decode()
        masked = auditor.get(path).content.decode()
        assert "paul@example.com" not in masked
        assert "p•••@example.com" in masked

    def test_a_failed_one_says_what_to_do(self, owner: Client, instance: ServerInstance) -> None:
        run = SyncRunFactory(instance=instance, failed=True)
        html = owner.get(f"{PAGE}/{run.pk}").content.decode()
        assert "What to do:" in html
        assert "The server refused the token" in html

    def test_warnings_are_shown(self, owner: Client, instance: ServerInstance) -> None:
        warning = {"code": "user_total_gap", "params": {"stated": 130, "read": 120}}
        run = SyncRunFactory(instance=instance, succeeded=True, warnings=[warning])
        html = owner.get(f"{PAGE}/{run.pk}").content.decode()
        assert "The instance states 130 users; 120 were read." in html

    def test_the_log_grows_as_it_happens_and_polling_ends_with_the_run(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        run = SyncRunFactory(instance=instance, running=True)
        first = RunLogLineFactory(run=run)
        html = owner.get(f"{PAGE}/{run.pk}").content.decode()
        assert f"/live?after={first.pk}" in html
        second = RunLogLineFactory(run=run, code="report_waiting", params={})
        response = owner.get(f"{PAGE}/{run.pk}/live?after={first.pk}", headers=HTMX)
        html = response.content.decode()
        assert response.status_code == 200
        assert "The instance is making its report." in html
        assert "Attempt 1 started." not in html
        assert f"/live?after={second.pk}" in html
        SyncRun.objects.update(state=RunState.SUCCEEDED)
        response = owner.get(f"{PAGE}/{run.pk}/live?after={second.pk}", headers=HTMX)
        assert response.status_code == 286
        assert response.headers["HX-Retarget"] == "#run"
        assert "hx-trigger" not in response.content.decode()

    def test_it_says_how_fast_it_goes_and_in_which_phase_it_is(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        run = SyncRunFactory(
            instance=instance, running=True, phase="reading", done=3200, expected=4800, rate=410
        )
        RunLogLineFactory(run=run, code="phase_reading", params={}, at=ago(seconds=75))
        for path, headers in ((f"{PAGE}/{run.pk}", {}), (f"{PAGE}/{run.pk}/live", HTMX)):
            response = owner.get(path, headers=headers)
            assert "3,200 of 4,800 · 410 a second" in text_of(response)
            assert steps_of(response) == [
                ("Now", "Reading users 1 min 15 s"),
                ("To come", "Checking"),
                ("To come", "Applying"),
            ]

    def test_after_its_end_the_phases_stay_with_how_long_each_took(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        run = SyncRunFactory(instance=instance, failed=True)
        RunLogLineFactory(run=run, code="phase_reading", params={}, at=ago(seconds=75))
        RunLogLineFactory(run=run, code="phase_checking", params={}, at=ago(seconds=15))
        response = owner.get(f"{PAGE}/{run.pk}")
        assert steps_of(response) == [
            ("Done", "Reading users 1 min 0 s"),
            ("Ended here", "Checking"),
            ("Not reached", "Applying"),
        ]
        assert "a second" not in text_of(response)

    def test_a_screen_reader_is_told_of_a_phase_once_and_not_of_each_count(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        run = SyncRunFactory(instance=instance, running=True, phase="reading", done=10)
        live = f"{PAGE}/{run.pk}/live"
        assert f"{live}?after=0&amp;phase=reading" in owner.get(f"{PAGE}/{run.pk}").content.decode()
        assert (
            "announcement" not in owner.get(f"{live}?phase=reading", headers=HTMX).content.decode()
        )
        SyncRun.objects.update(phase="checking")
        html = owner.get(f"{live}?phase=reading", headers=HTMX).content.decode()
        assert 'id="announcement"' in html
        assert "Checking" in html

    def test_asking_for_what_is_live_without_htmx_leads_to_the_page(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        run = SyncRunFactory(instance=instance, running=True)
        response = owner.get(f"{PAGE}/{run.pk}/live")
        assert response.headers["Location"] == f"{PAGE}/{run.pk}"


class TestDeciding:
    @pytest.mark.parametrize("verb", ["cancel", "apply", "discard", "again"])
    @pytest.mark.parametrize("who", ["auditor", "billing_manager", "stranger"])
    def test_only_an_owner_decides(
        self, cast: Callable[[str], Client], instance: ServerInstance, who: str, verb: str
    ) -> None:
        run = SyncRunFactory(instance=instance, held=True)
        assert cast(who).post(f"{PAGE}/{run.pk}/{verb}").status_code == 404

    def test_who_may_not_decide_sees_no_buttons(
        self, auditor: Client, instance: ServerInstance
    ) -> None:
        run = SyncRunFactory(instance=instance, held=True)
        html = auditor.get(f"{PAGE}/{run.pk}").content.decode()
        assert "An enterprise owner decides." in html
        assert f"/runs/{run.pk}/apply" not in html

    def test_a_queued_run_is_cancelled(self, owner: Client, instance: ServerInstance) -> None:
        run = SyncRunFactory(instance=instance)
        owner.post(f"{PAGE}/{run.pk}/cancel")
        run.refresh_from_db()
        assert run.state == RunState.CANCELLED

    def test_what_has_ended_cannot_be_cancelled(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        run = SyncRunFactory(instance=instance, succeeded=True)
        response = owner.post(f"{PAGE}/{run.pk}/cancel")
        assert response.status_code == 422
        assert "has already ended" in response.content.decode()

    def test_a_held_result_is_discarded_once(self, owner: Client, instance: ServerInstance) -> None:
        run = SyncRunFactory(instance=instance, held=True)
        html = owner.get(f"{PAGE}/{run.pk}").content.decode()
        assert "of 120 applied accounts, 80 would go" in html
        owner.post(f"{PAGE}/{run.pk}/discard")
        run.refresh_from_db()
        assert run.state == RunState.CANCELLED
        response = owner.post(f"{PAGE}/{run.pk}/apply")
        assert response.status_code == 422
        assert "is not held any more" in response.content.decode()

    def test_a_held_result_onto_changed_data_is_refused(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        instance.connect_enabled, instance.applied_version = True, 5
        instance.save()
        run = SyncRunFactory(instance=instance, held=True, base_version=4)
        response = owner.post(f"{PAGE}/{run.pk}/apply")
        assert response.status_code == 422
        assert "The data has changed" in response.content.decode()

    def test_syncing_again_starts_a_run_or_says_why_not(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        run = SyncRunFactory(instance=instance, failed=True)
        assert owner.post(f"{PAGE}/{run.pk}/again").status_code == 422
        instance.connect_enabled = instance.license_sync_enabled = True
        instance.save()
        response = owner.post(f"{PAGE}/{run.pk}/again")
        again = SyncRun.objects.latest("pk")
        assert response.headers["Location"] == f"{PAGE}/{again.pk}"
        assert again.pk != run.pk


class TestTheAuditLog:
    URL = "/enterprises/acme/settings/audit"

    @pytest.mark.parametrize(
        ("who", "status"),
        [("owner", 200), ("auditor", 200), ("billing_manager", 404), ("stranger", 404)],
    )
    def test_owners_and_auditors_see_it(
        self, cast: Callable[[str], Client], who: str, status: int
    ) -> None:
        assert cast(who).get(self.URL).status_code == status

    def test_it_says_who_did_what_newest_first(self, owner: Client, acme: Enterprise) -> None:
        AuditEventFactory(enterprise=acme, before={"connect": False}, after={"connect": True})
        AuditEventFactory(enterprise=acme, action="run.request", target="ghes2.example.com")
        AuditEventFactory(target="elsewhere.example.com")
        html = owner.get(self.URL).content.decode()
        assert html.index("Asked for a sync") < html.index("Enabled GitHub Connect")
        assert "No → Yes" in html
        assert "elsewhere.example.com" not in html

    def test_its_pages_go_on_from_the_last_event(self, owner: Client, acme: Enterprise) -> None:
        AuditEventFactory.create_batch(60, enterprise=acme)
        first = owner.get(self.URL)
        assert len(first.context["lines"]) == 50
        following = owner.get(self.URL + first.context["next_url"])
        assert len(following.context["lines"]) == 10


class TestATabThatIsLookedAtAgain:
    """It asks for its page again, so what answers a POST, or refuses one, is not such a page."""

    def test_a_page_that_was_asked_for_may_be_asked_for_again(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        assert "data-stays-true" in owner.get(PAGE).content.decode()

    def test_what_a_post_was_answered_with_may_not(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        made = owner.post(
            "/enterprises/acme/settings/tokens/new",
            {"name": "Export", "scopes": ["read:enterprise"], "expires": "30"},
        )
        assert "Copy the token now" in made.content.decode()
        run = SyncRunFactory(instance=instance, succeeded=True)
        refused = owner.post(f"{PAGE}/{run.pk}/apply")
        assert refused.status_code == 422
        for response in (made, refused):
            assert "data-stays-true" not in response.content.decode()

    def test_the_list_follows_its_runs_only_while_one_is_active(
        self, owner: Client, instance: ServerInstance
    ) -> None:
        SyncRunFactory(instance=instance, succeeded=True)
        assert "data-moves" not in owner.get(PAGE).content.decode()
        SyncRunFactory(instance=instance, running=True)
        assert "data-moves" in owner.get(PAGE).content.decode()
