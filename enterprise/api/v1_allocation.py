"""``/api/v1``: whose licenses are whose, and targets."""

from __future__ import annotations

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Field, Path, Router, Schema, Status

from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_exports import CSV_FILE
from enterprise.api.v1_links import (
    Asked,
    AsOf,
    SnapshotRef,
    Whole,
    link_pages,
    reader_of,
    reads,
    snapshot_asked,
    snapshot_ref,
    writes,
)
from enterprise.api.v1_paging import PageNumber, PerPage
from enterprise.api.v1_problems import Problem, not_found
from enterprise.downloads import table_download
from enterprise.models import Dimension, Enterprise, Snapshot
from enterprise.reports.allocation import (
    CHARGEBACK_HEAD,
    chargeback_rows,
)
from enterprise.selectors.allocation import (
    PartLine,
    allocation_is_pending,
    allocation_lines,
    share_shown,
    targets_of,
)
from enterprise.selectors.licenses import snapshot_get, snapshot_latest
from enterprise.services.cost_centers import (
    target_set,
)

router = Router(tags=["insights"])

By = Literal["organization", "instance", "cost_center"]


# --- The split -----------------------------------------------------------------------------------


class PartOut(Schema):
    """A part. `name` is empty for persons who are in none; the cloud among instances is `GHEC`."""

    name: str
    persons: int
    shared: int = Field(description="Persons who are in other parts as well")
    exact_share: str = Field(description="The sum of their split licenses, as a fraction")
    share: str = Field(description="The same, rounded")
    seats: int = Field(description="Whole licenses; all parts add up to `persons` of the whole")
    target: int | None
    over: int | None = Field(description="Licenses above the target, below nought if under it")
    cost: str | None


class AllocationOut(Schema):
    """This console's persons, split: who is in several parts, equally among them.

    `pending` says that a newer count or mapping is still to be split.
    """

    snapshot: SnapshotRef
    by: By
    persons: int
    price: str | None
    currency: str
    pending: bool
    total: int = Field(description="How many parts there are")
    items: list[PartOut]


@router.get(
    "/enterprises/{slug}/allocation",
    response=AllocationOut,
    auth=reads,
    summary="Get the licenses by organization, instance or cost center",
)
def get_allocation(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    *,
    by: By = "organization",
    sort: Literal["name", "seats", "-seats"] = "name",
    as_of: AsOf = None,
    page: PageNumber = 1,
    per_page: PerPage = 100,
) -> AllocationOut:
    """As of the newest snapshot that was split, or an earlier one; by name, whoever is in none last."""
    enterprise = enterprise_of(request, slug)
    snapshot, lines = _lines(enterprise, by, as_of)
    if sort != "name":
        lines.sort(key=lambda line: line.part.seats, reverse=sort == "-seats")
    last = max(1, -(-len(lines) // per_page))
    link_pages(request, response, page=page, last=last, fixed={"as_of": snapshot.pk})
    newest = snapshot_latest(enterprise)
    price = enterprise.seat_price
    return AllocationOut(
        snapshot=snapshot_ref(snapshot),
        by=by,
        persons=snapshot.persons,
        price=None if price is None else str(price),
        currency=enterprise.currency,
        pending=newest is not None and allocation_is_pending(enterprise, newest),
        total=len(lines),
        items=[_part_out(line) for line in lines[(page - 1) * per_page : page * per_page]],
    )


def _lines(enterprise: Enterprise, by: By, as_of: int | None) -> tuple[Snapshot, list[PartLine]]:
    kept = snapshot_get(enterprise, enterprise.allocated_snapshot) if as_of is None else None
    snapshot = kept or snapshot_asked(enterprise, as_of)
    lines = allocation_lines(enterprise, snapshot, Dimension(by))
    if lines is None:
        raise Problem(409, "not_allocated", "The licenses of this count have not been split.")
    return snapshot, lines


def _part_out(line: PartLine) -> PartOut:
    part = line.part
    return PartOut(
        name=part.name,
        persons=part.persons,
        shared=part.shared,
        exact_share=str(part.share),
        share=str(share_shown(part.share)),
        seats=part.seats,
        target=line.target,
        over=line.over,
        cost=None if line.cost is None else str(line.cost),
    )


@router.get(
    "/enterprises/{slug}/allocation.csv",
    response={200: None},
    auth=reads,
    summary="Download the licenses for chargeback",
    openapi_extra=CSV_FILE,
)
def download_allocation(
    request: HttpRequest, slug: str, *, by: By = "organization", as_of: AsOf = None
) -> HttpResponseBase:
    reader = reader_of(request, slug)
    snapshot, lines = _lines(reader.enterprise, by, as_of)
    rows = chargeback_rows(reader.enterprise, snapshot, Dimension(by), lines)
    return table_download(request, reader, f"chargeback-{by}-{snapshot.pk}", CHARGEBACK_HEAD, rows)


# --- Targets -------------------------------------------------------------------------------------


class TargetOut(Schema):
    organization: str = Field(description="In lower case")
    seats: int


class Targets(Schema):
    items: list[TargetOut]


class TargetIn(Asked):
    seats: Whole


Organization = Annotated[str, Path(max_length=100)]


@router.get(
    "/enterprises/{slug}/targets", response=Targets, auth=reads, summary="List soft targets"
)
def list_targets(request: HttpRequest, slug: str) -> Targets:
    targets = targets_of(enterprise_of(request, slug))
    return Targets(items=[TargetOut(organization=name, seats=n) for name, n in targets.items()])


@router.put(
    "/enterprises/{slug}/targets/{organization}",
    response=TargetOut,
    auth=writes,
    summary="Give an organization a soft target",
)
def put_target(
    request: HttpRequest, slug: str, organization: Organization, target: TargetIn
) -> TargetOut:
    """So many licenses it should have at most; nothing is refused beyond it."""
    enterprise = enterprise_of(request, slug)
    target_set(
        enterprise=enterprise,
        actor=actor_of(request),
        organization=organization,
        seats=target.seats,
    )
    return TargetOut(organization=organization.strip().casefold(), seats=target.seats)


@router.delete(
    "/enterprises/{slug}/targets/{organization}",
    response={204: None},
    auth=writes,
    summary="Take an organization's soft target away",
)
def delete_target(request: HttpRequest, slug: str, organization: Organization) -> Status[None]:
    enterprise = enterprise_of(request, slug)
    if not target_set(
        enterprise=enterprise, actor=actor_of(request), organization=organization, seats=None
    ):
        raise not_found()
    return Status(204, None)
