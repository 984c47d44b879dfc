"""The count over time, what is purchased, and the forecast as the lines of a picture."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from enterprise.selectors.outlook import Outlook, Point
from enterprise.views.trend import HEIGHT, WIDTH, scale_of, steps_of

FAN = 24  # places at which the edges of the forecast are drawn


class OutlookChart(NamedTuple):
    """SVG paths, ``""`` where there is nothing to draw, as in ``views.trend``.

    ``band`` is the forecast's range as a closed shape, ``expected`` its middle; ``now`` is where the
    forecast begins, ``renewal`` where the licenses end, both across and None where they are not.
    """

    ours: str
    github: str
    purchased: str
    expected: str
    band: str
    scale: list[int]
    grid: list[float]
    now: float | None
    renewal: float | None
    start: dt.date
    end: dt.date


def outlook_chart(points: list[Point], outlook: Outlook) -> OutlookChart | None:
    """Of what is shown of the past, and the forecast; None if no time passes from start to end."""
    if not points:
        return None
    start, end = points[0].taken_at, outlook.point.taken_at
    until = outlook.until or outlook.today
    last = max(end, _moment(until, end.tzinfo))
    seconds = (last - start).total_seconds()
    if seconds <= 0:
        return None
    fan = _fan(outlook)
    counts = [
        count
        for point in points
        for count in (point.persons, point.github_total, _purchased(point, outlook))
        if count is not None
    ]
    scale = scale_of([*counts, *(count for _, estimate in fan for count in estimate)])
    top, bottom = scale[0], scale[-1]

    def across(at: dt.datetime) -> float:
        return (at - start).total_seconds() / seconds * WIDTH

    def height(count: int) -> float:
        return (top - count) / (top - bottom) * HEIGHT

    def path(counts: Iterable[int | None], end_at: dt.datetime) -> str:
        values = list(counts)
        places = [
            (across(point.taken_at), None if count is None else height(count))
            for point, count in zip(points, values, strict=True)
        ]
        return steps_of([*places, (across(end_at), places[-1][1])])

    def line(edge: int) -> list[str]:
        return [
            f"{across(_moment(day, end.tzinfo)):.1f} {height(each[edge]):.1f}" for day, each in fan
        ]

    today = max(end, _moment(outlook.today, end.tzinfo))
    renewal = outlook.renewal_on
    return OutlookChart(
        ours=path((point.persons for point in points), today),
        github=path((point.github_total for point in points), today),
        purchased=path((_purchased(point, outlook) for point in points), last),
        expected="M" + "L".join(line(1)) if fan else "",
        band="M" + "L".join([*line(2), *reversed(line(0))]) + "Z" if fan else "",
        scale=scale,
        grid=[place / (len(scale) - 1) * HEIGHT for place in range(len(scale))],
        now=across(today) if fan else None,
        renewal=across(last) if renewal and renewal == outlook.until else None,
        start=start.date(),
        end=last.date(),
    )


def _purchased(point: Point, outlook: Outlook) -> int | None:
    return None if outlook.metered else point.github_purchased


def _fan(outlook: Outlook) -> list[tuple[dt.date, tuple[int, int, int]]]:
    found, until = outlook.forecast, outlook.until
    if found is None or until is None or until <= found.since:
        return []
    days = (until - found.since).days
    ahead = sorted({round(days * step / FAN) for step in range(FAN + 1)})
    return [
        (day, estimate)
        for each in ahead
        if (estimate := found.at(day := found.since + dt.timedelta(days=each)))
    ]


def _moment(day: dt.date, zone: dt.tzinfo | None) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone)
