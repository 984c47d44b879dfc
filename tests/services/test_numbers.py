"""A person's number carries identity over time (domain.md section 3, rule 6)."""

from __future__ import annotations

import pytest

from tests.services.applied import Applied

pytestmark = pytest.mark.django_db

SECOND = "ghes2.example.com"


@pytest.fixture
def applied() -> Applied:
    return Applied()


def test_numbers_are_given_in_key_order_from_one(applied: Applied) -> None:
    for user_id, name in enumerate(["cora", "ann", "bob"]):
        applied.account(user_id, f"{name}@example.com")
    applied.recount()
    assert applied.persons() == {
        "ann@example.com": 1,
        "bob@example.com": 2,
        "cora@example.com": 3,
    }


def test_a_person_without_a_cloud_account_keeps_the_number_under_another_email(
    applied: Applied,
) -> None:
    applied.account(1, "ann@example.com")
    applied.account(2, "bob@example.com")
    applied.recount()
    applied.account(1, "zoe@example.com")
    applied.recount()
    assert applied.persons() == {"bob@example.com": 2, "zoe@example.com": 1}


def test_a_person_keeps_the_number_while_one_account_is_left(applied: Applied) -> None:
    applied.instance(SECOND)
    applied.account(1, "ann@example.com")
    applied.account(1, "ann@example.com", host=SECOND)
    applied.recount()
    applied.account_gone(1)
    applied.account(1, "ann@elsewhere.example", host=SECOND)
    applied.recount()
    assert applied.persons() == {"ann@elsewhere.example": 1}


def test_of_two_halves_of_a_person_the_first_by_key_keeps_the_number(applied: Applied) -> None:
    applied.instance(SECOND)
    applied.account(1, "mona@example.com")
    applied.account(1, "mona@example.com", host=SECOND)
    applied.recount()
    applied.account(1, "zoe@example.com")
    applied.account(1, "ann@example.com", host=SECOND)
    applied.recount()
    assert applied.persons() == {"ann@example.com": 1, "zoe@example.com": 2}


def test_two_persons_who_become_one_keep_the_smaller_number(applied: Applied) -> None:
    applied.account(1, "ann@example.com")
    applied.account(2, "bob@example.com")
    applied.recount()
    applied.account(1, "bob@example.com")
    applied.recount()
    assert applied.persons() == {"bob@example.com": 1}
    applied.account(1, "ann@example.com")
    applied.recount()
    assert applied.persons() == {"ann@example.com": 1, "bob@example.com": 3}


def test_a_cloud_row_keeps_its_number_whatever_accounts_join_it(applied: Applied) -> None:
    applied.account(1, "ann@example.com")
    applied.recount()
    applied.member("zoe")
    applied.recount()
    assert applied.persons() == {"ann@example.com": 1, "zoe": 2}
    applied.member("zoe", "ann@example.com")
    applied.recount()
    assert applied.persons() == {"zoe": 2}


def test_a_cloud_row_comes_before_its_accounts_when_they_part(applied: Applied) -> None:
    applied.member("zoe", "ann@example.com")
    applied.account(1, "ann@example.com")
    applied.recount()
    applied.member("zoe")
    applied.recount()
    assert applied.persons() == {"ann@example.com": 2, "zoe": 1}


def test_a_new_cloud_account_inherits_the_number_of_the_accounts_that_join_it(
    applied: Applied,
) -> None:
    applied.account(1, "ann@example.com")
    applied.recount()
    applied.member("zoe", "ann@example.com")
    applied.recount()
    assert applied.persons() == {"zoe": 1}


def test_a_renamed_login_keeps_the_number_by_its_server_account(applied: Applied) -> None:
    applied.member("mona", "mona@example.com")
    applied.member("ann", "ann@example.com")
    applied.account(1, "mona@example.com")
    applied.recount()
    assert applied.persons() == {"ann": 1, "mona": 2}
    applied.cloud_gone("mona")
    applied.member("lisa", "mona@example.com")
    applied.recount()
    assert applied.persons() == {"ann": 1, "lisa": 2}


def test_a_login_in_other_letters_is_the_same_person(applied: Applied) -> None:
    applied.member("Mona", "mona@example.com")
    applied.recount()
    applied.member("mONA", "mona@example.com")
    applied.recount()
    assert applied.persons() == {"mona": 1}


def test_two_logins_that_are_swapped_keep_the_numbers_of_their_rows(applied: Applied) -> None:
    applied.member("ann", "a@example.com")
    applied.member("bob", "b@example.com")
    applied.account(1, "a@example.com")
    applied.account(2, "b@example.com")
    applied.recount()
    applied.member("ann", "b@example.com")
    applied.member("bob", "a@example.com")
    applied.recount()
    assert applied.persons() == {"ann": 1, "bob": 2}
    assert list(applied.accounts_of("ann")) == ["ghes1.example.com:2"]


def test_a_cloud_account_that_left_and_is_back_has_its_number_again(applied: Applied) -> None:
    applied.member("mona")
    applied.recount()
    applied.cloud_gone("mona")
    applied.member("ann")
    applied.recount()
    applied.member("mona")
    applied.recount()
    assert applied.persons() == {"ann": 2, "mona": 1}


def test_a_cloud_account_that_is_back_takes_the_number_from_its_accounts(applied: Applied) -> None:
    applied.member("mona", "mona@example.com")
    applied.account(1, "mona@example.com")
    applied.recount()
    applied.cloud_gone("mona")
    applied.recount()
    assert applied.persons() == {"mona@example.com": 1}
    applied.member("mona")
    applied.recount()
    assert applied.persons() == {"mona": 1, "mona@example.com": 2}


def test_a_cloud_account_that_is_back_has_its_last_number_not_its_largest(
    applied: Applied,
) -> None:
    applied.account(1, "ann@example.com")
    applied.recount()
    applied.member("mona")
    applied.recount()
    assert applied.persons() == {"ann@example.com": 1, "mona": 2}
    # Another cloud row takes number 2 with the account that was mona's when she left.
    applied.member("mona", "mona@example.com")
    applied.account(2, "mona@example.com")
    applied.recount()
    applied.cloud_gone("mona")
    applied.member("zoe", "mona@example.com")
    applied.recount()
    assert applied.persons() == {"ann@example.com": 1, "zoe": 2}
    # So mona returns under the number of the account that joins her now, and keeps that one.
    applied.member("mona", "ann@example.com")
    applied.recount()
    assert applied.persons() == {"mona": 1, "zoe": 2}
    applied.cloud_gone("mona")
    applied.cloud_gone("zoe")
    applied.account_gone(1)
    applied.account_gone(2)
    applied.recount()
    applied.member("mona")
    applied.recount()
    assert applied.persons() == {"mona": 1}


def test_a_server_account_that_is_back_has_its_number_again(applied: Applied) -> None:
    applied.account(1, "ann@example.com")
    applied.recount()
    applied.account(1, "ann@example.com", suspended=True)
    applied.account(2, "bob@example.com")
    applied.recount()
    applied.account(1, "zoe@example.com")
    applied.recount()
    assert applied.persons() == {"bob@example.com": 2, "zoe@example.com": 1}


def test_an_account_that_is_back_takes_no_number_from_whom_it_left(applied: Applied) -> None:
    applied.instance(SECOND)
    applied.account(1, "mona@example.com")
    applied.account(1, "mona@example.com", host=SECOND)
    applied.recount()
    applied.account_gone(1)
    applied.recount()
    applied.account(1, "ann@example.com")
    applied.recount()
    assert applied.persons() == {"ann@example.com": 2, "mona@example.com": 1}


def test_an_account_that_is_back_changes_no_number_of_a_person_who_stayed(
    applied: Applied,
) -> None:
    applied.account(1, "ann@example.com")
    applied.account(2, "bob@example.com")
    applied.recount()
    applied.account_gone(1)
    applied.recount()
    applied.account(1, "bob@example.com")
    applied.recount()
    assert applied.persons() == {"bob@example.com": 2}


def test_a_number_is_never_given_to_somebody_else_after_everyone_left(applied: Applied) -> None:
    applied.account(1, "ann@example.com")
    applied.recount()
    applied.account_gone(1)
    applied.recount()
    assert applied.persons() == {}
    applied.account(2, "bob@example.com")
    applied.recount()
    assert applied.persons() == {"bob@example.com": 2}


def test_enterprises_number_their_persons_apart(applied: Applied) -> None:
    other = Applied()
    applied.account(1, "ann@example.com")
    other.account(1, "ann@example.com")
    applied.recount()
    other.recount()
    assert applied.persons() == other.persons() == {"ann@example.com": 1}
