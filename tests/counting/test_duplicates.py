"""Persons who are probably one: what each rule finds, and how well on enterprises with known humans."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enterprise.counting.duplicates import (
    CLOUD,
    DOTS,
    IDENTITY,
    LOGIN,
    MOST,
    OTHER_DOMAIN,
    OWN_DOMAIN,
    PLUS_TAG,
    SAML_LOCAL,
    SECONDARY,
    SERVER,
    WEIGHTS,
    Evidence,
    Known,
    Login,
    Secondary,
    Suspicion,
    find,
    stem,
)
from enterprise.counting.joining import Joining, confidence
from enterprise.emails import normalize
from sandbox.generate import generate_world
from sandbox.world import World
from tests.counting import humans

OWN = ("acme.example", "acme.org")


def rules(
    *known: Known, clouds: frozenset[int] = frozenset({1}), **more: list[object]
) -> dict[str, int]:
    """The weight of each rule that speaks for the one pair there is."""
    found = find(known, clouds, OWN, **more)  # type: ignore[arg-type]
    assert len(found) <= 1
    return {each.rule: each.weight for suspicion in found for each in suspicion.evidence}


def cloud(value: str, number: int = 1) -> Known:
    return Known(number, CLOUD, value)


def server(value: str, number: int = 2) -> Known:
    return Known(number, SERVER, value)


# --- Each rule -----------------------------------------------------------------------------------


def test_a_plus_tag_tells() -> None:
    assert rules(cloud("ada.lang@acme.example"), server("ada.lang+git@acme.example")) == {
        PLUS_TAG: 95
    }


def test_dots_tell_a_little_less() -> None:
    assert rules(cloud("ada.lang@acme.example"), server("adalang@acme.example")) == {DOTS: 85}
    assert rules(cloud("ada.lang@acme.example"), server("adalang+x@acme.example")) == {DOTS: 85}


def test_another_domain_of_the_enterprise_tells_more_than_a_strange_one() -> None:
    assert rules(cloud("ada.lang@acme.example"), server("ada.lang@acme.org")) == {OWN_DOMAIN: 85}
    assert rules(cloud("ada.lang@acme.example"), server("ada.lang@mail.example")) == {
        OTHER_DOMAIN: 60
    }
    assert rules(cloud("ada.lang@public.example"), server("ada.lang@mail.example")) == {}


def test_what_is_below_a_domain_of_the_enterprise_is_its_own_too() -> None:
    assert rules(cloud("ada.lang@acme.example"), server("ada.lang@de.acme.example")) == {
        OWN_DOMAIN: 85
    }
    assert rules(cloud("ada.lang@acme.example"), server("ada.lang@notacme.org")) == {
        OTHER_DOMAIN: 60
    }


@pytest.mark.parametrize("value", ["ada.lang", "ada.lang@idp.internal"])
def test_the_local_part_of_a_saml_value_tells_whatever_is_behind_it(value: str) -> None:
    assert rules(Known(1, IDENTITY, value), server("ada.lang@mail.example")) == {SAML_LOCAL: 75}


def test_logins_tell_but_for_separators_and_the_suffix_of_managed_users() -> None:
    logins: list[object] = [
        Login(1, "ada-lang_acme", "ada-lang_acme"),
        Login(2, "Ada.Lang", "ghes1:7"),
    ]
    assert rules(logins=logins) == {LOGIN: 60}
    assert stem("Ada-Lang_acme") == stem("ada.lang") == "adalang"
    assert stem("_acme") == "acme"


def test_a_further_address_tells_which_account_has_it() -> None:
    secondaries: list[object] = [Secondary(2, "ada@acme.example", "ghes1:7")]
    (found,) = find(
        [cloud("ada@acme.example"), server("x@acme.org")],
        {1},
        OWN,
        secondaries=[Secondary(2, "ada@acme.example", "ghes1:7")],
    )
    assert found == Suspicion(
        2, 1, (Evidence(SECONDARY, "ada@acme.example", "ada@acme.example", 95, 1, "ghes1:7"),)
    )
    assert rules(server("ada@acme.example"), clouds=frozenset(), secondaries=secondaries) == {}


def test_of_two_on_servers_only_the_one_with_the_larger_number_joins() -> None:
    (found,) = find([server("ada.l@acme.org", 4), server("ada.l@acme.example", 3)], (), OWN)
    assert (found.one, found.other) == (4, 3)


# --- Who is left alone ---------------------------------------------------------------------------


def test_two_cloud_accounts_are_never_a_pair() -> None:
    assert find([cloud("ada.l@acme.org", 1), cloud("ada.l@acme.example", 2)], {1, 2}, OWN) == []


@pytest.mark.parametrize("local", ["admin", "ci+build", "no-reply", "jd"])
def test_roles_machines_and_initials_point_at_nobody(local: str) -> None:
    assert find([cloud(f"{local}@acme.example"), server(f"{local}@acme.org")], {1}, OWN) == []
    assert find([server("ci+a@acme.org", 1), server("ci+b@acme.org", 2)], (), OWN) == []


def test_the_more_persons_share_a_value_the_less_it_tells_and_of_too_many_nothing() -> None:
    known = [cloud("ada.lang@acme.example")]
    known += [server(f"ada.lang@team{n}.acme.org", n) for n in range(2, MOST + 1)]
    found = find(known, {1}, OWN)
    assert [each.evidence[0].weight for each in found] == [round(85 / (MOST - 1))] * (MOST - 1)
    assert find([*known, server("ada.lang@last.acme.org", 99)], {1}, OWN) == []


# --- Confidence ----------------------------------------------------------------------------------


def test_rules_about_the_address_say_the_same_and_only_the_strongest_counts() -> None:
    address = Evidence(SAML_LOCAL, "", "", 75), Evidence(OTHER_DOMAIN, "", "", 60)
    assert confidence(address, same_host=False) == 75


def test_another_kind_of_evidence_takes_its_share_of_the_doubt() -> None:
    both = Evidence(OTHER_DOMAIN, "", "", 60), Evidence(LOGIN, "", "", 60)
    assert confidence(both, same_host=False) == 84
    assert confidence(both, same_host=True) == 42


def test_nothing_is_ever_certain() -> None:
    both = Evidence(SECONDARY, "", "", 100), Evidence(PLUS_TAG, "", "", 100)
    assert confidence(both, same_host=False) == 99


# --- Seats ---------------------------------------------------------------------------------------


def test_a_group_keeps_as_many_seats_as_it_has_cloud_rows() -> None:
    joining = Joining({1, 2})
    assert joining.join(3, 1)
    assert not joining.join(3, 2)  # two cloud accounts stay two
    assert joining.join(4, 3)
    assert not joining.join(4, 1)
    assert (joining.saved, joining.saved_by(4), joining.group(4)) == (2, 2, 1)


pairs = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=15)


@settings(max_examples=300, deadline=None)
@given(pairs, st.frozensets(st.integers(1, 9)), st.randoms(use_true_random=False))
def test_the_seats_saved_are_the_same_in_any_order(
    pairs: list[tuple[int, int]], clouds: frozenset[int], shuffling: random.Random
) -> None:
    def saved(order: list[tuple[int, int]]) -> int:
        joining = Joining(clouds)
        for pair in order:
            joining.join(*pair)
        return joining.saved

    groups = {number: {number} for number in range(1, 10)}
    for one, other in pairs:
        merged = groups[one] | groups[other]
        groups |= dict.fromkeys(merged, merged)
    apart = {frozenset(group) for group in groups.values()}
    expected = sum(len(group) - max(1, len(group & clouds)) for group in apart)
    before = saved(pairs)
    shuffling.shuffle(pairs)
    assert before == saved(pairs) == expected


# --- Whatever there is ---------------------------------------------------------------------------

VALUES = (
    *("ada.l@acme.example", "adal@acme.example", "ada.l+x@acme.example", "ada.l@acme.org", "ada.l"),
    *("ada.l@mail.example", "bea@acme.org", "bea+1@acme.org", "admin@acme.org", "", "@", "x@"),
)
values = st.sampled_from(VALUES)
known_values = st.lists(st.builds(Known, st.integers(1, 8), st.integers(0, 2), values), max_size=14)
some_logins = st.lists(
    st.builds(
        Login, st.integers(1, 8), st.sampled_from(["ada-l", "adal_acme", "bea", ""]), st.just("x:1")
    ),
    max_size=6,
)
some_secondaries = st.lists(
    st.builds(Secondary, st.integers(1, 8), values, st.just("x:1")), max_size=4
)


@settings(max_examples=400, deadline=None)
@given(
    known_values,
    st.frozensets(st.integers(1, 8)),
    some_logins,
    some_secondaries,
    st.randoms(use_true_random=False),
)
def test_every_pair_has_a_reason_and_one_on_servers_only_in_whatever_order_it_came(
    known: list[Known],
    clouds: frozenset[int],
    logins: list[Login],
    secondaries: list[Secondary],
    shuffling: random.Random,
) -> None:
    found = find(known, clouds, OWN, logins=logins, secondaries=secondaries)
    assert len({frozenset((each.one, each.other)) for each in found}) == len(found)
    for one, other, evidence in found:
        assert one not in clouds
        assert other in clouds or other < one
        assert 0 < len(evidence) == len({each.rule for each in evidence})
        assert all(0 < each.weight * each.rivals <= WEIGHTS[each.rule] + MOST for each in evidence)
    for several in (known, logins, secondaries):
        shuffling.shuffle(several)
    assert find(known, clouds, OWN, logins=logins, secondaries=secondaries) == found


# --- On enterprises whose humans are known -------------------------------------------------------


def measured(world: humans.Humans, least: int) -> tuple[float, float, int]:
    """Precision, recall, and how many pairs of at least so much confidence there are."""
    found = set()
    for one, other, evidence in find(
        world.known, world.clouds, humans.OWN, logins=world.logins, secondaries=world.secondaries
    ):
        hosts = [{a.partition(":")[0] for a in world.accounts[n]} for n in (one, other)]
        if confidence(evidence, same_host=bool(hosts[0] & hosts[1])) >= least:
            found.add(frozenset((one, other)))
    truth = world.truth()
    return len(found & truth) / len(found), len(found & truth) / len(truth), len(found)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_most_certain_is_nearly_always_right_and_most_duplicates_are_found(
    seed: int,
) -> None:
    world = humans.generate(seed, 4000)
    precision, _, many = measured(world, 90)
    assert many > 100
    assert precision > 0.97
    precision, recall, _ = measured(world, 0)
    assert precision > 0.75
    assert recall > 0.85


def test_without_logins_those_alike_in_nothing_else_are_missed() -> None:
    with_logins, without = humans.generate(1, 4000), humans.generate(1, 4000, logins=False)
    assert measured(without, 0)[1] < measured(with_logins, 0)[1]


def of_the_sandbox(world: World) -> tuple[float, float]:
    """Precision and recall among the persons of a generated world, without logins."""
    known, clouds, owner, server = [], set(), {}, {}
    verified = {user.login: user for user in world.cloud}
    for number, members in enumerate(sorted(map(sorted, world.expected_persons()))):
        for kind, name in members:
            if kind == "server":
                host, _, user_id = name.rpartition(":")
                email = normalize(world.instances[host].users[int(user_id)].email)
                known.append(Known(number, SERVER, email))
                server[number] = email
                continue
            clouds.add(number)
            if kind == "cloud":
                user = verified[name]
                owner[number] = name
                known += [Known(number, CLOUD, normalize(e)) for e in user.verified_emails]
                known.append(Known(number, IDENTITY, normalize(user.saml_name_id)))
            else:
                known.append(Known(number, CLOUD, normalize(name)))
    apart = {normalize(address): login for address, login in world.apart.items()}
    domains = [domain.ascii for domain in world.domains]
    found = {(each.one, each.other) for each in find(known, clouds, domains)}
    right = {(one, other) for one, other in found if apart.get(server[one]) == owner.get(other, 0)}
    there = {
        apart[email] for number, email in server.items() if number not in clouds and email in apart
    }
    return len(right) / len(found), len(right) / len(there)


def test_in_the_sandbox_everybody_who_counts_twice_is_found_and_nobody_else() -> None:
    world = generate_world(7, cloud=2000, instances={"ghes1.example.com": 2000})
    assert of_the_sandbox(world) == (1.0, 1.0)


if __name__ == "__main__":  # the table in docs/insights.md
    for least in (90, 75, 50, 0):
        tables = [measured(humans.generate(seed, 20_000), least) for seed in range(5)]
        print(least, *(f"{sum(column) / len(column):.3f}" for column in zip(*tables, strict=True)))
