"""The forecast: exact on a line, unmoved by odd weeks, silent on too little, honest about its range."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enterprise.counting.forecast import FEWEST_WEEKS, MOST_WEEKS, WEEK, forecast, weekly

TODAY = dt.date(2026, 11, 25)
NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
counts = st.lists(st.integers(0, 1_000_000), min_size=FEWEST_WEEKS + 1, max_size=MOST_WEEKS + 1)


def ahead(weeks: int) -> dt.date:
    return TODAY + weeks * WEEK


@given(start=st.integers(0, 10**6), slope=st.integers(0, 500), weeks=st.integers(0, 16))
def test_a_straight_line_goes_on_straight_and_without_a_range(
    start: int, slope: int, weeks: int
) -> None:
    line = [start + slope * week for week in range(FEWEST_WEEKS + 1)]
    found = forecast(line, TODAY)
    assert found is not None
    assert found.at(ahead(weeks)) == (line[-1] + slope * weeks,) * 3


@given(counts)
def test_the_range_encloses_what_is_expected_and_never_narrows(past: list[int]) -> None:
    found = forecast(past, TODAY)
    assert found is not None
    widths = []
    for weeks in range(2 * (len(past) - 1) + 1):
        estimate = found.at(ahead(weeks))
        assert estimate is not None
        assert 0 <= estimate.low <= estimate.expected <= estimate.high
        widths.append((found.below + found.above) * weeks)
    assert widths == sorted(widths)


@given(counts)
def test_today_is_todays_count_for_certain(past: list[int]) -> None:
    found = forecast(past, TODAY)
    assert found is not None
    assert found.at(TODAY) == (past[-1],) * 3


@given(counts, st.integers(1, 10**6))
def test_more_people_all_along_change_neither_slope_nor_range(past: list[int], more: int) -> None:
    one, other = forecast(past, TODAY), forecast([count + more for count in past], TODAY)
    assert one is not None
    assert other is not None
    assert (one.per_week, one.below, one.above) == pytest.approx(
        (other.per_week, other.below, other.above)
    )


def test_a_few_odd_weeks_do_not_turn_the_line() -> None:
    past = [1000 + 3 * week for week in range(53)]
    for odd in (7, 21, 40):
        past[odd] = 50
    found = forecast(past, TODAY)
    assert found is not None
    assert found.per_week == 3


@pytest.mark.parametrize("weeks", [0, 1, FEWEST_WEEKS - 1])
def test_too_few_weeks_give_no_forecast(weeks: int) -> None:
    assert forecast([100] * (weeks + 1), TODAY) is None


def test_it_says_nothing_of_the_past_nor_of_more_than_twice_its_history() -> None:
    found = forecast(list(range(FEWEST_WEEKS + 1)), TODAY)
    assert found is not None
    assert found.at(TODAY - dt.timedelta(days=1)) is None
    assert found.at(found.reach) is not None
    assert found.at(found.reach + dt.timedelta(days=1)) is None
    assert found.reach == ahead(2 * FEWEST_WEEKS)


def test_seats_run_out_on_the_first_day_above_them() -> None:
    found = forecast([100 + 7 * week for week in range(9)], TODAY)  # one more each day
    assert found is not None
    assert set(found.exceeds(found.today + 10)) == {TODAY + dt.timedelta(days=11)}
    assert set(found.exceeds(found.today - 1)) == {TODAY}
    assert set(found.exceeds(found.today + 1000)) == {None}


@given(counts, st.integers(0, 1_000_000))
def test_the_upper_edge_runs_out_first(past: list[int], seats: int) -> None:
    found = forecast(past, TODAY)
    assert found is not None
    never = dt.date.max
    days = [day or never for day in found.exceeds(seats)]
    assert days[0] <= days[1]
    assert days[0] <= days[2]


@pytest.mark.parametrize(("history", "ahead_weeks", "least"), [(53, 8, 70), (53, 26, 70)])
def test_most_of_what_comes_lies_within_the_range(
    history: int, ahead_weeks: int, least: int
) -> None:
    """On counts that wander with a drift, the hardest to foretell: the share is told in the docs."""
    drawn, within, rounds = random.Random(8), 0, 200
    for _ in range(rounds):
        count, past = 1000.0, []
        for _ in range(history + ahead_weeks):
            count += drawn.gauss(2, 8)
            past.append(round(count))
        found = forecast(past[:history], TODAY)
        assert found is not None
        estimate = found.at(ahead(ahead_weeks))
        assert estimate is not None
        within += estimate.low <= past[-1] <= estimate.high
    assert within * 100 / rounds >= least


class TestOnceAWeek:
    def test_a_count_holds_until_the_next(self) -> None:
        points = [(NOW - dt.timedelta(days=20), 5), (NOW - dt.timedelta(days=8), 9)]
        assert weekly(points, NOW) == [5, 9, 9]

    def test_the_past_begins_with_the_first_count_and_is_a_year_at_most(self) -> None:
        assert weekly([], NOW) == []
        assert weekly([(NOW - dt.timedelta(days=1000), 3)], NOW) == [3] * (MOST_WEEKS + 1)

    def test_the_past_ends_where_the_count_was_not_known(self) -> None:
        points = [
            (NOW - dt.timedelta(days=30), 5),
            (NOW - dt.timedelta(days=16), None),
            (NOW - dt.timedelta(days=10), 7),
        ]
        assert weekly(points, NOW) == [7, 7]
