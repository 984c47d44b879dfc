"""``/api/v1``: plans of what to suspend, and what became of them."""

from __future__ import annotations

import datetime as dt

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router, Schema, Status

from enterprise.api.paging import PER_PAGE
from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_exports import CSV_FILE
from enterprise.api.v1_links import (
    After,
    Asked,
    Before,
    Id,
    Whole,
    link,
    note_read,
    reader_of,
    reads,
    writes,
)
from enterprise.api.v1_paging import PerPage
from enterprise.api.v1_problems import not_found
from enterprise.downloads import table_download
from enterprise.models import Enterprise, SeatState
from enterprise.reports.reclaim import PLAN_HEAD, plan_rows
from enterprise.selectors.reclaim import PlanLine, plan_get, plans_page, seats_page
from enterprise.services.reclaim_plans import plan_end, plan_make

router = Router(tags=["insights"])


class NewPlan(Asked):
    """How many licenses to free."""

    seats: Whole


class PlanOut(Schema):
    """A plan, and what became of its licenses. `seats` may be fewer than `wanted`."""

    id: int
    wanted: int
    made_at: dt.datetime
    made_by: str
    checked_at: dt.datetime | None
    ended_at: dt.datetime | None
    seats: int
    planned: int
    not_done: int
    freed: int
    not_freed: int


class Plans(Schema):
    items: list[PlanOut]


class PlannedAccount(Schema):
    """An account to suspend, with what is known of it now."""

    account: str
    email: str
    login: str


class SeatOut(Schema):
    """A person of a plan; the license is freed when the last of the accounts is suspended."""

    id: int
    number: int
    key: str
    accounts: list[PlannedAccount]
    last_active: str
    state: SeatState


class Seats(Schema):
    items: list[SeatOut]


@router.get("/enterprises/{slug}/reclaim/plans", response=Plans, auth=reads, summary="List plans")
def list_plans(
    request: HttpRequest, response: HttpResponse, slug: str, before: Before = None
) -> Plans:
    """Newest first."""
    lines, following = plans_page(enterprise_of(request, slug), before=before, masked=False)
    link(request, response, next={"before": following} if following is not None else None)
    return Plans(items=[_plan_out(line) for line in lines])


@router.post(
    "/enterprises/{slug}/reclaim/plans",
    response={201: PlanOut},
    auth=writes,
    summary="Make a plan to free licenses",
)
def make_plan(request: HttpRequest, slug: str, new: NewPlan) -> Status[PlanOut]:
    """Of those longest not active, who are in no open plan nor exempt. Nothing is suspended by this."""
    enterprise = enterprise_of(request, slug)
    plan = plan_make(enterprise=enterprise, seats=new.seats, actor=actor_of(request))
    return Status(201, _plan_out(_plan(enterprise, plan.pk)))


@router.get(
    "/enterprises/{slug}/reclaim/plans/{plan_id}.csv",
    response={200: None},
    auth=reads,
    summary="Download a plan with what to do where",
    openapi_extra=CSV_FILE,
)
def download_plan(request: HttpRequest, slug: str, plan_id: Id) -> HttpResponseBase:
    reader = reader_of(request, slug)
    line = _plan(reader.enterprise, plan_id)
    rows = plan_rows(line.plan, masked=reader.masked)
    return table_download(request, reader, f"reclaim-plan-{plan_id}", PLAN_HEAD, rows)


@router.get(
    "/enterprises/{slug}/reclaim/plans/{plan_id}",
    response=PlanOut,
    auth=reads,
    summary="Get a plan and what became of it",
)
def get_plan(request: HttpRequest, slug: str, plan_id: Id) -> PlanOut:
    return _plan_out(_plan(enterprise_of(request, slug), plan_id))


@router.get(
    "/enterprises/{slug}/reclaim/plans/{plan_id}/seats",
    response=Seats,
    auth=reads,
    summary="List the licenses of a plan",
)
def list_seats(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    plan_id: Id,
    *,
    after: After = 0,
    per_page: PerPage = PER_PAGE,
) -> Seats:
    line = _plan(enterprise_of(request, slug), plan_id)
    seats, following = seats_page(line.plan, after=after, limit=per_page, masked=False)
    link(request, response, next={"after": following} if following is not None else None)
    note_read(request, slug, f"reclaim-plan-{plan_id}")
    return Seats(
        items=[
            SeatOut(
                id=each.seat.pk,
                number=each.seat.number,
                key=each.key,
                accounts=[PlannedAccount(**account._asdict()) for account in each.accounts],
                last_active=each.seat.last_active,
                state=SeatState(each.seat.state),
            )
            for each in seats
        ]
    )


@router.post(
    "/enterprises/{slug}/reclaim/plans/{plan_id}/end",
    response=PlanOut,
    auth=writes,
    summary="End a plan",
)
def end_plan(request: HttpRequest, slug: str, plan_id: Id) -> PlanOut:
    """It keeps what became of its licenses; who was not freed may be planned anew."""
    enterprise = enterprise_of(request, slug)
    plan_end(plan=_plan(enterprise, plan_id).plan, actor=actor_of(request))
    return _plan_out(_plan(enterprise, plan_id))


def _plan(enterprise: Enterprise, plan_id: int) -> PlanLine:
    line = plan_get(enterprise, plan_id, masked=False)
    if line is None:
        raise not_found()
    return line


def _plan_out(line: PlanLine) -> PlanOut:
    names = ("id", "wanted", "made_at", "made_by", "checked_at", "ended_at")
    return PlanOut(**{name: getattr(line.plan, name) for name in names}, **line.totals._asdict())
