"""How sure the evidence makes, and how many seats it saves to join persons who are one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from enterprise.counting.duplicates import LOGIN, SECONDARY, Evidence

_FAMILY: Final = {SECONDARY: 1, LOGIN: 2}
"""Rules of one family say the same in other words, so only the strongest of each counts."""


def confidence(evidence: Iterable[Evidence], *, same_host: bool) -> int:
    """How sure the rules are together, in per cent, at most 99.

    Of the rules that look at the address only the strongest counts; each further kind of evidence
    takes its share of the doubt that is left. Two accounts on one instance halve it: there they are
    rather somebody's second account on purpose, or two people.
    """
    best: dict[int, int] = {}
    for each in evidence:
        family = _FAMILY.get(each.rule, 0)
        best[family] = max(best.get(family, 0), each.weight)
    doubt = 1.0
    for weight in best.values():
        doubt *= 1 - weight / 100
    sure = (1 - doubt) / (2 if same_host else 1)
    return min(99, round(sure * 100))


class Joining:
    """Persons joined pair by pair, and the seats that saves: persons less what is left of them.

    A cloud row never joins another, so a group keeps as many seats as it has cloud rows, and one if
    it has none.
    """

    def __init__(self, clouds: Collection[int]) -> None:
        self._clouds = clouds
        self._root: dict[int, int] = {}
        self._saved: dict[int, int] = {}  # by root, of groups
        self._with_cloud: dict[int, bool] = {}
        self.saved = 0

    def join(self, one: int, other: int) -> bool:
        """Join two persons; whether that saves a seat."""
        low, high = sorted((self.group(one), self.group(other)))
        if low == high:
            return False
        clouds = self._has_cloud(low), self._has_cloud(high)
        saves = not all(clouds)
        self._root[high] = low
        self._with_cloud[low] = any(clouds)
        self._saved[low] = self._saved.get(low, 0) + self._saved.get(high, 0) + saves
        self.saved += saves
        return saves

    def group(self, number: int) -> int:
        """The smallest number of those joined with this one."""
        root = number
        while (above := self._root.get(root, root)) != root:
            root = above
        while number != root:
            self._root[number], number = root, self._root[number]
        return root

    def saved_by(self, number: int) -> int:
        """The seats that the group of this person saves."""
        return self._saved.get(self.group(number), 0)

    def _has_cloud(self, root: int) -> bool:
        return self._with_cloud.get(root, root in self._clouds)
