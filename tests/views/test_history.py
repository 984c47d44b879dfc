"""The history, what changed between two snapshots, and the report as of then."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enterprise.models import Enterprise, ServerInstance, Snapshot
from enterprise.selectors.history import PAGE
from enterprise.views.trend import trend_of
from tests.factories import SnapshotFactory, ago
from tests.reports.ledger import member, members
from tests.views.counted import account, count, move, table, text_of

LICENSING = "/enterprises/acme/licensing"
HISTORY = f"{LICENSING}/history"
COMPARE = f"{LICENSING}/compare"
pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(acme: Enterprise, read_instance: ServerInstance) -> tuple[Snapshot, Snapshot]:
    """Two counts with a person of each kind of change between them, and one who stays."""
    stays = member("stays")
    leaver = account(read_instance, 1, "leaver@corp.example")
    finds = account(read_instance, 2, "unknown@corp.example")
    parts = account(read_instance, 3, "parts@example.com")
    rows = [stays, member("parts"), member("finds"), member("renamed", name="Old Name")]
    older = count(acme, rows)
    leaver.delete()
    move(finds, "finds@example.com")
    move(parts, "alone@corp.example")
    account(read_instance, 4, "newcomer@corp.example")
    rows[-1] = member("renamed", name="New Name")
    return older, count(acme, rows)


class TestTheHistory:
    def test_lists_the_counts_newest_first_with_the_change_and_github_beside(
        self, owner: Client, acme: Enterprise
    ) -> None:
        count(acme, members(3))
        count(acme, members(5), states=9)
        text = text_of(owner.get(HISTORY))
        table = text[text.index("Difference from GitHub's list") :]
        assert re.search(r"UTC Highest 5 \+2 What changed 0 9 .* UTC 3 — 0 3", table)

    def test_names_the_high_water_mark_and_its_date(self, owner: Client, acme: Enterprise) -> None:
        highest = count(acme, members(5))
        count(acme, members(2))
        response = owner.get(HISTORY)
        assert response.context["highest"] == highest
        assert f"?as_of={highest.pk}" in response.content.decode()
        assert "High-water mark 5" in text_of(response)

    def test_goes_back_page_by_page_without_losing_a_change(
        self, owner: Client, acme: Enterprise
    ) -> None:
        for persons in range(PAGE + 2):
            SnapshotFactory(enterprise=acme, persons=persons, taken_at=ago(days=100 - persons))
        first = owner.get(HISTORY)
        assert [line.change for line in first.context["lines"]] == [1] * PAGE
        second = owner.get(HISTORY + first.context["next_url"])
        assert [line.change for line in second.context["lines"]] == [1, None]
        assert second.context["next_url"] is None

    def test_costs_as_many_queries_for_fifty_counts_as_for_two(
        self, owner: Client, acme: Enterprise
    ) -> None:
        SnapshotFactory.create_batch(2, enterprise=acme)
        with CaptureQueriesContext(connection) as few:
            owner.get(HISTORY)
        SnapshotFactory.create_batch(48, enterprise=acme)
        with CaptureQueriesContext(connection) as many:
            owner.get(HISTORY)
        assert len(many) == len(few)

    def test_shows_the_causes_kept_with_an_earlier_count(
        self, owner: Client, pair: tuple[Snapshot, Snapshot]
    ) -> None:
        older, _newer = pair
        assert f"{LICENSING}/difference?as_of={older.pk}" in owner.get(HISTORY).content.decode()

    def test_says_so_before_the_first_count(self, owner: Client) -> None:
        assert "Nothing counted yet" in text_of(owner.get(HISTORY))

    @pytest.mark.parametrize("who", ["billing_manager", "auditor"])
    def test_is_for_every_role(self, cast: Callable[[str], Client], who: str) -> None:
        assert cast(who).get(HISTORY).status_code == 200

    def test_is_nobody_elses(self, stranger: Client) -> None:
        assert [stranger.get(page).status_code for page in (HISTORY, COMPARE)] == [404, 404]


class TestTheTrend:
    def test_holds_each_count_until_the_next(self) -> None:
        days = [(10, None), (20, None), (20, None)]
        trend = trend_of(_snapshots(days))
        assert trend is not None
        assert trend.ours == "M0.0 200.0H500.0V0.0H1000.0V0.0"
        assert trend.github == ""
        assert trend.scale == [20, 15, 10]

    def test_has_a_gap_where_github_was_not_read(self) -> None:
        trend = trend_of(_snapshots([(10, 10), (10, None), (10, 10), (10, 10)]))
        assert trend is not None
        assert trend.github.count("M") == 2

    @pytest.mark.parametrize(
        "counts", [(0, 0), (7, 7), (0, 1), (0, 1_000_000), (83, 138), (99, 101)]
    )
    def test_encloses_the_counts_in_at_most_six_round_numbers(
        self, counts: tuple[int, int]
    ) -> None:
        trend = trend_of(_snapshots([(persons, None) for persons in counts]))
        assert trend is not None
        assert trend.scale[0] >= max(counts)
        assert trend.scale[-1] <= min(counts)
        assert 2 <= len(trend.scale) <= 6

    def test_needs_two_counts(self) -> None:
        assert trend_of(_snapshots([(10, None)])) is None


def _snapshots(counts: list[tuple[int, int | None]]) -> list[Snapshot]:
    start = ago(days=len(counts))
    step = (ago(days=0) - start) / len(counts)
    return [
        SnapshotFactory.build(
            enterprise=None, taken_at=start + step * day, persons=persons, github_total=total
        )
        for day, (persons, total) in enumerate(counts)
    ]


class TestWhatChanged:
    def test_is_counted_by_kind(self, owner: Client, pair: tuple[Snapshot, Snapshot]) -> None:
        kinds = owner.get(COMPARE).context["kinds"]
        assert {name: persons for name, _label, _meaning, persons in kinds} == {
            "joined": 1,
            "left": 1,
            "matched": 1,
            "split": 1,
            "moved": 0,
            "changed": 2,
        }

    @pytest.mark.parametrize(
        ("kind", "key", "words"),
        [
            ("joined", "newcomer@corp.example", "+ ghes1.example.com:4"),
            ("left", "leaver@corp.example", "− ghes1.example.com:1 (no longer)"),
            ("matched", "finds", "+ ghes1.example.com:2 ( of person"),
            ("split", "alone@corp.example", "+ ghes1.example.com:3 ( of person"),
            ("changed", "renamed", "Name: Old Name → New Name"),
        ],
    )
    def test_is_told_of_each_person(
        self, owner: Client, pair: tuple[Snapshot, Snapshot], kind: str, key: str, words: str
    ) -> None:
        response = owner.get(f"{COMPARE}?what={kind}")
        assert key in [person.line.key for person in response.context["persons"]]
        assert words in text_of(response)

    def test_links_to_each_person_as_of_when_they_were_there(
        self, owner: Client, pair: tuple[Snapshot, Snapshot]
    ) -> None:
        older, newer = pair
        for kind, snapshot in (("left", older), ("joined", newer)):
            response = owner.get(f"{COMPARE}?what={kind}")
            [person] = response.context["persons"]
            url = f"{LICENSING}/persons/{person.number}?as_of={snapshot.pk}"
            assert url in response.content.decode()
            assert person.line.key in text_of(owner.get(url))

    def test_does_not_depend_on_the_order_in_which_the_two_are_named(
        self, owner: Client, pair: tuple[Snapshot, Snapshot]
    ) -> None:
        older, newer = pair
        response = owner.get(f"{COMPARE}?from={newer.pk}&to={older.pk}")
        assert (response.context["older"], response.context["newer"]) == (older, newer)

    def test_is_listed_a_hundred_at_a_time(self, owner: Client, acme: Enterprise) -> None:
        count(acme, members(1))
        count(acme, members(206))
        keys = []
        query = "?what=joined"
        while query:
            response = owner.get(COMPARE + query)
            keys += [person.line.key for person in response.context["persons"]]
            query = response.context["next_url"]
        assert keys == [f"person{n:05}" for n in range(1, 206)]

    def test_costs_as_many_queries_for_many_persons_as_for_one(
        self, owner: Client, acme: Enterprise
    ) -> None:
        count(acme, members(1))
        count(acme, members(2))
        with CaptureQueriesContext(connection) as few:
            owner.get(COMPARE)
        count(acme, members(80))
        with CaptureQueriesContext(connection) as many:
            owner.get(COMPARE)
        assert len(many) == len(few)

    def test_is_nothing_with_less_than_two_counts(self, owner: Client, acme: Enterprise) -> None:
        count(acme, members(1))
        assert "Nothing to compare yet" in text_of(owner.get(COMPARE))
        assert owner.get(f"{COMPARE}.csv").status_code == 404

    @pytest.mark.parametrize("asked", ["0", "999999", "x", "", "-1"])
    def test_refuses_a_count_that_there_is_not(
        self, owner: Client, pair: tuple[Snapshot, Snapshot], asked: str
    ) -> None:
        assert owner.get(f"{COMPARE}?from={asked}").status_code == 404

    def test_refuses_a_count_of_another_enterprise(
        self, owner: Client, pair: tuple[Snapshot, Snapshot]
    ) -> None:
        assert owner.get(f"{COMPARE}?from={SnapshotFactory().pk}").status_code == 404

    def test_shows_an_auditor_no_address(
        self, auditor: Client, pair: tuple[Snapshot, Snapshot]
    ) -> None:
        for kind in ("joined", "left", "matched", "split", "changed"):
            text = text_of(auditor.get(f"{COMPARE}?what={kind}"))
            assert not re.search(r"\w@\w", text), kind
        assert "n•••@corp.example" in text_of(auditor.get(f"{COMPARE}?what=joined"))


class TestTheFileOfChanges:
    def test_has_a_line_for_each_person(
        self, owner: Client, pair: tuple[Snapshot, Snapshot]
    ) -> None:
        older, newer = pair
        response = owner.get(f"{COMPARE}.csv?from={older.pk}&to={newer.pk}")
        head, *rows = table(response)
        assert head[:3] == ["Change", "Person", "Key"]
        kinds = ["joined", "left", "matched", "split", "changed", "changed"]
        assert [row[0] for row in rows] == kinds
        matched = dict(zip(head, rows[2], strict=True))
        assert matched["Key"] == "finds"
        assert matched["Server accounts before"] == ""
        assert matched["Server accounts after"] == "ghes1.example.com:2"
        assert f"changes-{older.pk}-{newer.pk}-acme-" in response["Content-Disposition"]

    def test_is_masked_for_an_auditor(
        self, auditor: Client, pair: tuple[Snapshot, Snapshot]
    ) -> None:
        for row in table(auditor.get(f"{COMPARE}.csv")):
            assert not re.search(r"\w@\w", " ".join(row))

    def test_holds_no_formula(
        self, owner: Client, acme: Enterprise, read_instance: ServerInstance
    ) -> None:
        count(acme, members(1))
        account(read_instance, 1, "=1+1@example.com")
        count(acme, members(1))
        [row] = table(owner.get(f"{COMPARE}.csv"))[1:]
        assert row[2] == "'=1+1@example.com"


class TestTheReportAsOfThen:
    def test_shows_who_consumed_a_license_then(
        self, owner: Client, pair: tuple[Snapshot, Snapshot]
    ) -> None:
        older, newer = pair
        then = text_of(owner.get(f"{LICENSING}?as_of={older.pk}"))
        assert "leaver@corp.example" in then
        assert "newcomer@corp.example" not in then
        assert "Back to now" in then
        assert "newcomer@corp.example" in text_of(owner.get(f"{LICENSING}?as_of={newer.pk}"))

    def test_leads_on_to_persons_and_files_as_of_then(
        self, owner: Client, pair: tuple[Snapshot, Snapshot]
    ) -> None:
        older, _newer = pair
        page = owner.get(f"{LICENSING}?as_of={older.pk}").content.decode()
        assert f"{LICENSING}.csv?as_of={older.pk}" in page
        persons = re.findall(rf"{LICENSING}/persons/\d+(\S*)\"", page)
        assert persons
        assert set(persons) == {f"?as_of={older.pk}"}

    def test_has_all_its_pages(self, owner: Client, acme: Enterprise) -> None:
        older = count(acme, members(120))
        count(acme, members(3))
        first = owner.get(f"{LICENSING}?as_of={older.pk}")
        assert first.context["pages"] == 3
        last = owner.get(LICENSING + first.context["last_url"])
        assert [line.key for line in last.context["lines_of_persons"]][-1] == "person00119"

    def test_is_masked_for_an_auditor(
        self, auditor: Client, pair: tuple[Snapshot, Snapshot]
    ) -> None:
        text = text_of(auditor.get(f"{LICENSING}?as_of={pair[0].pk}"))
        assert "l•••@corp.example" in text
        assert not re.search(r"\w@\w", text)

    @pytest.mark.parametrize("asked", ["0", "999999", "x", ""])
    def test_refuses_a_count_that_there_is_not(
        self, owner: Client, pair: tuple[Snapshot, Snapshot], asked: str
    ) -> None:
        assert owner.get(f"{LICENSING}?as_of={asked}").status_code == 404
