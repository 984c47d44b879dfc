"""Who consumes a license: totals, the table of persons, one person; and what an auditor may not see."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enterprise.counting import match
from enterprise.models import CurrentPerson, Enterprise, PersonVersion, ServerInstance, Snapshot
from enterprise.services.ledger import pack_anchors
from enterprise.services.search_index import newest_person, words_index_add
from tests.factories import (
    CurrentPersonFactory,
    GitHubSyncStatusFactory,
    MembershipVersionFactory,
    PersonVersionFactory,
    SnapshotFactory,
    SyncRunFactory,
)
from tests.views.conftest import HTMX

PAGE = "/enterprises/acme/licensing"
pytestmark = pytest.mark.django_db


def add_persons(snapshot: Snapshot, persons: Iterable[dict[str, Any]]) -> None:
    """Current persons in the ledger and in the search table: number, and key, kind or the like."""
    versions, current = [], []
    for fields in persons:
        number, kind = fields["number"], fields.get("kind", "cloud")
        key = fields.setdefault("key", f"person{number:06}")
        email = key if "@" in key else f"{key}@example.com"
        report = {
            "github_com_login": "" if kind == "server" else key,
            "github_com_name": f"Name {number}",
            "github_com_user": kind != "server",
            "github_com_verified_domain_emails": [email],
            "github_com_saml_name_id": email,
            "enterprise_server_user": kind != "cloud",
            "enterprise_server_primary_emails": [email],
            "enterprise_server_emails": [email],
        }
        versions.append(
            PersonVersionFactory.build(
                enterprise=snapshot.enterprise,
                number=number,
                key=key,
                cloud_key="" if kind == "server" else key,
                license_type=fields.get("license_type", "enterprise"),
                report=json.dumps(report),
                from_snapshot=snapshot.pk,
            )
        )
        current.append(
            CurrentPersonFactory.build(
                enterprise=snapshot.enterprise,
                words=f"{key}\n{email}\nghes1.example.com:{number}",
                public_words=f"ghes1.example.com:{number}" + ("" if "@" in key else f"\n{key}"),
                **fields,
            )
        )
    PersonVersion.objects.bulk_create(versions)
    newest = newest_person()
    CurrentPerson.objects.bulk_create(current)
    words_index_add(after=newest)


@pytest.fixture
def snapshot(acme: Enterprise) -> Snapshot:
    return SnapshotFactory(
        enterprise=acme,
        persons=120,
        anchors=pack_anchors([f"person{n:06}" for n in range(1, 121)]),
        github_total=150,
        github_purchased=140,
        totals={
            "server_only_persons": 4,
            "unread": {"ghes9.example.com": 12},
            "by_license_type": {"enterprise": 118, "visual_studio": 2},
        },
    )


@pytest.fixture
def persons(snapshot: Snapshot) -> Snapshot:
    add_persons(
        snapshot,
        [
            {
                "number": number,
                "kind": "server" if number % 10 == 0 else "cloud_and_server",
                "license_type": "visual_studio" if number <= 2 else "enterprise",
                "accounts": number % 3,
                "ambiguous": number == 7,
            }
            for number in range(1, 121)
        ],
    )
    return snapshot


class TestTheReport:
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
    @pytest.mark.parametrize("page", ["/enterprises/acme", PAGE, f"{PAGE}/persons/3"])
    def test_whoever_has_a_role_sees_it(
        self,
        cast: Callable[[str], Client],
        persons: Snapshot,
        who: str,
        status: int,
        page: str,
    ) -> None:
        assert cast(who).get(page).status_code == status

    @pytest.mark.parametrize("page", ["/enterprises/acme", PAGE])
    def test_without_a_count_it_says_what_to_do(self, owner: Client, page: str) -> None:
        assert "Nothing counted yet" in owner.get(page).content.decode()

    @pytest.mark.parametrize("page", ["/enterprises/acme", PAGE])
    def test_the_two_totals_stand_beside_each_other_and_are_not_mixed(
        self, owner: Client, snapshot: Snapshot, page: str
    ) -> None:
        html = owner.get(page).content.decode()
        assert "GitHub counts <strong>150</strong> of 140 purchased" in html
        assert "<strong>-10</strong> free" in html
        assert "This console finds <strong>120</strong> persons." in html
        assert "4 server-only persons may still be joined" in html
        assert "Without 12 accounts on ghes9.example.com, not read here." in html

    def test_without_githubs_number_it_says_so(self, owner: Client, snapshot: Snapshot) -> None:
        Snapshot.objects.update(github_total=None, github_purchased=None)
        assert "GitHub's count has not been read yet" in owner.get(PAGE).content.decode()

    def test_a_recount_that_is_pending_is_told_and_polled_until_done(
        self, owner: Client, snapshot: Snapshot
    ) -> None:
        Enterprise.objects.filter(slug="acme").update(data_version=2, counted_version=1)
        assert "Recount pending" in owner.get(PAGE).content.decode()
        assert owner.get("/enterprises/acme/recount", headers=HTMX).status_code == 200
        Enterprise.objects.filter(slug="acme").update(counted_version=2)
        response = owner.get("/enterprises/acme/recount", headers=HTMX)
        assert response.status_code == 286
        assert "Show the new count" in response.content.decode()

    def test_instances_show_githubs_event_and_ours(
        self, owner: Client, snapshot: Snapshot, instance: ServerInstance
    ) -> None:
        GitHubSyncStatusFactory(
            enterprise=instance.enterprise, host_name=instance.host_name, last_sync_at=None
        )
        html = owner.get(PAGE).content.decode()
        assert "GitHub Connect server usage never synced" in html
        assert "Never read by this console" in html

    def test_the_overview_says_what_needs_attention(
        self, owner: Client, snapshot: Snapshot, instance: ServerInstance
    ) -> None:
        instance.connect_enabled = instance.license_sync_enabled = True
        instance.save()
        SyncRunFactory(instance=instance, failed=True)
        html = owner.get("/enterprises/acme").content.decode()
        assert "10 licenses more are consumed than were purchased." in html
        assert "The server refused the token" in html


class TestThePersons:
    def test_pages_have_numbers_in_key_order(self, owner: Client, persons: Snapshot) -> None:
        first = owner.get(PAGE)
        assert first.context["pages"] == 3
        assert [line.number for line in first.context["lines_of_persons"]] == list(range(1, 51))
        last = owner.get(f"{PAGE}?page=3")
        assert [line.number for line in last.context["lines_of_persons"]] == list(range(101, 121))
        assert owner.get(f"{PAGE}?page=999999999999").context["page"] == 3
        assert owner.get(f"{PAGE}?page=-1").context["page"] == 1

    def test_filters_combine(self, owner: Client, persons: Snapshot) -> None:
        def found(query: str) -> int:
            total: int = owner.get(f"{PAGE}?{query}").context["found"]
            return total

        assert found("type=visual_studio") == 2
        assert found("kind=server") == 12
        assert found("kind=server&type=visual_studio") == 0
        assert found("ambiguous=1") == 1
        assert found("instance=ghes1.example.com") == 120
        assert found("q=person00001&kind=cloud_and_server") == 9
        assert found("q=PERSON000011%40example.com") == 1
        assert found("kind=nonsense") == 120

    def test_sorted_pages_go_on_and_back_from_a_person(
        self, owner: Client, persons: Snapshot
    ) -> None:
        first = owner.get(f"{PAGE}?sort=-accounts")
        numbers = [line.number for line in first.context["lines_of_persons"]]
        second = owner.get(PAGE + first.context["next_url"])
        assert not set(numbers) & {line.number for line in second.context["lines_of_persons"]}
        back = owner.get(PAGE + second.context["previous_url"])
        assert [line.number for line in back.context["lines_of_persons"]] == numbers

    @pytest.mark.parametrize("mark", ["after", "before"])
    def test_a_sorted_page_begins_anew_from_a_person_who_counts_no_more(
        self, owner: Client, persons: Snapshot, mark: str
    ) -> None:
        first = owner.get(f"{PAGE}?sort=-accounts").context["lines_of_persons"]
        assert owner.get(f"{PAGE}?sort=-accounts&{mark}=9999").context["lines_of_persons"] == first

    def test_by_htmx_only_the_table_comes_and_the_address_is_kept(
        self, owner: Client, persons: Snapshot
    ) -> None:
        response = owner.get(f"{PAGE}?q=person000011&type=&kind=", headers=HTMX)
        html = response.content.decode()
        assert "<html" not in html
        assert "person000011" in html
        assert response.headers["HX-Push-Url"] == f"{PAGE}?q=person000011"

    def test_who_finds_nobody_is_told_what_to_do(self, owner: Client, persons: Snapshot) -> None:
        assert "Nobody matches" in owner.get(f"{PAGE}?q=nobody").content.decode()

    def test_a_page_deep_in_the_list_costs_as_many_queries_as_the_first(
        self, owner: Client, persons: Snapshot
    ) -> None:
        def queries(query: str) -> int:
            with CaptureQueriesContext(connection) as captured:
                owner.get(PAGE + query)
            return len(captured)

        assert queries("") == queries("?page=3")
        assert queries("") <= 14
        assert queries("?q=person") <= queries("") + 3

    def test_odd_characters_in_a_search_do_no_harm(self, owner: Client, persons: Snapshot) -> None:
        for text in ("%00", "%25_%5C", "x" * 5000, "%F0%9F%92%A9"):
            assert owner.get(f"{PAGE}?q={text}").status_code == 200


class TestOnePerson:
    def test_it_says_in_one_sentence_why_and_the_rule_of_each_account(
        self, owner: Client, persons: Snapshot
    ) -> None:
        MembershipVersionFactory(
            enterprise=persons.enterprise,
            account="ghes1.example.com:3",
            number=3,
            rule=match.VERIFIED_EMAIL,
            value="person3@example.com",
            candidates=json.dumps(["person000003", "person000004"]),
            from_snapshot=persons.pk,
        )
        html = owner.get(f"{PAGE}/persons/3").content.decode()
        assert "Counts once: GitHub lists person000003 as consuming a license" in html
        assert "joins by the verified e-mail address person3@example.com" in html
        assert "Ambiguous" in html
        assert "person000004" in html

    def test_an_earlier_state_is_shown_as_of_its_snapshot(
        self, owner: Client, persons: Snapshot
    ) -> None:
        later = SnapshotFactory(enterprise=persons.enterprise, persons=119)
        number = 5
        PersonVersion.objects.filter(number=number).update(to_snapshot=later.pk)
        now = owner.get(f"{PAGE}/persons/{number}").content.decode()
        assert "did not consume a license then" in now
        then = owner.get(f"{PAGE}/persons/{number}?as_of={persons.pk}")
        assert "Counts once" in then.content.decode()

    @pytest.mark.parametrize(
        "url", ["/persons/999", "/persons/3?as_of=99999", "/persons/3?as_of=x"]
    )
    def test_what_does_not_exist_is_not_found(
        self, owner: Client, persons: Snapshot, url: str
    ) -> None:
        assert owner.get(PAGE + url).status_code == 404


class TestAnAuditor:
    """E-mails are masked wherever one may stand, and neither searched nor sorted by."""

    @pytest.fixture
    def email_person(self, persons: Snapshot) -> int:
        add_persons(persons, [{"number": 500, "key": "ada@example.com", "kind": "server"}])
        MembershipVersionFactory(
            enterprise=persons.enterprise,
            account="ghes1.example.com:500",
            number=500,
            rule=match.ALONE,
            value="ada@example.com",
            candidates=json.dumps(["eve@example.com", "ada@example.com"]),
            from_snapshot=persons.pk,
        )
        return 500

    def test_sees_no_address_on_any_page(self, auditor: Client, email_person: int) -> None:
        pages = [PAGE, f"{PAGE}?kind=server", f"{PAGE}?sort=accounts"]
        for url in [*pages, f"{PAGE}/persons/{email_person}", f"{PAGE}/persons/3"]:
            html = auditor.get(url).content.decode()
            assert "ada@example.com" not in html, url
            assert "eve@example.com" not in html, url
            assert "person000003@example.com" not in html, url
        assert "a•••@example.com" in auditor.get(f"{PAGE}/persons/500").content.decode()

    def test_finds_nobody_by_an_address(self, auditor: Client, email_person: int) -> None:
        assert auditor.get(f"{PAGE}?q=ada").context["found"] == 0
        assert auditor.get(f"{PAGE}?q=person000003").context["found"] == 1

    def test_cannot_sort_by_what_may_be_an_address(
        self, auditor: Client, persons: Snapshot
    ) -> None:
        response = auditor.get(f"{PAGE}?sort=-key")
        assert response.context["query"].sort == "key"
        assert 'href="?sort=-key"' not in response.content.decode()

    def test_no_link_holds_an_address(self, owner: Client, email_person: int) -> None:
        import re

        html = owner.get(f"{PAGE}?kind=server").content.decode()
        assert not re.findall(r'(?:href|hx-get)="[^"]*(?:@|%40)[^"]*"', html)


class TestMeteredBilling:
    def test_persons_billable_this_cycle_stand_for_purchased(
        self, owner: Client, snapshot: Snapshot
    ) -> None:
        Enterprise.objects.filter(slug="acme").update(billing_model="metered")
        html = owner.get(PAGE).content.decode()
        assert "GitHub counts <strong>150</strong> persons billable this cycle" in html
        assert "purchased" not in html
