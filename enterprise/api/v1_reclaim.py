"""``/api/v1``: who could be reclaimed, and who is exempt."""

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
from enterprise.api.v1_links import After, Asked, Id, link, note_read, reader_of, reads, writes
from enterprise.api.v1_paging import PerPage
from enterprise.api.v1_problems import not_found
from enterprise.downloads import table_download
from enterprise.reports.reclaim import CANDIDATES_HEAD, candidates_rows
from enterprise.selectors.duplicates import search_is_pending
from enterprise.selectors.reclaim import (
    candidate_get,
    candidates_count,
    candidates_page,
    reclaim_search_get,
)
from enterprise.services.reclaim_plans import exemption_end, exemption_set

router = Router(tags=["insights"])

Which = Literal["free", "exempt", "all"]


class ExemptionOut(Schema):
    """Why a person keeps the license, and until which day."""

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


@router.get(
    "/enterprises/{slug}/reclaim",
    response=Candidates,
    auth=reads,
    summary="List persons whose licenses could be freed",
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
    note_read(request, slug, "reclaim")
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
    summary="Download persons whose licenses could be freed",
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
    summary="Let a dormant person keep the license",
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
