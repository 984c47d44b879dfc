"""``/api/v1``: the count over time, and where it is heading."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Field, Router, Schema

from enterprise.api.v1_access import enterprise_of
from enterprise.api.v1_exports import CSV_FILE, JSON_LINES_FILE
from enterprise.api.v1_links import SnapshotRef, reader_of, reads
from enterprise.api.v1_problems import Problem
from enterprise.downloads import table_file
from enterprise.reports.tables import trend_table
from enterprise.selectors.outlook import (
    Basis,
    Outlook,
    Point,
    Span,
    TrueUp,
    high_water_of,
    outlook_of,
    points_of,
    points_shown,
)

router = Router(tags=["insights"])


# --- The trend -----------------------------------------------------------------------------------


class PointOut(Schema):
    """A count: this console's `persons`, and GitHub's own numbers as last read then."""

    id: int = Field(description="Of the snapshot")
    taken_at: dt.datetime
    persons: int
    github_total: int | None
    github_purchased: int | None


class HighWater(Schema):
    """The highest count there ever was on a basis, and the first snapshot that had it."""

    count: int
    snapshot: SnapshotRef


class TrendOut(Schema):
    items: list[PointOut]
    high_water: dict[Basis, HighWater]


@router.get(
    "/enterprises/{slug}/trend", response=TrendOut, auth=reads, summary="Get the count over time"
)
def get_trend(request: HttpRequest, slug: str, span: Span = "year") -> TrendOut:
    """The last count of each week of the last year, or of each month of all time."""
    enterprise = enterprise_of(request, slug)
    points = points_of(enterprise)
    bases: tuple[Basis, ...] = ("github", "console")
    marks = {basis: _mark(high_water_of(points, basis), basis) for basis in bases}
    return TrendOut(
        items=[
            PointOut(**point._asdict()) for point in points_shown(points, span, enterprise.zone)
        ],
        high_water={basis: mark for basis, mark in marks.items() if mark is not None},
    )


def _mark(point: Point | None, basis: Basis) -> HighWater | None:
    if point is None or (count := point.of(basis)) is None:
        return None
    return HighWater(count=count, snapshot=SnapshotRef(id=point.id, taken_at=point.taken_at))


@router.get(
    "/enterprises/{slug}/trend.csv",
    response={200: None},
    auth=reads,
    summary="Download the count over time",
    openapi_extra=CSV_FILE,
)
def download_trend(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Every snapshot's numbers."""
    reader = reader_of(request, slug)
    return table_file(request, reader, trend_table(reader.enterprise))


# --- The forecast --------------------------------------------------------------------------------


class EstimateOut(Schema):
    """What is expected on a day, and the range that holds 9 of 10 of what the past did."""

    on: dt.date
    low: int
    expected: int
    high: int


class RunOutOut(Schema):
    """The first day on which the count is above `purchased`; null beyond the forecast's reach."""

    earliest: dt.date | None
    expected: dt.date | None
    latest: dt.date | None


class TrueUpOut(Schema):
    """Licenses missing, and their cost at the enterprise's price as an exact amount."""

    seats: int
    cost: str | None


class TrueUpsOut(Schema):
    """`low`, `expected` and `high` are at the renewal; null where the forecast does not reach it."""

    now: TrueUpOut
    low: TrueUpOut | None
    expected: TrueUpOut | None
    high: TrueUpOut | None
    price: str | None
    currency: str


class ForecastOut(Schema):
    """Everything here has one `basis`: `github`, GitHub's total, or `console`, this console's count.

    Without enough weeks, `available` is false and what rests on the forecast is null. With metered
    billing `used` is who is billable this cycle, and nothing is purchased.
    """

    snapshot: SnapshotRef
    basis: Literal["github", "console"]
    metered: bool
    used: int
    purchased: int | None
    free: int | None
    known_weeks: int = Field(description="How long the basis is known without a gap")
    available: bool
    per_week: float | None
    reach: dt.date | None = Field(description="The last day that the forecast says anything of")
    renewal_on: dt.date | None
    at_renewal: EstimateOut | None
    months: list[EstimateOut]
    run_out: RunOutOut | None
    true_up: TrueUpsOut | None


@router.get(
    "/enterprises/{slug}/forecast", response=ForecastOut, auth=reads, summary="Get the forecast"
)
def get_forecast(request: HttpRequest, slug: str) -> ForecastOut:
    """The median slope between all pairs of weeks of the last year, continued from today's count."""
    enterprise = enterprise_of(request, slug)
    outlook = outlook_of(enterprise, points_of(enterprise))
    if outlook is None:
        raise Problem(409, "not_counted", "Nothing has been counted yet.")
    found, renewal = outlook.forecast, outlook.renewal_on
    return ForecastOut(
        snapshot=SnapshotRef(id=outlook.point.id, taken_at=outlook.point.taken_at),
        basis=outlook.basis,
        metered=outlook.metered,
        used=outlook.used,
        purchased=outlook.purchased,
        free=outlook.free,
        known_weeks=outlook.known_weeks,
        available=found is not None,
        per_week=found.per_week if found else None,
        reach=found.reach if found else None,
        renewal_on=renewal,
        at_renewal=EstimateOut(on=renewal, **outlook.at_renewal._asdict())
        if renewal and outlook.at_renewal
        else None,
        months=[EstimateOut(on=day, **each._asdict()) for day, each in outlook.months()],
        run_out=RunOutOut(**outlook.run_out._asdict()) if outlook.run_out else None,
        true_up=_true_ups(outlook, enterprise.seat_price),
    )


def _true_ups(outlook: Outlook, price: Decimal | None) -> TrueUpsOut | None:
    if outlook.true_up_now is None:
        return None
    edges = [_true_up(each) for each in outlook.true_up] if outlook.true_up else [None] * 3
    return TrueUpsOut(
        now=_true_up(outlook.true_up_now),
        low=edges[0],
        expected=edges[1],
        high=edges[2],
        price=None if price is None else str(price),
        currency=outlook.currency,
    )


def _true_up(each: TrueUp) -> TrueUpOut:
    return TrueUpOut(seats=each.seats, cost=None if each.cost is None else str(each.cost))


@router.get(
    "/enterprises/{slug}/trend.jsonl",
    response={200: None},
    auth=reads,
    summary="Download the count over time as JSON lines",
    openapi_extra=JSON_LINES_FILE,
)
def download_trend_lines(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Every snapshot's numbers."""
    reader = reader_of(request, slug)
    return table_file(request, reader, trend_table(reader.enterprise), json_lines=True)
