"""When the next sync is due: wall-clock time in the enterprise's zone, anchored at enabling.

GitHub syncs weekly (domain.md section 5); weekday, hour and a daily rhythm are ours to choose.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

from enterprise.faults import Refused
from enterprise.models import Enterprise, Rhythm, ServerInstance

_WIDEST_SHIFT = dt.timedelta(hours=26)  # between any two time zones
SPREAD_SECONDS = 300  # instances enabled by one script do not all start in the same second


def schedule_checked(values: dict[str, Any]) -> dict[str, Any]:
    """``values`` with ``schedule_weekday`` and ``schedule_time``, as far as given, as they are kept.

    The time is one of day, without a zone, or such as ``03:00``. Raises Refused ``out_of_range`` or
    ``bad_time``.
    """
    weekday = values.get("schedule_weekday", 0)
    if weekday is None or not 0 <= weekday <= 6:
        raise Refused("out_of_range", field="schedule_weekday", value=weekday, least=0, most=6)
    time = values.get("schedule_time", dt.time())
    if isinstance(time, str):
        try:
            time = dt.time.fromisoformat(time.strip())
        except ValueError:
            raise Refused("bad_time", field="schedule_time", value=time[:20]) from None
    if time is None or time.tzinfo is not None:
        raise Refused("bad_time", field="schedule_time", value=str(time))
    return {**values, "schedule_time": time} if "schedule_time" in values else values


def offset_of(instance: ServerInstance) -> dt.timedelta:
    """The instance's small fixed offset, the same for ever."""
    return dt.timedelta(seconds=crc32(instance.host_name.encode()) % SPREAD_SECONDS)


def next_window(
    *,
    after: dt.datetime,
    weekday: int | None,
    time: dt.time,
    zone: str,
    offset: dt.timedelta = dt.timedelta(),
) -> dt.datetime:
    """The first window later than ``after``: each day at ``time``, or only on ``weekday`` (Monday 0).

    Wall-clock time in ``zone``: a window stays at the same hour across daylight saving. An hour that
    a clock change skips is taken as the same moment on the old offset; one that it repeats, once.
    """
    tz = ZoneInfo(zone)
    day = (after - offset).astimezone(tz).date()
    while True:
        window = dt.datetime.combine(day, time, tzinfo=tz).astimezone(dt.UTC) + offset
        if window > after and weekday in (None, day.weekday()):
            return window
        day += dt.timedelta(days=1)


def instance_anchor(instance: ServerInstance, now: dt.datetime) -> None:
    """Anchor the schedule at ``now``, but for what of it is there already; the caller saves.

    The first window is a whole week (or day) on: today's, moved past ``now`` by the offset, is none.
    """
    _anchor(instance, now.astimezone(instance.enterprise.zone))
    instance.next_sync_at = instance_next(instance, now + dt.timedelta(seconds=SPREAD_SECONDS))


def _anchor(scheduled: Enterprise | ServerInstance, local: dt.datetime) -> None:
    if scheduled.schedule_weekday is None:
        scheduled.schedule_weekday = local.weekday()
    if scheduled.schedule_time is None:
        scheduled.schedule_time = local.time().replace(second=0, microsecond=0)


def instance_next(instance: ServerInstance, now: dt.datetime) -> dt.datetime | None:
    """The instance's next window after ``now``; None while its schedule was never anchored."""
    if instance.schedule_time is None:
        return None
    return next_window(
        after=now,
        weekday=None if instance.rhythm == Rhythm.DAILY else instance.schedule_weekday,
        time=instance.schedule_time,
        zone=instance.enterprise.time_zone,
        offset=offset_of(instance),
    )


def rhythm_length(instance: ServerInstance) -> dt.timedelta:
    return dt.timedelta(days=1 if instance.rhythm == Rhythm.DAILY else 7)


def cloud_anchor(enterprise: Enterprise, now: dt.datetime) -> None:
    """Anchor the cloud side's own weekly schedule at ``now``, as an instance's; the caller saves."""
    _anchor(enterprise, now.astimezone(enterprise.zone))
    enterprise.next_sync_at = cloud_next(enterprise, now)


def cloud_next(enterprise: Enterprise, now: dt.datetime) -> dt.datetime | None:
    if enterprise.schedule_time is None:
        return None
    return next_window(
        after=now,
        weekday=enterprise.schedule_weekday,
        time=enterprise.schedule_time,
        zone=enterprise.time_zone,
    )


def windows_move(enterprise: Enterprise) -> None:
    """Move the windows to come after the enterprise's time zone has changed, and save them.

    The anchors are wall-clock times, so each window keeps its weekday and hour in the new zone. One
    that thereby lies in the past is due at once: none is lost.
    """
    if enterprise.next_sync_at is not None:
        enterprise.next_sync_at = cloud_next(enterprise, enterprise.next_sync_at - _WIDEST_SHIFT)
        enterprise.save(update_fields=["next_sync_at"])
    for instance in enterprise.instances.all():
        if instance.next_sync_at is not None:
            instance.next_sync_at = instance_next(instance, instance.next_sync_at - _WIDEST_SHIFT)
            instance.save(update_fields=["next_sync_at"])
