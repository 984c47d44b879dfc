"""Whose seats are whose: each person's one seat split among parts, so that the parts add up exactly.

The rule is the same for every kind of part: a person who is in several has their seat split equally
among them, in exact fractions; a person who is in none is in ``NONE``. Whole seats come from the
fractions by the largest remainder, so that they add up to the number of persons as well. No Django,
no I/O, and no floats.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import Final, NamedTuple

NONE: Final = ""
"""The part of persons that are in none."""


class Part(NamedTuple):
    """A part and what it has: ``persons`` in it, ``shared`` of them with other parts.

    ``share`` is the sum of their split seats, ``seats`` the same in whole seats.
    """

    name: str
    persons: int
    shared: int
    share: Fraction
    seats: int


class Allocator:
    """Adds persons one by one, in any order; holds one number for each part and way of splitting."""

    def __init__(self) -> None:
        self._persons = 0
        self._counts: Counter[tuple[str, int]] = Counter()

    def add(self, parts: Iterable[str]) -> None:
        """A person who is in these parts; the same one named twice counts once."""
        own = set(parts) or {NONE}
        self._persons += 1
        for name in own:
            self._counts[name, len(own)] += 1

    def parts(self) -> list[Part]:
        """The parts by name, ``NONE`` last where there is anybody in it."""
        persons: Counter[str] = Counter()
        shared: Counter[str] = Counter()
        shares: dict[str, Fraction] = {}
        for (name, among), count in self._counts.items():
            persons[name] += count
            shared[name] += count if among > 1 else 0
            shares[name] = shares.get(name, Fraction()) + Fraction(count, among)
        seats = whole_seats(shares, self._persons)
        return [
            Part(name, persons[name], shared[name], shares[name], seats[name])
            for name in sorted(shares, key=lambda name: (name == NONE, name))
        ]


def whole_seats(shares: dict[str, Fraction], total: int) -> dict[str, int]:
    """Whole seats that add up to ``total``, which is the sum of the shares: the largest remainder.

    Everybody gets the whole part of their share; what is left goes one by one to the largest
    remainders, of equal ones to the first by name.
    """
    seats = {name: int(share) for name, share in shares.items()}
    left = total - sum(seats.values())
    by_remainder = sorted(shares, key=lambda name: (seats[name] - shares[name], name))
    for name in by_remainder[:left]:
        seats[name] += 1
    return seats
