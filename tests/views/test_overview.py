"""The overview: the two totals as they are billed, what needs attention, the trend of a year."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from enterprise.models import BillingModel, CloudState, Enterprise, EnterpriseDomain, ServerInstance
from tests.factories import (
    GitHubSyncStatusFactory,
    ServerInstanceFactory,
    SnapshotFactory,
    SyncRunFactory,
    ago,
)
from tests.views.counted import text_of

pytestmark = pytest.mark.django_db

ADVICE = "The enterprise has no verified domain"


def overview(client: Client) -> str:
    return text_of(client.get("/enterprises/acme"))


class TestTheTotals:
    def test_of_volume_licensing_compare_with_what_was_purchased(
        self, owner: Client, acme: Enterprise
    ) -> None:
        SnapshotFactory(enterprise=acme, persons=98, github_total=1100, github_purchased=1200)
        text = overview(owner)
        assert "GitHub counts 1,100 of 1,200 purchased, 100 free, as of its last syncs." in text
        assert "This console finds 98 persons." in text

    def test_show_when_more_is_consumed_than_was_purchased(
        self, owner: Client, acme: Enterprise
    ) -> None:
        SnapshotFactory(enterprise=acme, persons=98, github_total=101, github_purchased=100)
        text = overview(owner)
        assert "GitHub counts 101 of 100 purchased, -1 free" in text
        assert "1 license more is consumed than was purchased." in text

    def test_say_so_where_it_is_not_known_how_many_were_purchased(
        self, owner: Client, acme: Enterprise
    ) -> None:
        SnapshotFactory(enterprise=acme, persons=98, github_total=101)
        response = owner.get("/enterprises/acme")
        assert "How many were purchased is not known." in text_of(response)
        assert "<progress" not in response.content.decode()

    @pytest.mark.parametrize("purchased", [None, 0, 50])
    def test_of_metered_billing_tell_who_is_billable_and_never_what_is_free(
        self, owner: Client, acme: Enterprise, purchased: int | None
    ) -> None:
        Enterprise.objects.update(billing_model=BillingModel.METERED)
        SnapshotFactory(enterprise=acme, github_total=101, github_purchased=purchased)
        for path in ("/enterprises/acme", "/enterprises/acme/licensing"):
            response = owner.get(path)
            text = text_of(response)
            assert "GitHub counts 101 persons billable this cycle, as of its last syncs." in text
            assert "purchased" not in text
            assert "free" not in text
            assert "<progress" not in response.content.decode()

    def test_of_metered_billing_know_the_singular(self, owner: Client, acme: Enterprise) -> None:
        Enterprise.objects.update(billing_model=BillingModel.METERED)
        SnapshotFactory(enterprise=acme, persons=1, github_total=1)
        text = overview(owner)
        assert "GitHub counts 1 person billable this cycle" in text
        assert "This console finds 1 person." in text

    def test_draw_no_bar_where_nothing_was_purchased(self, owner: Client, acme: Enterprise) -> None:
        SnapshotFactory(enterprise=acme, persons=98, github_total=5, github_purchased=0)
        response = owner.get("/enterprises/acme")
        assert "GitHub counts 5 of 0 purchased, -5 free" in text_of(response)
        assert "<progress" not in response.content.decode()

    def test_wait_for_githubs_count_until_it_is_read(self, owner: Client, acme: Enterprise) -> None:
        SnapshotFactory(enterprise=acme, persons=98)
        assert "GitHub's count has not been read yet." in overview(owner)


class TestWhatNeedsAttention:
    @pytest.fixture
    def cloud_read(self, acme: Enterprise) -> CloudState:
        state = CloudState.objects.get(enterprise=acme)
        state.read_at = state.last_success_at = ago(hours=1)
        state.save()
        return state

    @pytest.fixture
    def syncing(self, acme: Enterprise) -> ServerInstance:
        return ServerInstanceFactory(
            enterprise=acme, host_name="ghes1.example.com", syncing=True, synced=True
        )

    def test_is_nothing_in_a_new_enterprise(self, owner: Client) -> None:
        assert "What needs attention Nothing." in overview(owner)

    def test_is_a_domain_to_be_verified_once_domains_were_read(
        self, owner: Client, acme: Enterprise, cloud_read: CloudState
    ) -> None:
        html = owner.get("/enterprises/acme").content.decode()
        assert ADVICE in html
        assert 'href="/help/domains"' in html
        EnterpriseDomain.objects.create(
            enterprise=acme, domain="example.com", verified=False, approved=True
        )
        assert ADVICE in overview(owner)
        EnterpriseDomain.objects.update(verified=True)
        assert ADVICE not in overview(owner)

    def test_is_a_gap_but_no_advice_where_domains_could_not_be_read(
        self, owner: Client, cloud_read: CloudState
    ) -> None:
        cloud_read.gaps = [{"part": "domains", "code": "forbidden", "params": {}}]
        cloud_read.save()
        response = owner.get("/enterprises/acme")
        assert "Verified domains could not be read: The server forbids this" in text_of(response)
        assert 'href="/enterprises/acme/settings/connect#cloud"' in response.content.decode()
        assert ADVICE not in text_of(response)

    def test_leads_nobody_to_a_page_that_they_may_not_see(
        self, billing_manager: Client, cloud_read: CloudState
    ) -> None:
        cloud_read.gaps = [{"part": "identities", "code": "forbidden", "params": {}}]
        cloud_read.save()
        html = billing_manager.get("/enterprises/acme").content.decode()
        assert "SAML identities could not be read" in html
        assert "settings/connect" not in html

    @pytest.mark.parametrize(
        ("days", "sentence"),
        [
            (-1, "Its license expired on"),
            (0, "Its license expires on"),
            (30, "Its license expires on"),
            (31, None),
        ],
    )
    def test_is_a_license_that_ends_within_thirty_days(
        self, owner: Client, syncing: ServerInstance, days: int, sentence: str | None
    ) -> None:
        syncing.license_expires_on = timezone.localdate() + dt.timedelta(days=days)
        syncing.save()
        text = overview(owner)
        assert sentence in text if sentence else "Its license" not in text

    def test_is_not_what_was_last_read_of_an_instance_that_is_off(
        self, owner: Client, syncing: ServerInstance
    ) -> None:
        SyncRunFactory(instance=syncing, failed=True)
        syncing.license_expires_on = timezone.localdate()
        syncing.license_sync_enabled = False
        syncing.save()
        assert "What needs attention Nothing." in overview(owner)

    @pytest.mark.parametrize(
        ("state", "sentence"),
        [("failed", "The server refused the token."), ("held", "Held: of 120 applied accounts")],
    )
    def test_is_a_run_that_failed_or_is_held(
        self, owner: Client, syncing: ServerInstance, state: str, sentence: str
    ) -> None:
        run = SyncRunFactory(instance=syncing, **{state: True})
        response = owner.get("/enterprises/acme")
        assert sentence in text_of(response)
        assert f'href="/enterprises/acme/runs/{run.pk}"' in response.content.decode()

    def test_is_an_instance_not_read_for_longer_than_its_rhythm(
        self, owner: Client, syncing: ServerInstance
    ) -> None:
        syncing.last_success_at = ago(days=9)
        syncing.save()
        assert "This console has not read it for longer than its rhythm." in overview(owner)

    @pytest.mark.parametrize(
        ("status", "sentence"),
        [
            ({"last_sync_at": None}, "GitHub Connect server usage never synced."),
            ({"status": "failed"}, "GitHub says that its own last sync failed."),
            ({"last_sync_at": ago(days=9)}, "GitHub's own last sync is older than 8 days."),
        ],
    )
    def test_is_githubs_own_sync(
        self, owner: Client, syncing: ServerInstance, status: dict[str, object], sentence: str
    ) -> None:
        GitHubSyncStatusFactory(
            enterprise=syncing.enterprise, host_name=syncing.host_name, **status
        )
        response = owner.get("/enterprises/acme")
        assert sentence in text_of(response)
        assert f"{syncing.url}/enterprises/acme/settings/license" in response.content.decode()


class TestTheTrend:
    def test_is_not_drawn_before_there_are_two_weeks(self, owner: Client, acme: Enterprise) -> None:
        SnapshotFactory(enterprise=acme, persons=98)
        assert "The last year" not in overview(owner)

    def test_shows_the_last_count_of_each_week_as_picture_and_table(
        self, owner: Client, acme: Enterprise
    ) -> None:
        for weeks, persons in ((60, 11), (3, 22), (2, 33), (1, 44)):
            SnapshotFactory(enterprise=acme, taken_at=ago(weeks=weeks), persons=persons)
            SnapshotFactory(
                enterprise=acme, taken_at=ago(weeks=weeks), persons=persons + 1000, github_total=50
            )
        response = owner.get("/enterprises/acme")
        text = text_of(response)
        rows = text[text.index("newest first") :]
        assert rows.index("1,044") < rows.index("1,033") < rows.index("1,022")
        for absent in (" 44 ", " 33 ", " 22 ", "1,011"):
            assert absent not in rows
        html = response.content.decode()
        assert 'class="trend-ours" d="M0.0' in html
        assert 'class="trend-github" d="M0.0' in html
