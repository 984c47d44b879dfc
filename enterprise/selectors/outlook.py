"""The count over time and where it is heading, beside what is purchased (domain.md section 3).

GitHub's total and ours are never mixed: whatever is compared with purchased names its basis, which
is GitHub's total where the newest snapshot has one, else ours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, NamedTuple

from django.utils import timezone

from enterprise.counting.forecast import Estimate, Forecast, RunOut, forecast, weekly
from enterprise.models import BillingModel, Enterprise, Snapshot

Basis = Literal["github", "console"]
Span = Literal["year", "all"]
YEAR = dt.timedelta(days=366)
WITHOUT_RENEWAL = dt.timedelta(weeks=26)  # so far the forecast is shown where no date is entered


class Point(NamedTuple):
    """A snapshot's numbers."""

    id: int
    taken_at: dt.datetime
    persons: int
    github_total: int | None
    github_purchased: int | None

    def of(self, basis: Basis) -> int | None:
        return self.github_total if basis == "github" else self.persons


def points_of(enterprise: Enterprise) -> list[Point]:
    """Every snapshot, in the order of time."""
    snapshots = Snapshot.objects.filter(enterprise=enterprise).order_by("pk")
    return [Point(*row) for row in snapshots.values_list("pk", *Point._fields[1:])]


def points_shown(points: list[Point], span: Span, zone: dt.tzinfo) -> list[Point]:
    """The last of each week of the last year, or the last of each month of all time."""
    last: dict[tuple[int, int], Point] = {}
    since = timezone.now() - YEAR
    for point in points:
        if span == "all":
            at = point.taken_at.astimezone(zone)
            last[at.year, at.month] = point
        elif point.taken_at >= since:
            last[point.taken_at.astimezone(zone).isocalendar()[:2]] = point
    return list(last.values())


def high_water_of(points: list[Point], basis: Basis) -> Point | None:
    """The first of the snapshots with the highest count on that basis."""
    known = [point for point in points if point.of(basis) is not None]
    return max(known, key=lambda point: (point.of(basis), -point.id), default=None)


# --- Where it is heading -------------------------------------------------------------------------


class TrueUp(NamedTuple):
    """Seats missing, and what they cost; None where no price is entered."""

    seats: int
    cost: Decimal | None


class Outlook(NamedTuple):
    """The newest count on its basis, and what comes.

    ``known_weeks`` is how long the basis is known without a gap; with too few there is no
    ``forecast``. ``until`` is the day it is shown to: the renewal where one is entered and within
    reach, and then ``at_renewal`` is known. ``run_out`` and the true-ups need a number of purchased
    licenses; with metered billing there is none, and ``used`` is who is billable this cycle.
    """

    point: Point
    basis: Basis
    used: int
    purchased: int | None
    metered: bool
    today: dt.date
    known_weeks: int
    forecast: Forecast | None
    until: dt.date | None
    renewal_on: dt.date | None
    at_renewal: Estimate | None
    run_out: RunOut | None
    true_up_now: TrueUp | None
    true_up: tuple[TrueUp, ...] | None  # at the renewal: low, expected, high
    currency: str

    @property
    def free(self) -> int | None:
        return None if self.purchased is None else self.purchased - self.used

    @property
    def renewal_is_past(self) -> bool:
        return self.renewal_on is not None and self.renewal_on < self.today

    def months(self) -> Iterator[tuple[dt.date, Estimate]]:
        """What is expected at the end of each month, and on the last day shown."""
        if self.forecast is None or self.until is None:
            return
        day = _month_end(self.today)
        while day < self.until:
            estimate = self.forecast.at(day)
            if estimate is not None and day > self.today:
                yield day, estimate
            day = _month_end(day + dt.timedelta(days=1))
        if (last := self.forecast.at(self.until)) is not None:
            yield self.until, last


def _month_end(day: dt.date) -> dt.date:
    following = (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    return following - dt.timedelta(days=1)


def outlook_of(enterprise: Enterprise, points: list[Point]) -> Outlook | None:
    """Of all snapshots; None before the first count."""
    if not points:
        return None
    now, newest = timezone.now(), points[-1]
    today = now.astimezone(enterprise.zone).date()
    basis: Basis = "console" if newest.github_total is None else "github"
    metered = enterprise.billing_model == BillingModel.METERED
    purchased = None if metered else newest.github_purchased
    recent = weekly([(point.taken_at, point.of(basis)) for point in points], now)
    found = forecast(recent, today)
    renewal = enterprise.renewal_on
    at_renewal = found.at(renewal) if found and renewal else None
    used = newest.of(basis) or 0

    def missing(count: int) -> TrueUp | None:
        if purchased is None:
            return None
        seats, price = max(0, count - purchased), enterprise.seat_price
        return TrueUp(seats, None if price is None else seats * price)

    return Outlook(
        point=newest,
        basis=basis,
        used=used,
        purchased=purchased,
        metered=metered,
        today=today,
        known_weeks=max(0, len(recent) - 1),
        forecast=found,
        until=_until(found, renewal),
        renewal_on=renewal,
        at_renewal=at_renewal,
        run_out=None if purchased is None or found is None else found.exceeds(purchased),
        true_up_now=missing(used),
        true_up=tuple(each for count in at_renewal if (each := missing(count))) or None
        if at_renewal
        else None,
        currency=enterprise.currency,
    )


def _until(found: Forecast | None, renewal: dt.date | None) -> dt.date | None:
    if found is None:
        return None
    wanted = renewal if renewal and renewal > found.since else found.since + WITHOUT_RENEWAL
    return min(wanted, found.reach)
