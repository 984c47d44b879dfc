"""Times in the viewer's language and zone: exactly, and by their distance from now."""

from __future__ import annotations

from datetime import datetime, time, tzinfo
from functools import lru_cache

from django.utils import formats, timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

RELATIVE_DAYS = 30  # an older time is better told by its date


def exact_time(value: datetime) -> str:
    """``value`` in the viewer's zone, with the zone named."""
    return _exact_in(value, timezone.get_current_timezone(), get_language())


@lru_cache(maxsize=4096)  # pages show the same times again and again
def _exact_in(value: datetime, viewers: tzinfo, _language: str | None) -> str:
    local = value.astimezone(viewers)
    zone = local.tzname() or ""
    if zone[:1] in "+-":  # zones without letters of their own
        zone = f"UTC{zone}"
    return f"{formats.date_format(local, 'DATETIME_FORMAT')} {zone}"


def date_of(stored: str) -> str:
    """The day of a moment in ISO 8601 in the reader's zone, or a date as it is."""
    value = datetime.fromisoformat(stored)
    return formats.date_format(timezone.localtime(value) if value.tzinfo else value)


def relative_time(value: datetime) -> str | None:
    """How far ``value`` is from now, in its largest unit; None from 30 days on."""
    seconds = (timezone.now() - value).total_seconds()
    past = seconds >= 0
    minutes, hours, days = (round(abs(seconds) / unit) for unit in (60, 3600, 86_400))
    if days >= RELATIVE_DAYS:
        return None
    if minutes < 1:
        return _("just now") if past else _("in a moment")
    if minutes < 60:
        text = (
            ngettext("%(n)s minute ago", "%(n)s minutes ago", minutes)
            if past
            else ngettext("in %(n)s minute", "in %(n)s minutes", minutes)
        )
        return text % {"n": minutes}
    if hours < 24:
        text = (
            ngettext("%(n)s hour ago", "%(n)s hours ago", hours)
            if past
            else ngettext("in %(n)s hour", "in %(n)s hours", hours)
        )
        return text % {"n": hours}
    text = (
        ngettext("%(n)s day ago", "%(n)s days ago", days)
        if past
        else ngettext("in %(n)s day", "in %(n)s days", days)
    )
    return text % {"n": days}


def duration(seconds: float) -> str:
    """How long something took, in its two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": rest}
    return _("%(seconds)s s") % {"seconds": rest} if rest else _("under 1 s")


def schedule_sentence(weekday: int | None, at: time, zone: str) -> str:
    """When something is synced by the clock of ``zone``: on ``weekday`` (Monday 0), or every day."""
    return _schedule_in(weekday, at, zone, get_language())


@lru_cache(maxsize=1024)  # a page says it of every instance
def _schedule_in(weekday: int | None, at: time, zone: str, _language: str | None) -> str:
    shown = {"time": formats.time_format(at, "H:i"), "zone": zone.replace("_", " ")}
    if weekday is None:
        return _("Every day at %(time)s (%(zone)s)") % shown
    return _("Every week, %(weekday)s at %(time)s (%(zone)s)") % {
        "weekday": WEEKDAYS[weekday],
        **shown,
    }
