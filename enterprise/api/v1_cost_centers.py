"""``/api/v1``: the owner's mapping of persons to cost centers."""

from __future__ import annotations

from contextlib import closing

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Field, Router, Schema, Status

from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_exports import CSV_FILE
from enterprise.api.v1_links import MOST, Asked, reader_of, reads, writes
from enterprise.api.v1_problems import not_found, problem_of
from enterprise.api.v1_usage import body_of
from enterprise.downloads import table_download
from enterprise.faults import Fault
from enterprise.models import Enterprise
from enterprise.reports.allocation import MAPPING_HEAD, mapping_rows
from enterprise.selectors.allocation import cost_centers_summary
from enterprise.services.cost_centers import (
    cost_centers_erase,
    cost_centers_forget,
    cost_centers_replace,
)
from enterprise.services.receiving import upload_receive
from enterprise.sources.cost_centers import IDENTIFIER_LENGTH

router = Router(tags=["insights"])


class CostCenterOut(Schema):
    name: str
    entries: int


class CostCenters(Schema):
    """The owner's mapping in numbers; its entries are in `cost-centers.csv`."""

    entries: int = Field(le=MOST)
    items: list[CostCenterOut]


def _mapping(enterprise: Enterprise) -> CostCenters:
    items = [
        CostCenterOut(name=name, entries=entries)
        for name, entries in cost_centers_summary(enterprise)
    ]
    return CostCenters(entries=sum(item.entries for item in items), items=items)


@router.get(
    "/enterprises/{slug}/cost-centers",
    response=CostCenters,
    auth=reads,
    summary="Get the mapping of cost centers",
)
def get_cost_centers(request: HttpRequest, slug: str) -> CostCenters:
    return _mapping(enterprise_of(request, slug))


@router.get(
    "/enterprises/{slug}/cost-centers.csv",
    response={200: None},
    auth=reads,
    summary="Download the mapping of cost centers",
    openapi_extra=CSV_FILE,
)
def download_cost_centers(request: HttpRequest, slug: str) -> HttpResponseBase:
    reader = reader_of(request, slug)
    rows = mapping_rows(reader.enterprise, masked=reader.masked)
    return table_download(request, reader, "cost-centers", MAPPING_HEAD, rows)


@router.put(
    "/enterprises/{slug}/cost-centers",
    response=CostCenters,
    auth=writes,
    summary="Replace the mapping of cost centers",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    },
)
def put_cost_centers(request: HttpRequest, slug: str) -> CostCenters:
    """The body is CSV with the header `identifier,cost_center`; it replaces all there was.

    An identifier is an e-mail address, an account as `HOST:ID`, or a cloud login. A file with a fault
    is refused with the line of it, and nothing changes.
    """
    enterprise = enterprise_of(request, slug)
    try:
        read, expected = body_of(request)
        with closing(upload_receive(read, expected=expected)) as file:
            file.seek(0)
            cost_centers_replace(enterprise=enterprise, actor=actor_of(request), file=file)
    except Fault as fault:
        raise problem_of(fault) from None
    return _mapping(enterprise)


@router.delete(
    "/enterprises/{slug}/cost-centers",
    response={204: None},
    auth=writes,
    summary="Erase the mapping of cost centers",
)
def delete_cost_centers(request: HttpRequest, slug: str) -> Status[None]:
    cost_centers_erase(enterprise=enterprise_of(request, slug), actor=actor_of(request))
    return Status(204, None)


class Forget(Asked):
    """Whose line is to go: an e-mail address, an account as `HOST:ID`, or a cloud login."""

    identifier: str = Field(min_length=1, max_length=IDENTIFIER_LENGTH)


@router.post(
    "/enterprises/{slug}/cost-centers/forget",
    response={204: None},
    auth=writes,
    summary="Erase one line of the mapping of cost centers",
)
def forget_cost_center(request: HttpRequest, slug: str, forget: Forget) -> Status[None]:
    """404 if the mapping has no such line. The identifier stands in the body, and in no address."""
    if not cost_centers_forget(
        enterprise=enterprise_of(request, slug),
        actor=actor_of(request),
        identifiers=[forget.identifier],
    ):
        raise not_found()
    return Status(204, None)
