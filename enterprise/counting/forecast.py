"""Where a count is heading: a line through its past, continued with a range. No Django and no I/O.

A count holds until the next one, so it is looked at once a week, back from now. The middle goes on
from today's count by the median of the slopes between all pairs of weeks (Theil-Sen: a few odd weeks
do not turn it). The range is what the past did: how far the count strayed from that line over up to
a quarter of the weeks, 9 of 10 times, growing with the square root of time. It is an estimate, so it
is made with floats; whatever is counted or paid is rounded to whole seats by whoever shows it.
"""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_right
from collections.abc import Sequence
from statistics import median
from typing import Final, NamedTuple

WEEK: Final = dt.timedelta(days=7)
MOST_WEEKS: Final = 52  # so far back the past is asked
FEWEST_WEEKS: Final = 8  # of history, below which nothing is said
REACH: Final = 2  # times the history: no forecast goes further ahead
_LOW, _HIGH = 0.05, 0.95


class Estimate(NamedTuple):
    """A count at a later day: what is expected, and the range, as whole seats and not below nought."""

    low: int
    expected: int
    high: int


class Forecast(NamedTuple):
    """``today`` goes on by ``per_week``; ``below`` and ``above`` are the range after one week.

    ``weeks`` is how much of the past it rests on, ``reach`` the last day that it says anything of.
    """

    since: dt.date
    today: int
    per_week: float
    below: float
    above: float
    weeks: int

    @property
    def reach(self) -> dt.date:
        return self.since + self.weeks * REACH * WEEK

    def at(self, day: dt.date) -> Estimate | None:
        """What is expected on a day; None for one that is past, or beyond ``reach``."""
        if not self.since <= day <= self.reach:
            return None
        weeks = (day - self.since) / WEEK
        expected = self.today + self.per_week * weeks
        spread = math.sqrt(weeks)
        return Estimate(
            *(
                max(0, round(count))
                for count in (
                    expected - self.below * spread,
                    expected,
                    expected + self.above * spread,
                )
            )
        )

    def exceeds(self, seats: int) -> RunOut:
        """When the count is first above ``seats``, by the upper edge, the middle and the lower edge."""
        days: dict[str, dt.date] = {}
        day = self.since
        while len(days) < len(Estimate._fields) and (estimate := self.at(day)):
            for edge, count in estimate._asdict().items():
                if count > seats:
                    days.setdefault(edge, day)
            day += dt.timedelta(days=1)
        return RunOut(days.get("high"), days.get("expected"), days.get("low"))


class RunOut(NamedTuple):
    """The days on which the seats run out; None where that is beyond the forecast's reach."""

    earliest: dt.date | None
    expected: dt.date | None
    latest: dt.date | None


def weekly(points: Sequence[tuple[dt.datetime, int | None]], now: dt.datetime) -> list[int]:
    """The count once a week back from ``now``, oldest first, for at most a year.

    ``points`` are in the order of time. None is "not known"; the past ends where it stands.
    """
    times = [at for at, _ in points]
    counts: list[int] = []
    for week in range(MOST_WEEKS + 1):
        place = bisect_right(times, now - week * WEEK)
        count = points[place - 1][1] if place else None
        if count is None:
            break
        counts.append(count)
    return counts[::-1]


def forecast(counts: Sequence[int], today: dt.date) -> Forecast | None:
    """Continue weekly counts, the last of which is today's. None if they span too few weeks."""
    weeks = len(counts) - 1
    if weeks < FEWEST_WEEKS:
        return None
    slope = median(
        (counts[j] - counts[i]) / (j - i) for i in range(weeks) for j in range(i + 1, weeks + 1)
    )
    strays = sorted(
        (counts[i + lag] - counts[i] - slope * lag) / math.sqrt(lag)
        for lag in range(1, max(2, weeks // 4) + 1)
        for i in range(weeks + 1 - lag)
    )
    low, high = (strays[round(share * (len(strays) - 1))] for share in (_LOW, _HIGH))
    return Forecast(today, counts[-1], slope, max(0.0, -low), max(0.0, high), weeks)
