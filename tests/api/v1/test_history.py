"""Snapshots, and what changed between two of them."""

from __future__ import annotations

import datetime as dt

import pytest

from enterprise.api.v1_history import WHATS
from enterprise.models import Enterprise, ServerInstance, ServerUserAccount, Snapshot
from enterprise.selectors.changes import KINDS, Changes
from tests.api.conftest import links
from tests.api.v1.conftest import HOST, V1, problem
from tests.factories import SnapshotFactory, ago
from tests.reports.ledger import member
from tests.views.counted import count, move

pytestmark = pytest.mark.django_db


@pytest.fixture
def moved(enterprise: Enterprise, instance: ServerInstance, counted: Snapshot) -> Snapshot:
    """Hubot leaves, Octocat comes, and the lone account joins Mona."""
    move(ServerUserAccount.objects.get(user_id=2), "mona@example.com")
    return count(enterprise, [member("mona"), member("octocat")])


def test_snapshots_come_newest_first_with_their_change(
    reader: V1, counted: Snapshot, moved: Snapshot
) -> None:
    newest, oldest = reader.read("/snapshots")["items"]
    assert (newest["id"], newest["persons"], newest["change"]) == (moved.pk, 2, -1)
    assert (oldest["id"], oldest["persons"], oldest["change"]) == (counted.pk, 3, None)
    assert reader.read(f"/snapshots/{moved.pk}") == newest
    assert reader.get(f"{reader.start}/snapshots/{moved.pk + 1}").status_code == 404


def test_the_history_goes_on(reader: V1, enterprise: Enterprise) -> None:
    made = [each.pk for each in SnapshotFactory.create_batch(60, enterprise=enterprise)]
    response = reader.get(f"{reader.start}/snapshots")
    rest = reader.get(links(response)["next"])
    shown = [each["id"] for page in (response, rest) for each in page.json()["items"]]
    assert shown == made[::-1]
    assert "next" not in links(rest)


def test_changes_are_between_the_last_two_counts_unless_asked_otherwise(
    reader: V1, counted: Snapshot, moved: Snapshot
) -> None:
    changes = reader.read("/changes")
    assert (changes["older"]["id"], changes["newer"]["id"]) == (counted.pk, moved.pk)
    assert changes["counts"] == {
        "joined": 1,
        "left": 1,
        "matched": 1,
        "split": 0,
        "moved": 0,
        "changed": 0,
    }
    joined, left, matched = changes["items"]
    assert (joined["before"], joined["after"]["key"]) == (None, "octocat")
    assert (left["before"]["key"], left["after"]) == ("hubot", None)
    assert [came["account"] for came in matched["came"]] == [f"{HOST}:2"]
    assert matched["came"][0]["person"] is not None


def test_changes_can_be_asked_for_by_kind_page_and_either_order(
    reader: V1, counted: Snapshot, moved: Snapshot
) -> None:
    only = reader.read("/changes", **{"from": moved.pk, "to": counted.pk, "what": "left"})
    assert [item["what"] for item in only["items"]] == ["left"]
    assert only["total"] == 1
    response = reader.get(f"{reader.start}/changes", {"per_page": 2})
    assert f"from={counted.pk}&to={moved.pk}&page=2" in links(response)["next"]
    assert [item["what"] for item in reader.get(links(response)["next"]).json()["items"]] == [
        "matched"
    ]


def test_changes_since_a_time_are_from_the_count_as_it_was_then(
    reader: V1, enterprise: Enterprise, counted: Snapshot, moved: Snapshot
) -> None:
    start = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    Snapshot.objects.filter(pk=counted.pk).update(taken_at=start)
    Snapshot.objects.filter(pk=moved.pk).update(taken_at=start + dt.timedelta(days=7))
    changes = reader.read("/changes", since="2026-03-07T23:59:59+01:00")
    assert changes["older"]["id"] == counted.pk
    nothing = reader.read("/changes", since="2026-03-09T00:00:00Z")
    assert nothing["total"] == 0
    early = reader.get(f"{reader.start}/changes", {"since": "2026-02-01T00:00:00Z"})
    assert problem(early) == (422, "before_history")
    both = reader.get(f"{reader.start}/changes", {"since": "2026-03-07T00:00:00Z", "from": 1})
    assert problem(both) == (422, "from_and_since")


@pytest.mark.parametrize("since", ["yesterday", "2026-03-01T00:00:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_without_its_zone_or_before_all_time_is_refused(
    reader: V1, counted: Snapshot, since: str
) -> None:
    response = reader.get(f"{reader.start}/changes", {"since": since})
    assert problem(response) == (422, "invalid_parameters")


def test_one_count_has_nothing_to_compare_with(reader: V1, counted: Snapshot) -> None:
    assert problem(reader.get(f"{reader.start}/changes")) == (409, "nothing_to_compare")


def test_what_differs_in_a_row_is_told_by_its_name(
    reader: V1, enterprise: Enterprise, counted: Snapshot
) -> None:
    count(enterprise, [member("mona", name="Mona Lisa"), member("hubot")])
    (change,) = reader.read("/changes")["items"]
    assert change["what"] == "changed"
    assert change["facts"] == [{"name": "github_com_name", "before": "Mona", "after": "Mona Lisa"}]


def test_the_parts_of_a_change_are_those_of_the_selector() -> None:
    assert WHATS == KINDS
    assert set(KINDS) == {*Changes._fields} - {"former"}


def test_snapshots_since_a_time_still_tell_what_changed(reader: V1, enterprise: Enterprise) -> None:
    for n, days in enumerate((9, 5, 1)):
        SnapshotFactory(enterprise=enterprise, persons=10 + n, taken_at=ago(days=days))
    since = ago(days=6).isoformat()
    shown = reader.read("/snapshots", since=since)["items"]
    assert [(each["persons"], each["change"]) for each in shown] == [(12, 1), (11, 1)]


@pytest.mark.parametrize("number", ["0", "0.5", "-1", "1700000000"])
def test_a_time_is_no_number_of_seconds(reader: V1, counted: Snapshot, number: str) -> None:
    response = reader.get(f"{reader.start}/snapshots", {"since": number})
    assert response.status_code == 422
