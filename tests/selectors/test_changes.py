"""What changed between two counts: who moved between instances, and the counts for a digest."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from enterprise.models import Enterprise, ServerInstance, Snapshot
from enterprise.selectors.changes import (
    KINDS,
    Changes,
    changes_between,
    changes_counted,
    person_changes,
)
from tests.factories import EnterpriseFactory, ServerInstanceFactory, ago
from tests.reports.ledger import member
from tests.views.counted import account, count

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(db: None) -> Enterprise:
    return EnterpriseFactory(slug="acme")


@pytest.fixture
def here(acme: Enterprise) -> ServerInstance:
    return ServerInstanceFactory(enterprise=acme, host_name="here.example.com", synced=True)


@pytest.fixture
def there(acme: Enterprise) -> ServerInstance:
    return ServerInstanceFactory(enterprise=acme, host_name="there.example.com", synced=True)


def told(changes: Changes) -> dict[str, int]:
    return {kind: number for kind, number in changes.counts().items() if number}


def test_somebody_with_a_cloud_account_moved_if_an_account_went_here_and_came_there(
    acme: Enterprise, here: ServerInstance, there: ServerInstance
) -> None:
    old = account(here, 1, "mona@example.com")
    older = count(acme, [member("mona")])
    old.delete()
    account(there, 9, "mona@example.com")
    assert told(changes_between(older, count(acme, [member("mona")]))) == {"moved": 1}


def test_somebody_without_one_moved_if_the_email_is_the_same_though_the_number_is_new(
    acme: Enterprise, here: ServerInstance, there: ServerInstance
) -> None:
    old = account(here, 1, "lone@example.com")
    older = count(acme, [])
    old.delete()
    account(there, 9, "lone@example.com")
    newer = count(acme, [])
    changes = changes_between(older, newer)
    assert told(changes) == {"moved": 1}
    [person] = person_changes(older, newer, changes.moved, masked=False, former=changes.former)
    assert person.went == ["here.example.com:1"]
    assert [came.account for came in person.came] == ["there.example.com:9"]
    assert person.before is not None
    assert person.before.number != person.number


def test_a_second_instance_is_no_move_nor_is_another_account_on_the_same_one(
    acme: Enterprise, here: ServerInstance, there: ServerInstance
) -> None:
    account(here, 1, "mona@example.com")
    renewed = account(here, 2, "hubot@example.com")
    rows = [member("mona"), member("hubot")]
    older = count(acme, rows)
    account(there, 9, "mona@example.com")
    renewed.delete()
    account(here, 3, "hubot@example.com")
    assert told(changes_between(older, count(acme, rows))) == {"changed": 2}


def test_one_who_leaves_here_and_another_who_comes_there_did_not_move(
    acme: Enterprise, here: ServerInstance, there: ServerInstance
) -> None:
    old = account(here, 1, "one@example.com")
    older = count(acme, [])
    old.delete()
    account(there, 1, "other@example.com")
    assert told(changes_between(older, count(acme, []))) == {"joined": 1, "left": 1}


def test_two_without_an_email_are_never_taken_for_one(
    acme: Enterprise, here: ServerInstance, there: ServerInstance
) -> None:
    old = account(here, 1, "")
    older = count(acme, [])
    old.delete()
    account(there, 1, "")
    assert told(changes_between(older, count(acme, []))) == {"joined": 1, "left": 1}


def test_the_counts_between_two_moments_are_those_of_the_counts_as_they_were_then(
    acme: Enterprise, here: ServerInstance
) -> None:
    first = count(acme, [member("mona")])
    Snapshot.objects.filter(pk=first.pk).update(taken_at=ago(days=9))
    second = count(acme, [member("mona"), member("hubot")])
    Snapshot.objects.filter(pk=second.pk).update(taken_at=ago(days=4))
    count(acme, [member("hubot")])
    now = timezone.now()

    def joined_and_left(since: dt.datetime, until: dt.datetime) -> tuple[int, int]:
        counts = changes_counted(acme, since=since, until=until)
        assert tuple(counts) == KINDS
        return counts["joined"], counts["left"]

    assert joined_and_left(ago(days=7), now) == (1, 1)
    assert joined_and_left(ago(days=7), ago(days=3)) == (1, 0)
    assert joined_and_left(ago(days=900), ago(days=3)) == (1, 0)
    assert joined_and_left(ago(days=3), ago(days=2)) == (0, 0)


def test_before_any_count_nothing_changed(acme: Enterprise) -> None:
    counts = changes_counted(acme, since=ago(days=7), until=timezone.now())
    assert set(counts.values()) == {0}


def test_who_takes_over_the_only_account_of_one_who_goes_is_matched_with_them(
    acme: Enterprise, here: ServerInstance
) -> None:
    """A cloud row that is back gets its old number, and the account of the person it was meanwhile."""
    count(acme, [member("mona")])
    gone = count(acme, [])
    account(here, 7, "mona@example.com")
    alone = count(acme, [])
    back = count(acme, [member("mona", verified_emails=("mona@example.com",))])
    assert gone.persons == 0
    assert told(changes_between(alone, back)) == {"matched": 1}
