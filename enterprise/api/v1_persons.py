"""``/api/v1``: who consumes a license, each with the reason; and erasing who does so no more."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema, Status

from enterprise import wording
from enterprise.api.paging import PER_PAGE, last_page
from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_links import (
    MOST,
    Asked,
    AsOf,
    Id,
    SnapshotRef,
    link,
    link_pages,
    note_read,
    reads,
    snapshot_asked,
    snapshot_ref,
    writes,
)
from enterprise.api.v1_paging import PageNumber, PerPage
from enterprise.api.v1_problems import Problem, not_found
from enterprise.counting import match
from enterprise.selectors.licenses import persons_page
from enterprise.selectors.persons import MembershipLine, PersonDetail, PersonLine, person_get
from enterprise.selectors.search import persons_search
from enterprise.services.erasure import person_erase

router = Router(tags=["licensing"])


# --- Persons -------------------------------------------------------------------------------------


class PersonOut(Schema):
    """A person who consumes one license.

    `number` stays the same over time; `key` orders the report; `accounts` is how many accounts on
    servers; `report` is the row with the names of GitHub's `consumed-licenses`.
    """

    number: int
    key: str
    license_type: str
    accounts: int
    report: dict[str, Any]


class Persons(Schema):
    """A page of persons.

    Of a search, which is of the current persons, `snapshot` is null, and `total` too if it is more
    than 5,000.
    """

    snapshot: SnapshotRef | None
    items: list[PersonOut]
    total: int | None


def person_out(line: PersonLine) -> PersonOut:
    return PersonOut(**line._asdict())


class PersonFilters(Asked):
    """What to search for among the current persons."""

    search: str = Field(
        default="", max_length=200, description="Words in logins, names and e-mails"
    )
    license_type: Literal["", "enterprise", "visual_studio"] = ""
    kind: Literal["", "cloud", "cloud_and_server", "server", "invitation"] = ""
    host: str = Field(
        default="", max_length=253, description="Persons with an account on this instance"
    )
    ambiguous: bool = Field(
        default=False, description="Only those whom more than one person fitted"
    )
    sort: Literal["key", "-key", "accounts", "-accounts"] = "key"
    after: int | None = Field(
        default=None, ge=1, le=MOST, description="As in `Link`: where to go on"
    )
    before: int | None = Field(
        default=None, ge=1, le=MOST, description="As in `Link`: where to go back"
    )


@router.get(
    "/enterprises/{slug}/persons", response=Persons, auth=reads, summary="List or search persons"
)
def list_persons(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    *,
    filters: Annotated[PersonFilters, Query()],
    as_of: AsOf = None,
    page: PageNumber = 1,
    per_page: PerPage = PER_PAGE,
) -> Persons:
    """Without a filter: the persons of a snapshot in the order of the report, by `page`.

    `Link` carries `as_of`, so that a walk sees each person once even if a count lands in between.
    With a filter or `sort`: the current persons, by `after` and `before`; `as_of` and `page` are
    then refused, since former persons cannot be searched.
    """
    enterprise = enterprise_of(request, slug)
    if filters == PersonFilters():
        snapshot = snapshot_asked(enterprise, as_of)
        link_pages(
            request,
            response,
            page=page,
            last=last_page(snapshot.persons, per_page),
            fixed={"as_of": snapshot.pk},
        )
        lines = persons_page(snapshot, page=page, per_page=per_page)
        note_read(request, slug, "persons", snapshot=snapshot.pk, rows=snapshot.persons)
        return Persons(
            snapshot=snapshot_ref(snapshot),
            items=[person_out(line) for line in lines],
            total=snapshot.persons,
        )
    if as_of is not None or page != 1:
        detail = (
            "A search is of the current persons, and goes on by after: leave as_of and page out."
        )
        raise Problem(422, "search_is_current", detail)
    wanted = filters.dict()
    found = persons_search(
        enterprise,
        masked=False,
        text=wanted.pop("search"),
        host_name=wanted.pop("host").lower(),
        per_page=per_page,
        **wanted,
    )
    link(
        request,
        response,
        prev={"before": found.previous, "after": None} if found.previous else None,
        next={"after": found.next, "before": None} if found.next else None,
    )
    note_read(request, slug, "persons", search=True, rows=found.total)
    return Persons(
        snapshot=None, items=[person_out(line) for line in found.lines], total=found.total
    )


# --- One person ----------------------------------------------------------------------------------


class MembershipOut(Schema):
    """Why an account is in this person: which rule, attribute and value put it there.

    `attribute` is the SAML or SCIM attribute if the rule is `saml`, else null. `candidates` are the
    keys of all persons that fitted, the chosen one first, if there was more than one.
    """

    account: str
    rule: str
    attribute: str | None
    value: str
    candidates: list[str]
    reason: str


class VersionOut(Schema):
    """The person from one snapshot until before another; null if it is still so."""

    from_snapshot: int
    to_snapshot: int | None
    key: str
    license_type: str
    accounts: int


class PersonDetailOut(PersonOut):
    """A person with the reason in one sentence, in the language that the client accepts."""

    snapshot: SnapshotRef
    has_cloud_row: bool = Field(description="Whether GitHub lists the person, or this console only")
    reason: str
    memberships: list[MembershipOut]
    history: list[VersionOut]


@router.get(
    "/enterprises/{slug}/persons/{number}",
    response=PersonDetailOut,
    auth=reads,
    summary="Get a person and why they count",
)
def get_person(request: HttpRequest, slug: str, number: Id, as_of: AsOf = None) -> PersonDetailOut:
    """404 for who consumed no license as of that snapshot, though they may at another time."""
    enterprise = enterprise_of(request, slug)
    snapshot = snapshot_asked(enterprise, as_of)
    detail = person_get(enterprise, number, snapshot=snapshot, masked=False)
    if detail is None:
        raise not_found()
    note_read(request, slug, "person")
    memberships = [_membership_out(line) for line in detail.memberships]
    return PersonDetailOut(
        **person_out(detail.line).dict(),
        snapshot=snapshot_ref(snapshot),
        has_cloud_row=detail.has_cloud_row,
        reason=wording.person_sentence(
            has_cloud_row=detail.has_cloud_row,
            name=detail.line.key,
            accounts=[membership.reason for membership in memberships],
        ),
        memberships=memberships,
        history=_history(detail),
    )


def _membership_out(line: MembershipLine) -> MembershipOut:
    return MembershipOut(
        account=line.account,
        rule=line.rule,
        attribute=match.ATTRIBUTES[line.attribute] if line.rule == match.SAML else None,
        value=line.value,
        candidates=line.candidates,
        reason=wording.membership_sentence(**line._asdict()),
    )


def _history(detail: PersonDetail) -> list[VersionOut]:
    names = VersionOut.model_fields
    return [
        VersionOut(**{name: getattr(version, name) for name in names}) for version in detail.history
    ]


# --- Erasure -------------------------------------------------------------------------------------


@router.post(
    "/enterprises/{slug}/persons/{number}/erase",
    response={204: None},
    auth=writes,
    summary="Erase the personal data of somebody who consumes no license any more",
)
def erase_person(request: HttpRequest, slug: str, number: Id) -> Status[None]:
    """From the whole history: `removed #NUMBER` stands in its place, and all counts stay as they were.

    409 `person_consumes` while they consume a license. It cannot be undone; asking twice changes
    nothing more.
    """
    person_erase(enterprise=enterprise_of(request, slug), number=number, actor=actor_of(request))
    return Status(204, None)
