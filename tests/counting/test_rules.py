"""One test a sentence of domain.md section 3, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from enterprise.counting.match import ATTRIBUTES, Membership, Person, match
from enterprise.records import AccountInput, CloudInput

EMAIL = "mona@example.com"


def row(ref: int, login: str = "", **facts: Any) -> CloudInput:
    empty = CloudInput(ref, login, "", (), (), (), (), f"{login} {ref}")
    return empty._replace(**facts)


def fleet(**emails: str) -> list[AccountInput]:
    """Accounts by keyword: ``one_1="…"`` is account 1 of the instance ``one``."""
    return [AccountInput(name.replace("_", ":"), email) for name, email in emails.items()]


def reasons(persons: list[Person]) -> dict[str, tuple[str, str]]:
    return {
        membership.account: (person.key, membership.rule)
        for person in persons
        for membership in person.memberships
    }


def count(cloud: list[CloudInput], accounts: list[AccountInput]) -> list[Person]:
    return list(match(cloud, accounts))


def test_nothing_at_all_is_nobody() -> None:
    assert count([], []) == []


def test_a_cloud_account_without_server_accounts_is_one_person() -> None:
    assert count([row(1, "Mona")], []) == [Person("mona", 1, ())]


@pytest.mark.parametrize("attribute", range(len(ATTRIBUTES)), ids=ATTRIBUTES)
def test_a_linked_value_joins_an_account_to_its_cloud_row(attribute: int) -> None:
    cloud = [row(1, "mona", identities=((attribute, EMAIL),))]
    assert count(cloud, fleet(one_1=EMAIL)) == [
        Person("mona", 1, (Membership("one:1", "saml", attribute, EMAIL, ()),))
    ]


def test_the_smallest_attribute_of_one_row_is_the_reason() -> None:
    cloud = [row(1, "mona", identities=((4, EMAIL), (1, EMAIL), (3, EMAIL)))]
    (person,) = count(cloud, fleet(one_1=EMAIL))
    assert person.memberships == (Membership("one:1", "saml", 1, EMAIL, ()),)


def test_a_linked_value_comes_before_a_verified_email() -> None:
    cloud = [row(1, "aaron", emails=(EMAIL,)), row(2, "zoe", identities=((4, EMAIL),))]
    persons = count(cloud, fleet(one_1=EMAIL))
    assert reasons(persons) == {"one:1": ("zoe", "saml")}
    assert persons[1].memberships[0].candidates == ()


def test_a_verified_email_joins() -> None:
    cloud = [row(1, "mona", emails=(EMAIL,))]
    assert reasons(count(cloud, fleet(one_1=EMAIL))) == {"one:1": ("mona", "verified_email")}


def test_a_subscription_email_is_compared_like_a_verified_one() -> None:
    cloud = [row(1, "zoe", emails=(EMAIL,)), row(2, subscription_email=EMAIL)]
    persons = count(cloud, fleet(one_1=EMAIL))
    assert reasons(persons) == {"one:1": (EMAIL, "subscription_email")}
    assert persons[0].memberships[0].candidates == (EMAIL, "zoe")


def test_githubs_link_brings_every_account_with_the_email() -> None:
    cloud = [row(1, "mona", server_refs=("one:1",), server_emails=(EMAIL,))]
    assert reasons(count(cloud, fleet(one_1=EMAIL, two_7=EMAIL))) == {
        "one:1": ("mona", "github_link"),
        "two:7": ("mona", "github_link"),
    }


def test_a_listed_account_whose_email_is_not_the_rows_proves_nothing() -> None:
    cloud = [row(1, "mona", server_refs=("one:1",), server_emails=("old@example.com",))]
    assert reasons(count(cloud, fleet(one_1=EMAIL))) == {"one:1": (EMAIL, "alone")}


def test_a_server_email_without_a_listed_account_proves_nothing() -> None:
    cloud = [row(1, "mona", server_refs=("one:2",), server_emails=(EMAIL,))]
    assert reasons(count(cloud, fleet(one_1=EMAIL, one_2="")))["one:1"] == (EMAIL, "alone")


def test_a_suspended_account_still_proves_whose_email_it_is() -> None:
    cloud = [row(1, "mona", server_refs=("one:1",), server_emails=(EMAIL,))]
    (person,) = match(cloud, fleet(two_7=EMAIL), not_consuming=fleet(one_1=EMAIL))
    assert person.memberships == (Membership("two:7", "github_link", 0, EMAIL, ()),)


def test_a_verified_email_comes_before_githubs_link() -> None:
    cloud = [
        row(1, "aaron", server_refs=("one:1",), server_emails=(EMAIL,)),
        row(2, "zoe", emails=(EMAIL,)),
    ]
    assert reasons(count(cloud, fleet(one_1=EMAIL))) == {"one:1": ("zoe", "verified_email")}
    assert reasons(count(cloud[::-1], fleet(one_1=EMAIL))) == {"one:1": ("zoe", "verified_email")}


def test_accounts_of_two_instances_with_one_email_are_one_person() -> None:
    (person,) = count([], fleet(two_1=EMAIL, one_1=EMAIL))
    assert person == Person(
        EMAIL,
        None,
        (
            Membership("one:1", "same_email", 0, EMAIL, ()),
            Membership("two:1", "same_email", 0, EMAIL, ()),
        ),
    )


def test_accounts_without_an_email_are_persons_of_their_own() -> None:
    assert count([], fleet(one_1="", one_2="")) == [
        Person("one:1", None, (Membership("one:1", "no_email", 0, "", ()),)),
        Person("one:2", None, (Membership("one:2", "no_email", 0, "", ()),)),
    ]


def test_an_empty_linked_value_matches_nobody() -> None:
    cloud = [row(1, "mona", identities=((0, ""),), emails=("",), server_emails=("",))]
    assert reasons(count(cloud, fleet(one_1=""))) == {"one:1": ("one:1", "no_email")}


def test_the_smallest_attribute_beats_the_person_key_and_all_are_candidates() -> None:
    cloud = [
        row(1, "aaron", identities=((3, EMAIL),)),
        row(2, "zoe", identities=((0, EMAIL),)),
        row(3, "bert", identities=((3, EMAIL), (4, EMAIL)), emails=(EMAIL,)),
        row(4, "carl", emails=(EMAIL,)),
    ]
    persons = count(cloud, fleet(one_1=EMAIL))
    assert persons[-1].memberships == (
        Membership("one:1", "saml", 0, EMAIL, ("zoe", "aaron", "bert")),
    )


def test_with_equal_attributes_the_person_key_decides() -> None:
    cloud = [row(1, "zoe", identities=((3, EMAIL),)), row(2, "Aaron", identities=((3, EMAIL),))]
    assert reasons(count(cloud, fleet(one_1=EMAIL))) == {"one:1": ("aaron", "saml")}


def test_two_cloud_rows_never_merge() -> None:
    cloud = [row(1, "a", emails=(EMAIL,)), row(2, "b", emails=(EMAIL,))]
    assert [person.cloud_ref for person in count(cloud, [])] == [1, 2]


def test_one_cloud_row_gathers_accounts_of_several_emails() -> None:
    cloud = [row(1, "mona", emails=(EMAIL, "m@example.com"))]
    (person,) = count(cloud, fleet(two_1="m@example.com", one_1=EMAIL))
    assert [membership.account for membership in person.memberships] == ["one:1", "two:1"]


def test_a_key_is_the_login_else_the_subscription_else_the_server_email_else_the_account() -> None:
    cloud = [
        row(1, "Mona", subscription_email="s@example.com"),
        row(2, subscription_email="s@example.com", server_emails=("e@example.com",)),
        row(3, server_emails=("f@example.com", "e@example.com"), server_refs=("one:1",)),
        row(4, server_refs=("one:9", "one:10")),
        row(5),
    ]
    assert {person.cloud_ref: person.key for person in count(cloud, [])} == {
        1: "mona",
        2: "s@example.com",
        3: "e@example.com",
        4: "one:10",
        5: "#",
    }


def test_equal_keys_are_numbered_in_the_order_of_the_whole_row() -> None:
    cloud = [row(1, "mona", sort_text="c"), row(2, "MONA", sort_text="a"), row(3, sort_text="b")]
    cloud[2] = cloud[2]._replace(subscription_email="mona")
    assert {person.cloud_ref: person.key for person in count(cloud, [])} == {
        2: "mona",
        3: "mona#2",
        1: "mona#3",
    }


def test_an_ordinal_never_takes_the_plain_key_of_another() -> None:
    cloud = [row(1, "mona"), row(2, "mona"), row(3, "mona#2")]
    assert sorted(person.key for person in count(cloud, [])) == ["mona", "mona#2", "mona#3"]
    server_only = fleet(one_1="mona", one_2="mona#3")
    assert reasons(count(cloud[:2], server_only)) == {
        "one:1": ("mona#4", "alone"),
        "one:2": ("mona#3", "alone"),
    }


def test_a_cloud_row_keeps_its_plain_key_before_a_server_only_person() -> None:
    cloud = [row(1, server_emails=(EMAIL,))]
    persons = count(cloud, fleet(one_1=EMAIL))
    assert [(person.key, person.cloud_ref) for person in persons] == [
        (EMAIL, 1),
        (f"{EMAIL}#2", None),
    ]


def test_keys_are_in_byte_order() -> None:
    cloud = [row(1, "é"), row(2, "z"), row(3, "\U0001f600"), row(4, "\uff41")]
    assert [person.key for person in count(cloud, [])] == ["z", "é", "\uff41", "\U0001f600"]


def test_a_count_can_be_read_twice() -> None:
    counted = match([row(1, "mona", emails=(EMAIL,))], fleet(one_1=EMAIL, two_1=EMAIL))
    assert len(counted) == 1
    assert list(counted) == list(counted)
