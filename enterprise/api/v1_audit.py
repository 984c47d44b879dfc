"""``/api/v1``: the audit log."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Field, Query, Router, Schema

from enterprise.api.v1_access import enterprise_of
from enterprise.api.v1_exports import CSV_FILE, JSON_LINES_FILE
from enterprise.api.v1_links import Asked, Before, Moment, link, reader_of, reads
from enterprise.downloads import table_file
from enterprise.models import AuditEvent
from enterprise.reports.tables import audit_table
from enterprise.selectors.audit import events_page

router = Router(tags=["audit log"])


class EventOut(Schema):
    """One change: who did what to what, from where. `before` and `after` never hold a secret."""

    id: int
    at: dt.datetime
    actor: str
    actor_kind: str = Field(description="user, token, system or command")
    via: str = Field(description="Which session or token of the actor's")
    ip_address: str | None
    action: str
    target: str
    before: dict[str, Any]
    after: dict[str, Any]


class Events(Schema):
    items: list[EventOut]


class EventFilters(Asked):
    """Which events."""

    action: str = Field(default="", max_length=60, description="For example `run.apply`")
    actor: str = Field(default="", max_length=200, description="A part of a name")
    since: Moment | None = Field(default=None, description="Then or later (RFC 3339)")


@router.get("/enterprises/{slug}/audit", response=Events, auth=reads, summary="List audit events")
def list_events(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    filters: Annotated[EventFilters, Query()],
    before: Before = None,
) -> Events:
    """Newest first."""
    enterprise = enterprise_of(request, slug)
    events, following = events_page(enterprise, masked=False, before=before, **filters.dict())
    link(request, response, next={"before": following} if following else None)
    return Events(items=[_event_out(event) for event in events])


def _event_out(event: AuditEvent) -> EventOut:
    return EventOut(**{name: getattr(event, name) for name in EventOut.model_fields})


@router.get(
    "/enterprises/{slug}/audit.csv",
    response={200: None},
    auth=reads,
    summary="Download the audit log",
    openapi_extra=CSV_FILE,
)
def download_audit(
    request: HttpRequest, slug: str, filters: Annotated[EventFilters, Query()]
) -> HttpResponseBase:
    reader = reader_of(request, slug)
    table = audit_table(reader.enterprise, masked=reader.masked, **filters.dict())
    return table_file(request, reader, table)


@router.get(
    "/enterprises/{slug}/audit.jsonl",
    response={200: None},
    auth=reads,
    summary="Download the audit log as JSON lines",
    openapi_extra=JSON_LINES_FILE,
)
def download_audit_lines(
    request: HttpRequest, slug: str, filters: Annotated[EventFilters, Query()]
) -> HttpResponseBase:
    reader = reader_of(request, slug)
    table = audit_table(reader.enterprise, masked=reader.masked, **filters.dict())
    return table_file(request, reader, table, json_lines=True)
