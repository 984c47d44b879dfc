"""The match against the second implementation, and what must hold in every enterprise."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from enterprise.counting.match import Person, match
from enterprise.records import AccountInput, CloudInput
from tests.counting.oracle import Explained, expected
from tests.counting.worlds import account_names, clouds, emails, fleets


def plain(person: Person) -> Explained:
    return (person.key, person.cloud_ref, tuple(tuple(each) for each in person.memberships))


@settings(max_examples=2000, deadline=None)
@given(clouds, fleets)
def test_agrees_with_the_exhaustive_comparison(
    cloud: list[CloudInput], fleet: list[AccountInput]
) -> None:
    assert [plain(person) for person in match(cloud, fleet)] == expected(cloud, fleet)


@settings(max_examples=500, deadline=None)
@given(clouds, fleets, st.data())
def test_agrees_where_some_accounts_do_not_consume(
    cloud: list[CloudInput], fleet: list[AccountInput], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(fleet)))
    counted = match(cloud, fleet[:cut], fleet[cut:])
    assert [plain(person) for person in counted] == expected(cloud, fleet[:cut], fleet[cut:])


@settings(max_examples=150, deadline=None)
@given(clouds, fleets, st.randoms(use_true_random=False))
def test_the_order_of_the_sources_never_matters(
    cloud: list[CloudInput], fleet: list[AccountInput], shuffling: random.Random
) -> None:
    before = list(match(cloud, fleet))
    shuffling.shuffle(fleet)
    mixed = [
        row._replace(
            identities=tuple(shuffling.sample(row.identities, len(row.identities))),
            emails=row.emails[::-1],
            server_refs=row.server_refs[::-1],
            server_emails=row.server_emails[::-1],
        )
        for row in shuffling.sample(cloud, len(cloud))
    ]
    assert list(match(iter(mixed), iter(fleet))) == before


@settings(max_examples=150, deadline=None)
@given(clouds, fleets)
def test_every_consuming_account_is_in_exactly_one_person(
    cloud: list[CloudInput], fleet: list[AccountInput]
) -> None:
    placed = Counter(
        membership.account for person in match(cloud, fleet) for membership in person.memberships
    )
    assert placed == Counter(account.account for account in fleet)


@settings(max_examples=150, deadline=None)
@given(clouds, fleets)
def test_persons_are_the_cloud_rows_and_the_groups_of_unmatched_accounts(
    cloud: list[CloudInput], fleet: list[AccountInput]
) -> None:
    count = match(cloud, fleet)
    persons = list(count)
    assert len(count) == len(persons)
    refs = [person.cloud_ref for person in persons if person.cloud_ref is not None]
    assert sorted(refs) == sorted(row.ref for row in cloud)
    groups = {
        membership.value or ("no e-mail", membership.account)
        for person in persons
        if person.cloud_ref is None
        for membership in person.memberships
    }
    assert len(persons) == len(cloud) + len(groups)


@settings(max_examples=150, deadline=None)
@given(clouds, fleets)
def test_keys_are_unique_and_in_byte_order(
    cloud: list[CloudInput], fleet: list[AccountInput]
) -> None:
    keys = [person.key.encode() for person in match(cloud, fleet)]
    assert keys == sorted(set(keys))
    assert all(keys)


@settings(max_examples=150, deadline=None)
@given(clouds, fleets, account_names, emails)
def test_one_more_account_adds_a_person_or_none_unless_it_proves_a_link(
    cloud: list[CloudInput], fleet: list[AccountInput], name: str, email: str
) -> None:
    rest = [account for account in fleet if account.account != name]
    before, after = len(match(cloud, rest)), len(match(cloud, [*rest, AccountInput(name, email)]))
    proves = any(name in row.server_refs and email in row.server_emails for row in cloud)
    assert after - before in ({-1, 0} if proves else {0, 1}) | {0}


@settings(max_examples=300, deadline=None)
@given(clouds, fleets, account_names, emails)
def test_a_suspended_account_changes_nothing_unless_github_lists_it_as_proof_of_its_email(
    cloud: list[CloudInput], fleet: list[AccountInput], name: str, email: str
) -> None:
    rest = [account for account in fleet if account.account != name]
    proves = any(name in row.server_refs and email in row.server_emails for row in cloud)
    before, after = match(cloud, rest), match(cloud, rest, [AccountInput(name, email)])
    assert proves or list(after) == list(before)
    assert len(after) <= len(before)


@settings(max_examples=150, deadline=None)
@given(clouds, fleets)
def test_one_cloud_row_less_loses_no_account(
    cloud: list[CloudInput], fleet: list[AccountInput]
) -> None:
    assert sum(len(person.memberships) for person in match(cloud[1:], fleet)) == len(fleet)
    assert len(match(cloud[1:], fleet)) >= len(match(cloud, fleet)) - 1


@settings(max_examples=150, deadline=None)
@given(clouds, fleets)
def test_candidates_are_keys_of_persons_and_begin_with_the_chosen_one(
    cloud: list[CloudInput], fleet: list[AccountInput]
) -> None:
    persons = list(match(cloud, fleet))
    in_the_cloud = {person.key for person in persons if person.cloud_ref is not None}
    for person in persons:
        for membership in person.memberships:
            if membership.candidates:
                assert len(set(membership.candidates)) == len(membership.candidates) > 1
                assert membership.candidates[0] == person.key
                assert in_the_cloud.issuperset(membership.candidates)
