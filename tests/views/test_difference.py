"""GitHub's number beside ours: an equation that adds up, and who is behind each line of it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enterprise import wording
from enterprise.counting.compare import CATEGORIES
from enterprise.models import DifferenceComponent, Enterprise, ServerInstance, Snapshot
from enterprise.selectors.difference import PAGE, SHOWN
from enterprise.selectors.walks import ReplacedError
from tests.factories import GitHubSyncStatusFactory, SnapshotFactory, ago
from tests.reports.ledger import member
from tests.views.counted import account, count, table, text_of

DIFFERENCE = "/enterprises/acme/licensing/difference"
pytestmark = pytest.mark.django_db


def server_only(*refs: str) -> object:
    """A row in which GitHub lists accounts of servers, and no cloud account."""
    return member(
        "", name="", cloud_user=False, server_user=True, server_user_ids=refs, verified_emails=()
    )


@pytest.fixture
def snapshot(acme: Enterprise, read_instance: ServerInstance) -> Snapshot:
    """One account gone that GitHub still lists, one of an unknown instance, a new one, a subscriber."""
    GitHubSyncStatusFactory(
        enterprise=acme, host_name=read_instance.host_name, last_sync_at=ago(days=1)
    )
    account(read_instance, 1, "new@corp.example")
    rows = [
        member("mona"),
        server_only("ghes1.example.com:9"),
        server_only("ghes9.example.com:1"),
        member(
            "",
            name="",
            cloud_user=False,
            verified_emails=(),
            visual_studio_user=True,
            visual_studio_status="Unmatched",
            visual_studio_email="reader@corp.example",
        ),
    ]
    return count(acme, rows, states=6)


def count_again(enterprise: Enterprise) -> None:
    """As after a recount whose comparison is still to come."""
    Enterprise.objects.filter(pk=enterprise.pk).update(counted_version=F("compared_version") + 1)


class TestTheEquation:
    def test_adds_up_line_by_line(self, owner: Client, snapshot: Snapshot) -> None:
        text = text_of(owner.get(DIFFERENCE))
        for line in (
            "GitHub states 6",
            "Stated but not listed −2",
            "= GitHub lists 4",
            "On an instance not read here −1",
            "New since GitHub's last sync +1",
            "Suspended, excluded or gone since −1",
            "Subscriber not linked −1",
            "= This console finds 2",
            "Together the causes make −2.",
        ):
            assert line in text
        totals = owner.get(DIFFERENCE).context["totals"]
        assert totals.stated + totals.not_listed == totals.listed
        assert totals.listed + sum(totals.by_category.values()) == totals.ours

    def test_says_of_every_cause_what_it_means_and_what_to_do(
        self, owner: Client, snapshot: Snapshot
    ) -> None:
        assert tuple(wording.CAUSES) == CATEGORIES
        for code, cause in wording.CAUSES.items():
            text = owner.get(f"{DIFFERENCE}?category={code}").context["cause"]
            assert text == cause
            assert cause.meaning
            assert cause.advice

    def test_is_kept_of_an_earlier_count_without_who_is_behind_it(
        self, owner: Client, acme: Enterprise, snapshot: Snapshot
    ) -> None:
        count(acme, [member("mona")])
        response = owner.get(f"{DIFFERENCE}?as_of={snapshot.pk}")
        text = text_of(response)
        assert "= This console finds 2" in text
        assert "Of an earlier count only the totals are kept" in text
        assert "components" not in response.context
        assert "= This console finds 2" in text_of(owner.get(DIFFERENCE))

    def test_says_that_a_newer_count_is_not_compared_yet(
        self, owner: Client, acme: Enterprise, snapshot: Snapshot
    ) -> None:
        SnapshotFactory(enterprise=acme, persons=9)
        count_again(acme)
        text = text_of(owner.get(DIFFERENCE))
        assert "Comparison pending" in text
        assert "= This console finds 2" in text

    def test_says_that_nothing_is_compared_yet(self, owner: Client, acme: Enterprise) -> None:
        assert "Nothing to compare yet" in text_of(owner.get(DIFFERENCE))
        SnapshotFactory(enterprise=acme)
        count_again(acme)
        assert "Comparison pending" in text_of(owner.get(DIFFERENCE))
        assert owner.get(f"{DIFFERENCE}.csv").status_code == 404

    @pytest.mark.parametrize("asked", ["0", "999999", "x", ""])
    def test_refuses_a_count_that_there_is_not(
        self, owner: Client, snapshot: Snapshot, asked: str
    ) -> None:
        assert owner.get(f"{DIFFERENCE}?as_of={asked}").status_code == 404

    @pytest.mark.parametrize(
        ("who", "status"), [("billing_manager", 200), ("auditor", 200), ("stranger", 404)]
    )
    def test_is_for_every_role_and_nobody_else(
        self, cast: Callable[[str], Client], snapshot: Snapshot, who: str, status: int
    ) -> None:
        client = cast(who)
        assert client.get(DIFFERENCE).status_code == status
        assert client.get(f"{DIFFERENCE}.csv").status_code == status


class TestWhoIsBehindIt:
    @pytest.mark.parametrize(
        ("category", "words"),
        [
            ("not_read", "−1 Nobody ghes9.example.com:1 Server only"),
            ("new", "+1 new@corp.example None"),
            ("gone", "−1 Nobody ghes1.example.com:9 Server only"),
            ("subscriber", "−1 Nobody reader@corp.example Visual Studio subscriber"),
        ],
    )
    def test_is_listed_by_cause(
        self, owner: Client, snapshot: Snapshot, category: str, words: str
    ) -> None:
        assert words in text_of(owner.get(f"{DIFFERENCE}?category={category}"))

    def test_persons_lead_to_their_page_as_of_that_count(
        self, owner: Client, snapshot: Snapshot
    ) -> None:
        response = owner.get(f"{DIFFERENCE}?category=new")
        [component] = response.context["components"]
        [person] = component.persons
        url = f"/enterprises/acme/licensing/persons/{person.number}?as_of={snapshot.pk}"
        assert url in response.content.decode()

    def test_an_auditor_sees_no_address(self, auditor: Client, snapshot: Snapshot) -> None:
        pages = [text_of(auditor.get(f"{DIFFERENCE}?category={code}")) for code in CATEGORIES]
        rows = [" ".join(row) for row in table(auditor.get(f"{DIFFERENCE}.csv"))]
        assert not [text for text in [*pages, *rows] if re.search(r"\w@\w", text)]
        assert any("r•••@corp.example" in text for text in pages)
        assert any("n•••@corp.example" in text for text in rows)

    def test_is_listed_page_by_page(
        self, owner: Client, acme: Enterprise, snapshot: Snapshot
    ) -> None:
        DifferenceComponent.objects.bulk_create(
            DifferenceComponent(enterprise=acme, category="other", change=-1, rows=[f"row{n}"])
            for n in range(PAGE + 3)
        )
        names = []
        query = "?category=other"
        while query:
            response = owner.get(DIFFERENCE + query)
            names += [line.rows[0].name for line in response.context["components"]]
            query = response.context["next_url"]
        assert names == [f"row{n}" for n in range(PAGE + 3)]

    def test_a_large_component_shows_its_first_and_how_many_more(
        self, owner: Client, acme: Enterprise, snapshot: Snapshot
    ) -> None:
        rows = [f"row{n}" for n in range(SHOWN + 5)]
        DifferenceComponent.objects.create(
            enterprise=acme, category="other", change=-len(rows), rows=rows
        )
        text = text_of(owner.get(f"{DIFFERENCE}?category=other"))
        assert f"row{SHOWN - 1} No longer listed" in text
        assert f"row{SHOWN} " not in text
        assert "and 5 more persons and rows" in text

    def test_costs_as_many_queries_for_fifty_components_as_for_one(
        self, owner: Client, acme: Enterprise, snapshot: Snapshot
    ) -> None:
        def components(number: int) -> None:
            DifferenceComponent.objects.bulk_create(
                DifferenceComponent(
                    enterprise=acme, category="other", change=0, persons=[1], rows=["mona"]
                )
                for _ in range(number)
            )

        components(1)
        with CaptureQueriesContext(connection) as few:
            owner.get(f"{DIFFERENCE}?category=other")
        components(49)
        with CaptureQueriesContext(connection) as many:
            owner.get(f"{DIFFERENCE}?category=other")
        assert len(many) == len(few)


class TestTheFile:
    def test_has_a_line_for_each_person_and_row(self, owner: Client, snapshot: Snapshot) -> None:
        head, *rows = table(owner.get(f"{DIFFERENCE}.csv"))
        assert head[1:] == ["Category", "Change", "Person", "Key", "GitHub row", "GitHub row kind"]
        assert sorted((row[1], row[2], *row[4:]) for row in rows) == [
            ("gone", "-1", "", "ghes1.example.com:9", "server_only"),
            ("new", "1", "new@corp.example", "", ""),
            ("not_read", "-1", "", "ghes9.example.com:1", "server_only"),
            ("subscriber", "-1", "", "reader@corp.example", "subscriber"),
        ]

    def test_says_at_its_end_that_the_count_was_compared_anew_meanwhile(
        self, owner: Client, acme: Enterprise, snapshot: Snapshot
    ) -> None:
        response = owner.get(f"{DIFFERENCE}.csv")
        Enterprise.objects.filter(pk=acme.pk).update(compared_version=F("compared_version") + 1)
        chunks: list[bytes] = []
        with pytest.raises(ReplacedError):
            chunks.extend(response.streaming_content)
        assert "INCOMPLETE" in chunks[-1].decode()

    def test_walks_page_by_page(self, owner: Client, acme: Enterprise, snapshot: Snapshot) -> None:
        DifferenceComponent.objects.bulk_create(
            DifferenceComponent(enterprise=acme, category="other", change=-1, rows=[f"row{n}"])
            for n in range(PAGE * 2)
        )
        rows = table(owner.get(f"{DIFFERENCE}.csv"))[1:]
        assert [row[5] for row in rows if row[1] == "other"] == [f"row{n}" for n in range(PAGE * 2)]
