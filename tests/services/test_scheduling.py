"""When the next sync is due: wall-clock time across daylight saving, spread, anchored once."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enterprise.models import Enterprise, Rhythm, ServerInstance
from enterprise.services.enterprises import enterprise_edit
from enterprise.services.scheduling import (
    SPREAD_SECONDS,
    cloud_anchor,
    instance_anchor,
    instance_next,
    next_window,
    offset_of,
)
from tests.factories import EnterpriseFactory, ServerInstanceFactory
from tests.services.conftest import MONA

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY = 6


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def berlin(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def sundays_after(after: dt.datetime, time: dt.time) -> dt.datetime:
    return next_window(after=after, weekday=SUNDAY, time=time, zone="Europe/Berlin")


def test_a_window_is_later_than_the_moment_asked_from() -> None:
    noon = dt.time(12)
    assert sundays_after(berlin("2026-11-01 11:59"), noon) == berlin("2026-11-01 12:00")
    assert sundays_after(berlin("2026-11-01 12:00"), noon) == berlin("2026-11-08 12:00")


def test_a_window_keeps_its_hour_across_daylight_saving() -> None:
    # Berlin goes to summer time on 29 March 2026 and back on 25 October 2026.
    noon = dt.time(12)
    assert sundays_after(berlin("2026-03-22 12:00"), noon) == utc("2026-03-29 10:00")
    assert sundays_after(berlin("2026-10-18 12:00"), noon) == utc("2026-10-25 11:00")


def test_an_hour_that_the_clock_skips_is_taken_as_the_same_moment() -> None:
    half_past_two = dt.time(2, 30)
    window = sundays_after(berlin("2026-03-28 12:00"), half_past_two)
    assert window == utc("2026-03-29 01:30")
    assert sundays_after(window, half_past_two) == utc("2026-04-05 00:30")


def test_an_hour_that_the_clock_repeats_comes_once() -> None:
    half_past_two = dt.time(2, 30)
    window = sundays_after(berlin("2026-10-24 12:00"), half_past_two)
    assert window == utc("2026-10-25 00:30")
    assert sundays_after(window, half_past_two) == utc("2026-11-01 01:30")


def test_a_daily_window_comes_every_day() -> None:
    window = utc("2026-10-24 10:00")
    found = []
    for _day in range(3):
        window = next_window(after=window, weekday=None, time=dt.time(12), zone="Europe/Berlin")
        found.append(window.astimezone(BERLIN).isoformat(sep=" "))
    assert found == [
        "2026-10-25 12:00:00+01:00",
        "2026-10-26 12:00:00+01:00",
        "2026-10-27 12:00:00+01:00",
    ]


@given(
    after=st.datetimes(
        min_value=dt.datetime(2024, 1, 1),  # noqa: DTZ001
        max_value=dt.datetime(2030, 1, 1),  # noqa: DTZ001
    ),
    weekday=st.none() | st.integers(0, 6),
    time=st.times(),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "Asia/Shanghai", "America/Santiago", "Australia/Lord_Howe"]
    ),
    offset=st.integers(0, SPREAD_SECONDS),
)
def test_a_window_is_always_ahead_and_never_more_than_its_rhythm_away(
    after: dt.datetime, weekday: int | None, time: dt.time, zone: str, offset: int
) -> None:
    moment = after.replace(tzinfo=dt.UTC)
    spread = dt.timedelta(seconds=offset)
    window = next_window(after=moment, weekday=weekday, time=time, zone=zone, offset=spread)
    longest = dt.timedelta(days=1 if weekday is None else 7, hours=1)  # a clock change
    assert dt.timedelta() < window - moment <= longest
    again = next_window(after=window, weekday=weekday, time=time, zone=zone, offset=spread)
    assert again - window >= dt.timedelta(days=1 if weekday is None else 7, hours=-1)


# --- Instances ------------------------------------------------------------------------------------


@pytest.fixture
def instance(db: None) -> ServerInstance:
    return ServerInstanceFactory(
        enterprise__time_zone="Europe/Berlin", host_name="ghes1.example.com"
    )


def test_instances_are_spread_by_a_small_offset_that_stays() -> None:
    offsets = [
        offset_of(ServerInstance(host_name=f"ghes{number}.example.com")) for number in range(200)
    ]
    assert offsets[7] == offset_of(ServerInstance(host_name="ghes7.example.com"))
    assert all(dt.timedelta() <= offset < dt.timedelta(seconds=300) for offset in offsets)
    assert len(set(offsets)) > 100


@pytest.mark.parametrize("second", range(0, 60, 7))
def test_the_first_window_is_one_week_on_whatever_the_second(
    instance: ServerInstance, second: int
) -> None:
    now = utc(f"2026-11-23 09:15:{second:02}")
    instance_anchor(instance, now)
    assert (instance.schedule_weekday, instance.schedule_time) == (0, dt.time(10, 15))
    assert instance.next_sync_at == utc("2026-11-30 09:15") + offset_of(instance)


def test_a_window_missed_while_down_runs_once_and_the_schedule_goes_on(
    instance: ServerInstance,
) -> None:
    instance_anchor(instance, utc("2026-11-02 09:15"))
    back = utc("2026-11-25 08:00")  # the windows of the 9th, 16th and 23rd have passed
    assert instance.next_sync_at is not None
    assert instance.next_sync_at < back
    assert instance_next(instance, back) == utc("2026-11-30 09:15") + offset_of(instance)


def test_a_daily_rhythm_keeps_the_hour(instance: ServerInstance) -> None:
    instance.rhythm = Rhythm.DAILY
    instance_anchor(instance, utc("2026-11-23 09:15"))
    assert instance.next_sync_at == utc("2026-11-24 09:15") + offset_of(instance)


def test_without_an_anchor_there_is_no_window(instance: ServerInstance) -> None:
    assert instance_next(instance, utc("2026-11-23 09:15")) is None


# --- Another time zone ----------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati"])
def test_another_time_zone_moves_each_window_to_its_hour_there(
    instance: ServerInstance, zone: str
) -> None:
    enterprise = instance.enterprise
    cloud_anchor(enterprise, utc("2026-11-23 09:15"))
    enterprise.save()
    instance_anchor(instance, utc("2026-11-23 09:15"))
    instance.save()
    enterprise_edit(enterprise=enterprise, actor=MONA, time_zone=zone)
    enterprise.refresh_from_db()
    instance.refresh_from_db()
    due = dt.datetime(2026, 11, 30, 10, 15, tzinfo=ZoneInfo(zone))
    assert enterprise.next_sync_at == due
    assert instance.next_sync_at == due + offset_of(instance)


def test_another_time_zone_starts_no_schedule(db: None) -> None:
    enterprise: Enterprise = EnterpriseFactory()
    instance = ServerInstanceFactory(enterprise=enterprise)
    enterprise_edit(enterprise=enterprise, actor=MONA, time_zone="Asia/Tokyo")
    enterprise.refresh_from_db()
    instance.refresh_from_db()
    assert (enterprise.next_sync_at, instance.next_sync_at) == (None, None)
