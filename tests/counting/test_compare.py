"""GitHub's list beside ours: the difference adds up exactly, and each category means what it says."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enterprise.counting.compare import (
    CATEGORIES,
    Difference,
    Facts,
    GitHubRow,
    OurPerson,
    compare,
    components,
)

accounts = st.builds("{}:{}".format, st.sampled_from(("one", "two", "unread")), st.integers(1, 8))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[OurPerson], list[GitHubRow], Facts]:
    ours = [each for each in draw(st.sets(accounts, max_size=12)) if not each.startswith("unread")]
    number_of = {each: draw(st.integers(1, 6)) for each in sorted(ours)}
    numbers = {*number_of.values(), *draw(st.sets(st.integers(1, 6), max_size=4))}
    persons = [
        OurPerson(
            number,
            draw(st.sampled_from((None, 100 + number))),
            tuple(each for each in sorted(ours) if number_of[each] == number),
        )
        for number in sorted(numbers)
    ]
    refs = draw(st.sets(st.integers(98, 110), max_size=8))
    listed = {person.cloud_ref for person in persons}
    rows = [
        GitHubRow(
            ref,
            tuple(draw(st.lists(accounts, max_size=3))),
            draw(st.booleans()) and ref not in listed,
        )
        for ref in sorted(refs)
    ]
    some = st.frozensets(accounts, max_size=6)
    return persons, rows, Facts(frozenset({"one", "two"}), draw(some), draw(some))


@settings(max_examples=500, deadline=None)
@given(worlds(), st.none() | st.integers(0, 20))
def test_the_components_add_up_to_our_total_less_githubs_rows(
    world: tuple[list[OurPerson], list[GitHubRow], Facts], stated: int | None
) -> None:
    persons, rows, facts = world
    difference = compare(persons, rows, facts, stated)
    assert (difference.ours, difference.listed) == (len(persons), len(rows))
    assert sum(difference.by_category.values()) == len(persons) - len(rows)
    assert sum(each.difference for each in difference.components) == len(persons) - len(rows)
    assert tuple(difference.by_category) == CATEGORIES
    if stated is None:
        assert difference.not_listed is None
    else:
        assert difference.not_listed == len(rows) - stated


@settings(max_examples=500, deadline=None)
@given(worlds())
def test_each_person_and_each_row_is_in_one_component_and_linked_ones_share_it(
    world: tuple[list[OurPerson], list[GitHubRow], Facts],
) -> None:
    persons, rows, facts = world
    found = list(components(persons, rows, facts))
    person_at = {number: index for index, each in enumerate(found) for number in each.persons}
    row_at = {ref: index for index, each in enumerate(found) for ref in each.rows}
    assert sum(len(each.persons) for each in found) == len(person_at) == len(persons)
    assert sum(len(each.rows) for each in found) == len(row_at) == len(rows)
    neighbors: dict[tuple[str, int], set[tuple[str, int]]] = {
        **{("person", person.number): set() for person in persons},
        **{("row", row.ref): set() for row in rows},
    }
    for person in persons:
        for row in rows:
            if person.cloud_ref == row.ref or set(person.accounts) & set(row.accounts):
                assert person_at[person.number] == row_at[row.ref]
                neighbors["person", person.number].add(("row", row.ref))
                neighbors["row", row.ref].add(("person", person.number))
    for each in found:
        members = {("person", n) for n in each.persons} | {("row", ref) for ref in each.rows}
        reached, waiting = set(), [min(members)]
        while waiting:
            node = waiting.pop()
            if node not in reached:
                reached.add(node)
                waiting += neighbors[node]
        assert reached == members


@settings(max_examples=300, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_persons_and_rows_never_matters(
    world: tuple[list[OurPerson], list[GitHubRow], Facts], shuffling: random.Random
) -> None:
    persons, rows, facts = world
    before = compare(persons, rows, facts, 5)
    shuffling.shuffle(persons)
    shuffling.shuffle(rows)
    assert compare(iter(persons), iter(rows), facts, 5) == before


def told(
    persons: list[OurPerson],
    rows: list[GitHubRow],
    new: frozenset[str] = frozenset(),
    email_changed: frozenset[str] = frozenset(),
) -> dict[str, int]:
    facts = Facts(frozenset({"one", "two"}), new, email_changed)
    difference: Difference = compare(persons, rows, facts, None)
    return {category: n for category, n in difference.by_category.items() if n}


A, B = ("one:1",), ("two:2",)

CASES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "both agree": ({"persons": [OurPerson(1, 10, A)], "rows": [GitHubRow(10, A)]}, {}),
    "an instance is not read here": (
        {"persons": [], "rows": [GitHubRow(10, ("other:1", *A))]},
        {"not_read": -1},
    ),
    "an account is new since GitHub's last sync": (
        {"persons": [OurPerson(1, None, A)], "rows": [], "new": frozenset(A)},
        {"new": 1},
    ),
    "a new account of a person whom GitHub lists explains nothing": (
        {
            "persons": [OurPerson(1, 10, (*A, "one:9")), OurPerson(2, None, B)],
            "rows": [GitHubRow(10, (*A, *B))],
            "new": frozenset({"one:9"}),
        },
        {"apart_here": 1},
    ),
    "an account is suspended, excluded or gone here": (
        {"persons": [], "rows": [GitHubRow(10, A)]},
        {"gone": -1},
    ),
    "an e-mail changed since GitHub's last sync": (
        {
            "persons": [OurPerson(1, 10, ()), OurPerson(2, None, A)],
            "rows": [GitHubRow(10, A)],
            "email_changed": frozenset(A),
        },
        {"email_changed": 1},
    ),
    "one person here is two rows there": (
        {
            "persons": [OurPerson(1, 10, (*A, *B))],
            "rows": [GitHubRow(10, A), GitHubRow(11, B)],
        },
        {"joined_here": -1},
    ),
    "two persons here are one row there": (
        {
            "persons": [OurPerson(1, 10, A), OurPerson(2, None, B)],
            "rows": [GitHubRow(10, (*A, *B))],
        },
        {"apart_here": 1},
    ),
    "a subscriber is not linked": (
        {"persons": [], "rows": [GitHubRow(10, (), unlinked_subscriber=True)]},
        {"subscriber": -1},
    ),
    "nothing that is known explains it": (
        {"persons": [OurPerson(1, None, A)], "rows": []},
        {"other": 1},
    ),
}


@pytest.mark.parametrize(("world", "expected"), CASES.values(), ids=CASES)
def test_category_where(world: dict[str, Any], expected: dict[str, int]) -> None:
    assert told(**world) == expected


def test_components_that_cancel_out_are_still_shown() -> None:
    facts = Facts(frozenset({"one"}), frozenset(), frozenset())
    difference = compare([OurPerson(1, None, A)], [GitHubRow(10, ())], facts, 3)
    assert [(each.persons, each.rows, each.difference) for each in difference.components] == [
        ((1,), (), 1),
        ((), (10,), -1),
    ]
    assert difference.not_listed == -2
