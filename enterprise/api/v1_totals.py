"""``/api/v1``: the two totals."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Field, Router, Schema

from enterprise.api.v1_access import enterprise_of
from enterprise.api.v1_links import AsOf, SnapshotRef, reads, snapshot_asked, snapshot_ref
from enterprise.selectors.licenses import recount_is_pending, totals_of

router = Router(tags=["licensing"])


class GitHubTotals(Schema):
    """GitHub's own numbers as last read before the snapshot; null where they are not known."""

    total: int | None = Field(description="Licenses that GitHub says are consumed")
    purchased: int | None
    listed: int | None = Field(description="Rows that GitHub lists")


class ConsoleTotals(Schema):
    """What this console counts."""

    persons: int
    server_only: int = Field(
        description="Persons without a cloud account: GitHub may still join them by hidden e-mails"
    )
    by_license_type: dict[str, int]
    unread: dict[str, int] = Field(
        description="Accounts that GitHub lists on instances not read here, by host: not counted"
    )


class TotalsOut(Schema):
    """The two totals, never mixed; `free` is purchased less the total that `free_basis` names.

    With metered billing nothing is purchased, and `github.total` is who is billable this cycle.
    """

    snapshot: SnapshotRef
    github: GitHubTotals
    console: ConsoleTotals
    free: int | None
    free_basis: str = Field(description="github where its total is known, else console")
    metered: bool
    recount_pending: bool = Field(description="Whether there is data newer than the newest count")


@router.get(
    "/enterprises/{slug}/totals", response=TotalsOut, auth=reads, summary="Get the two totals"
)
def get_totals(request: HttpRequest, slug: str, as_of: AsOf = None) -> TotalsOut:
    enterprise = enterprise_of(request, slug)
    snapshot = snapshot_asked(enterprise, as_of)
    totals = totals_of(snapshot)
    return TotalsOut(
        snapshot=snapshot_ref(snapshot),
        github=GitHubTotals(
            total=totals.github_total,
            purchased=totals.github_purchased,
            listed=snapshot.github_listed,
        ),
        console=ConsoleTotals(
            persons=totals.persons,
            server_only=totals.server_only,
            by_license_type=totals.by_license_type,
            unread=totals.unread,
        ),
        free=totals.free,
        free_basis=totals.free_basis,
        metered=totals.metered,
        recount_pending=recount_is_pending(enterprise),
    )
