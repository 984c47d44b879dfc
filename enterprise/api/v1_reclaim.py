"""``/api/v1``: the reclaim planner."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router, Schema, Status
from pydantic import Field

from enterprise.api.paging import PER_PAGE
from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_exports import CSV_FILE
from enterprise.api.v1_links import After, Asked, Before, Id, Whole, link, reader_of, reads, writes
from enterprise.api.v1_paging import PerPage
from enterprise.api.v1_problems import not_found
from enterprise.downloads import table_download
from enterprise.models import Enterprise, SeatState
from enterprise.reports.reclaim import CANDIDATES_HEAD, PLAN_HEAD, candidates_rows, plan_rows
from enterprise.selectors.duplicates import search_is_pending
from enterprise.selectors.reclaim import (
    PlanLine,
    candidate_get,
    candidates_count,
    candidates_page,
    plan_get,
    plans_page,
    reclaim_search_get,
    seats_page,
)
from enterprise.services.reclaim_plans import exemption_end, exemption_set, plan_end, plan_make

router = Router(tags=["insights"])

Which = Literal["free", "exempt", "all"]


class ExemptionOut(Schema):
    """Why a person keeps the seat, and until which day."""

    reason: str
    until: dt.date
    decided_by: str


class CandidateOut(Schema):
    """A person all of whose accounts are idle. `last_active` is empty where it is not kept."""

    number: int
    key: str
    accounts: list[str]
    last_active: str
    exemption: ExemptionOut | None


class Candidates(Schema):
    """`free` are those who could be planned now.

    `in_cloud` and `active_elsewhere` are persons with a dormant account who consume a license all the
    same. All are null before the first count.
    """

    items: list[CandidateOut]
    searched_at: dt.datetime | None
    pending: bool = Field(description="Whether the newest count is still to be looked into")
    free: int
    candidates: int | None
    dormant_accounts: int | None
    in_cloud: int | None
    active_elsewhere: int | None


class NewExemption(Asked):
    """Until which day, the last one, and why."""

    reason: str
    until: dt.date


class NewPlan(Asked):
    """How many seats to free."""

    seats: Whole


class PlanOut(Schema):
    """A plan, and what became of its seats. `seats` may be fewer than `wanted`."""

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
    """A person of a plan; the seat is freed when the last of the accounts is suspended."""

    id: int
    number: int
    key: str
    accounts: list[PlannedAccount]
    last_active: str
    state: SeatState


class Seats(Schema):
    items: list[SeatOut]


@router.get(
    "/enterprises/{slug}/reclaim",
    response=Candidates,
    auth=reads,
    summary="List persons whose seats could be freed",
)
def list_candidates(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    *,
    which: Which = "free",
    after: After = 0,
    per_page: PerPage = PER_PAGE,
) -> Candidates:
    """Longest not active first; whose last activity is not known comes last."""
    enterprise = enterprise_of(request, slug)
    lines, following = candidates_page(
        enterprise, which=which, after=after, limit=per_page, masked=False
    )
    link(request, response, next={"after": following} if following is not None else None)
    search = reclaim_search_get(enterprise)
    names = ("searched_at", "candidates", "dormant_accounts", "in_cloud", "active_elsewhere")
    return Candidates(
        items=[
            CandidateOut(
                **line._replace(exemption=None)._asdict()
                | {
                    "exemption": ExemptionOut(**line.exemption._asdict())
                    if line.exemption
                    else None
                }
            )
            for line in lines
        ],
        pending=search_is_pending(enterprise),
        free=candidates_count(enterprise),
        **{name: getattr(search, name) if search else None for name in names},
    )


@router.get(
    "/enterprises/{slug}/reclaim.csv",
    response={200: None},
    auth=reads,
    summary="Download persons whose seats could be freed",
    openapi_extra=CSV_FILE,
)
def download_candidates(request: HttpRequest, slug: str, which: Which = "free") -> HttpResponseBase:
    reader = reader_of(request, slug)
    rows = candidates_rows(reader.enterprise, which=which, masked=reader.masked)
    return table_download(request, reader, "reclaim", CANDIDATES_HEAD, rows)


@router.put(
    "/enterprises/{slug}/reclaim/persons/{number}/exemption",
    response={204: None},
    auth=writes,
    summary="Let a dormant person keep the seat",
)
def exempt_person(
    request: HttpRequest, slug: str, number: Id, exemption: NewExemption
) -> Status[None]:
    """Until a day; no plan takes the person up before. It replaces one there is."""
    enterprise = enterprise_of(request, slug)
    if candidate_get(enterprise, number, masked=False) is None:
        raise not_found()
    exemption_set(enterprise=enterprise, number=number, actor=actor_of(request), **exemption.dict())
    return Status(204, None)


@router.delete(
    "/enterprises/{slug}/reclaim/persons/{number}/exemption",
    response={204: None},
    auth=writes,
    summary="Take an exemption back",
)
def end_exemption(request: HttpRequest, slug: str, number: Id) -> Status[None]:
    enterprise = enterprise_of(request, slug)
    if not exemption_end(enterprise=enterprise, number=number, actor=actor_of(request)):
        raise not_found()
    return Status(204, None)


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
    summary="Make a plan to free seats",
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
    summary="List the seats of a plan",
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
    """It keeps what became of its seats; who was not freed may be planned anew."""
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
