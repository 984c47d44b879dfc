"""``/api/v1``: the count over time, and what changed between two snapshots."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema

from enterprise.api.paging import PER_PAGE, last_page
from enterprise.api.v1_access import enterprise_of
from enterprise.api.v1_links import (
    MOST,
    Asked,
    Before,
    Id,
    Moment,
    SnapshotRef,
    link,
    link_pages,
    note_read,
    reads,
    snapshot_asked,
    snapshot_ref,
)
from enterprise.api.v1_paging import PageNumber, PerPage
from enterprise.api.v1_persons import PersonOut, person_out
from enterprise.api.v1_problems import Problem
from enterprise.models import Enterprise, Snapshot
from enterprise.selectors.changes import (
    PersonChange,
    changes_between,
    person_changes,
)
from enterprise.selectors.history import snapshot_at, snapshot_before, snapshots_page

router = Router(tags=["history"])

What = Literal["joined", "left", "matched", "split", "moved", "changed"]
WHATS: tuple[What, ...] = get_args(What)


# --- Snapshots -----------------------------------------------------------------------------------


class SnapshotOut(Schema):
    """The count at one moment. `change` is how many persons more than before; null for the first.

    `totals` are further counts by name; `difference` is the difference with GitHub by category, and
    `changes` how many persons joined, left and so on since the snapshot before, each null until it
    is computed.
    """

    id: int
    taken_at: dt.datetime
    persons: int
    change: int | None
    github_total: int | None
    github_purchased: int | None
    github_listed: int | None
    totals: dict[str, Any]
    difference: dict[str, int | None] | None
    changes: dict[str, int] | None


class Snapshots(Schema):
    items: list[SnapshotOut]


def _snapshot_out(snapshot: Snapshot, change: int | None) -> SnapshotOut:
    names = SnapshotOut.model_fields.keys() - {"change"}
    return SnapshotOut(change=change, **{name: getattr(snapshot, name) for name in names})


@router.get(
    "/enterprises/{slug}/snapshots", response=Snapshots, auth=reads, summary="List snapshots"
)
def list_snapshots(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    *,
    since: Annotated[Moment | None, Query(description="Counted then or later (RFC 3339)")] = None,
    before: Before = None,
) -> Snapshots:
    """Newest first. There is one for each count in which anything differed from the last."""
    enterprise = enterprise_of(request, slug)
    lines, following = snapshots_page(enterprise, before=before, since=since)
    link(request, response, next={"before": following} if following else None)
    return Snapshots(items=[_snapshot_out(line.snapshot, line.change) for line in lines])


@router.get(
    "/enterprises/{slug}/snapshots/{snapshot_id}",
    response=SnapshotOut,
    auth=reads,
    summary="Get a snapshot",
)
def get_snapshot(request: HttpRequest, slug: str, snapshot_id: Id) -> SnapshotOut:
    snapshot = snapshot_asked(enterprise_of(request, slug), snapshot_id)
    earlier = snapshot_before(snapshot)
    return _snapshot_out(snapshot, None if earlier is None else snapshot.persons - earlier.persons)


# --- Changes -------------------------------------------------------------------------------------


class CameOut(Schema):
    """An account that a person took in, and the number of whose it was before; null if nobody's."""

    account: str
    person: int | None


class FactOut(Schema):
    """A column of the row that differs."""

    name: str
    before: Any
    after: Any


class ChangeOut(Schema):
    """What became of a person; `before` or `after` is null where they were not (yet, or any more).

    `only_reason` says that the row is as it was, and why an account is in it is not.
    """

    what: What
    number: int
    before: PersonOut | None
    after: PersonOut | None
    came: list[CameOut]
    went: list[str]
    facts: list[FactOut]
    only_reason: bool


class ChangesOut(Schema):
    """What changed from an older to a newer snapshot; `counts` is how many persons each way.

    `joined`: persons who came. `left`: who went. `matched`: who took in accounts of others. `split`:
    persons of accounts that came away from somebody. `moved`: whose account went on one instance and
    came on another. `changed`: whose row or reason is another one.
    """

    older: SnapshotRef
    newer: SnapshotRef
    counts: dict[What, int]
    items: list[ChangeOut]
    total: int


class Between(Asked):
    """Between which two snapshots, in either order."""

    from_: int | None = Field(
        default=None,
        alias="from",
        ge=1,
        le=MOST,
        description="The id of a snapshot; the last but one if left out",
    )
    to: int | None = Field(
        default=None, ge=1, le=MOST, description="The id of a snapshot; the newest if left out"
    )
    since: Moment | None = Field(
        default=None, description="Instead of `from`: the count as it was at this time (RFC 3339)"
    )


def pair_asked(enterprise: Enterprise, between: Between) -> tuple[Snapshot, Snapshot]:
    """The older and the newer snapshot. Raises Problem 404, 409 or 422."""
    newer = snapshot_asked(enterprise, between.to)
    if between.since is not None:
        if between.from_ is not None:
            raise Problem(422, "from_and_since", "Give from or since, not both.")
        older = snapshot_at(enterprise, between.since)
        if older is None:
            raise Problem(422, "before_history", "The first count is later than since.")
    elif between.from_ is not None:
        older = snapshot_asked(enterprise, between.from_)
    else:
        older = snapshot_before(newer)
        if older is None:
            raise Problem(409, "nothing_to_compare", "There is no snapshot before this one.")
    return (older, newer) if older.pk <= newer.pk else (newer, older)


@router.get(
    "/enterprises/{slug}/changes",
    response=ChangesOut,
    auth=reads,
    summary="List what changed between two snapshots",
)
def list_changes(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    *,
    between: Annotated[Between, Query()],
    what: What | None = None,
    page: PageNumber = 1,
    per_page: PerPage = PER_PAGE,
) -> ChangesOut:
    """Persons in the order joined, left, matched, split, moved, changed, and then by number."""
    older, newer = pair_asked(enterprise_of(request, slug), between)
    changes = changes_between(older, newer)
    wanted = [what] if what else [*WHATS]
    all_of_them = [(kind, number) for kind in wanted for number in getattr(changes, kind)]
    link_pages(
        request,
        response,
        page=page,
        last=last_page(len(all_of_them), per_page),
        fixed={"from": older.pk, "to": newer.pk, "since": None},
    )
    note_read(request, slug, f"changes-{older.pk}-{newer.pk}")
    shown = all_of_them[(page - 1) * per_page : page * per_page]
    numbers = [number for _, number in shown]
    persons = person_changes(older, newer, numbers, masked=False, former=changes.former)
    return ChangesOut(
        older=snapshot_ref(older),
        newer=snapshot_ref(newer),
        counts=_counts(changes.counts()),
        items=[_change_out(kind, person) for (kind, _), person in zip(shown, persons, strict=True)],
        total=len(all_of_them),
    )


def _counts(kept: Mapping[str, int]) -> dict[What, int]:
    return {kind: kept[kind] for kind in WHATS}


def _change_out(what: What, person: PersonChange) -> ChangeOut:
    return ChangeOut(
        what=what,
        number=person.number,
        before=person_out(person.before) if person.before else None,
        after=person_out(person.after) if person.after else None,
        came=[CameOut(account=each.account, person=each.whose) for each in person.came],
        went=person.went,
        facts=[FactOut(**fact._asdict()) for fact in person.facts],
        only_reason=person.only_reason,
    )
