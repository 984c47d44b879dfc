"""The split of seats: the parts add up exactly, whatever the persons and their order."""

from __future__ import annotations

import random
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from enterprise.counting.allocate import NONE, Allocator, Part, whole_seats

NAMES = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"]
persons = st.lists(st.lists(st.sampled_from(NAMES), max_size=4).map(set), max_size=30)


def allocated(people: list[set[str]]) -> list[Part]:
    allocator = Allocator()
    for parts in people:
        allocator.add(parts)
    return allocator.parts()


@given(persons)
def test_the_parts_add_up_to_the_persons_in_fractions_and_in_whole_seats(
    people: list[set[str]],
) -> None:
    parts = allocated(people)
    assert sum((part.share for part in parts), Fraction()) == len(people)
    assert sum(part.seats for part in parts) == len(people)


@given(persons)
def test_a_whole_seat_is_less_than_one_away_from_the_share(people: list[set[str]]) -> None:
    assert all(abs(part.seats - part.share) < 1 for part in allocated(people))


@given(persons, st.randoms(use_true_random=False))
def test_the_order_of_persons_decides_nothing(
    people: list[set[str]], shuffled: random.Random
) -> None:
    other = people[:]
    shuffled.shuffle(other)
    assert allocated(people) == allocated(other)


@given(persons)
def test_nobody_has_a_part_without_being_in_it(people: list[set[str]]) -> None:
    for part in allocated(people):
        inside = [own for own in people if part.name in own or (part.name == NONE and not own)]
        assert part.persons == len(inside)
        assert part.shared == sum(len(own) > 1 for own in inside)
        assert part.share == sum((Fraction(1, len(own) or 1) for own in inside), Fraction())


def test_three_who_share_a_seat_leave_it_to_the_first_by_name() -> None:
    assert [(part.name, part.share, part.seats) for part in allocated([{"c", "a", "b"}])] == [
        ("a", Fraction(1, 3), 1),
        ("b", Fraction(1, 3), 0),
        ("c", Fraction(1, 3), 0),
    ]


def test_whoever_is_in_none_is_a_part_of_their_own_at_the_end() -> None:
    assert [part.name for part in allocated([set(), {"zeta"}, {"alpha"}])] == [
        "alpha",
        "zeta",
        NONE,
    ]


def test_no_persons_have_no_parts() -> None:
    assert allocated([]) == []
    assert whole_seats({}, 0) == {}
