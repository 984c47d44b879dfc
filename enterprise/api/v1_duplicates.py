"""``/api/v1``: the work-list of persons that are probably one."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router, Schema, Status
from pydantic import Field

from enterprise import wording
from enterprise.api.paging import PER_PAGE
from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_exports import CSV_FILE
from enterprise.api.v1_links import (
    MOST,
    After,
    Asked,
    Id,
    link,
    note_read,
    reader_of,
    reads,
    writes,
)
from enterprise.api.v1_paging import PerPage
from enterprise.api.v1_problems import Problem, not_found
from enterprise.downloads import table_download
from enterprise.models import Duplicate, DuplicateState, Enterprise
from enterprise.reports.duplicates import DUPLICATES_HEAD, duplicates_rows
from enterprise.selectors.duplicates import (
    MOST_TICKED,
    DuplicateLine,
    Wanted,
    duplicate_get,
    duplicate_lines,
    duplicates_page,
    search_get,
    search_is_pending,
    seats_saved,
    what_if,
)
from enterprise.selectors.licenses import snapshot_latest
from enterprise.services.duplicate_decisions import duplicate_dismiss, duplicate_reopen

router = Router(tags=["insights"])

Rule = Literal["secondary", "plus_tag", "dots", "own_domain", "saml_local", "other_domain", "login"]


class Ticked(Schema):
    """Pairs by id."""

    tick: list[Annotated[int, Field(ge=1, le=MOST)]] = Field(default=[], max_length=MOST_TICKED)


class EvidenceOut(Schema):
    """Why two persons are probably one. `weight` is in per cent, shared among `rivals` persons.

    `account` is set with the rule `secondary`: the one that has the address as a further one.
    """

    rule: Rule
    one: str
    other: str
    weight: int
    rivals: int
    account: str
    message: str


class AdviceOut(Schema):
    """What to change where, so that they count as one; each in one sentence.

    Set the primary e-mail of `accounts` to `email`, or verify `verify` on the cloud account `login`.
    Where both have an account on an instance in `shared`, one of the two has to be suspended instead.
    """

    accounts: list[str]
    email: str
    verify: str
    login: str
    shared: list[str]
    messages: list[str]


class PairPerson(Schema):
    number: int
    key: str


class DuplicateOut(Schema):
    """Two persons. `one` is on servers only and would join `other`; that saves one license.

    `group_saves` is what it saves to join everybody in its `group`. `ending` and `saved` tell how a
    closed pair ended; its `evidence` is then empty, `change` null.
    """

    id: int
    state: DuplicateState
    confidence: int = Field(description="In per cent")
    one: PairPerson
    other: PairPerson
    with_cloud: bool = Field(description="Whether `other` has a cloud account")
    group: int
    group_saves: int
    evidence: list[EvidenceOut]
    change: AdviceOut | None
    found_at: dt.datetime
    decided_by: str
    decided_at: dt.datetime | None
    reason: str
    ending: str
    closed_at: dt.datetime | None
    saved: int


class StepOut(Schema):
    """What it saves to join every open pair of at least so many per cent."""

    least: int
    pairs: int
    saves: int


class Duplicates(Schema):
    """`searched_at` is null before the first count; `unavailable` says why a rule was not asked."""

    items: list[DuplicateOut]
    searched_at: dt.datetime | None
    pending: bool = Field(description="Whether the newest count is still to be looked into")
    steps: list[StepOut]
    unavailable: dict[str, str]
    saved: int = Field(description="Licenses saved so far by pairs that count as one person now")


class WhatIfOut(Schema):
    """The total if the ticked pairs, of those open, were one person each. Nothing is changed."""

    ticked: list[int]
    persons: int
    saved: int
    total: int


class Decision(Asked):
    """That they are not the same person, and why."""

    reason: str


class WantedDuplicates(Schema):
    """Which pairs are asked for."""

    state: DuplicateState = DuplicateState.OPEN
    rule: Rule | None = None
    host: str = ""
    least: int = Field(default=0, ge=0, le=100, description="The confidence, in per cent")
    sort: Literal["confidence", "saves"] = "confidence"

    def wanted(self) -> Wanted:
        host_name = self.host.replace("\0", "")
        return Wanted(self.state.value, self.rule or "", host_name, self.least, self.sort)


@router.get(
    "/enterprises/{slug}/duplicates",
    response=Duplicates,
    auth=reads,
    summary="List persons that are probably one",
)
def list_duplicates(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    *,
    asked: Annotated[WantedDuplicates, Query()],
    after: After = 0,
    per_page: PerPage = PER_PAGE,
) -> Duplicates:
    """As found after the newest count, most certain first."""
    enterprise = enterprise_of(request, slug)
    lines, following = duplicates_page(
        enterprise, asked.wanted(), after=after, limit=per_page, masked=False
    )
    link(request, response, next={"after": following} if following else None)
    note_read(request, slug, "duplicates")
    search = search_get(enterprise)
    steps = (
        []
        if search is None
        else [(least, search.open[least], search.saves[least]) for least in search.open]
    )
    return Duplicates(
        items=[_out(line) for line in lines],
        searched_at=search.searched_at if search else None,
        pending=search_is_pending(enterprise),
        steps=[StepOut(least=int(least), pairs=n, saves=saves) for least, n, saves in steps],
        unavailable={
            rule: str(wording.UNAVAILABLE[why])
            for rule, why in (search.unavailable if search else {}).items()
        },
        saved=seats_saved(enterprise),
    )


def _out(line: DuplicateLine) -> DuplicateOut:
    row = line.row
    plain = ("id", "state", "confidence", "with_cloud", "group", "group_saves", "found_at")
    ended = ("decided_at", "ending", "closed_at", "saved")
    return DuplicateOut(
        one=PairPerson(number=row.one, key=line.one),
        other=PairPerson(number=row.other, key=line.other),
        evidence=[EvidenceOut(**e, message=wording.reason_sentence(e)) for e in line.evidence],
        change=AdviceOut(**line.change, messages=wording.change_sentences(line.change))
        if line.change
        else None,
        decided_by=line.decided_by,
        reason=line.reason,
        **{name: getattr(row, name) for name in (*plain, *ended)},
    )


@router.get(
    "/enterprises/{slug}/duplicates/what-if",
    response=WhatIfOut,
    auth=reads,
    summary="Get the total if some pairs were one person each",
)
def what_if_duplicates(
    request: HttpRequest,
    slug: str,
    asked: Annotated[Ticked, Query()],
) -> WhatIfOut:
    enterprise = enterprise_of(request, slug)
    snapshot = snapshot_latest(enterprise)
    if snapshot is None:
        raise Problem(409, "not_counted", "Nothing has been counted yet.")
    result = what_if(enterprise, asked.tick, persons=snapshot.persons)
    return WhatIfOut(**result._asdict(), total=result.total)


@router.get(
    "/enterprises/{slug}/duplicates.csv",
    response={200: None},
    auth=reads,
    summary="Download persons that are probably one",
    openapi_extra=CSV_FILE,
)
def download_duplicates(
    request: HttpRequest, slug: str, asked: Annotated[WantedDuplicates, Query()]
) -> HttpResponseBase:
    reader = reader_of(request, slug)
    rows = duplicates_rows(reader.enterprise, asked.wanted(), masked=reader.masked)
    return table_download(request, reader, "duplicates", DUPLICATES_HEAD, rows)


@router.get(
    "/enterprises/{slug}/duplicates/{duplicate_id}",
    response=DuplicateOut,
    auth=reads,
    summary="Get a pair of persons that are probably one",
)
def get_duplicate(request: HttpRequest, slug: str, duplicate_id: Id) -> DuplicateOut:
    enterprise = enterprise_of(request, slug)
    told = _told(enterprise, _pair(enterprise, duplicate_id))
    note_read(request, slug, "duplicate")
    return told


@router.put(
    "/enterprises/{slug}/duplicates/{duplicate_id}/decision",
    response=DuplicateOut,
    auth=writes,
    summary="Decide that two are not the same person",
)
def dismiss_duplicate(
    request: HttpRequest, slug: str, duplicate_id: Id, decision: Decision
) -> DuplicateOut:
    """It is remembered with the token's name, also after later counts."""
    enterprise = enterprise_of(request, slug)
    row = _pair(enterprise, duplicate_id)
    duplicate_dismiss(duplicate=row, reason=decision.reason, actor=actor_of(request))
    return _told(enterprise, _pair(enterprise, duplicate_id))


@router.delete(
    "/enterprises/{slug}/duplicates/{duplicate_id}/decision",
    response={204: None},
    auth=writes,
    summary="Put a dismissed pair back on the list",
)
def reopen_duplicate(request: HttpRequest, slug: str, duplicate_id: Id) -> Status[None]:
    row = _pair(enterprise_of(request, slug), duplicate_id)
    duplicate_reopen(duplicate=row, actor=actor_of(request))
    return Status(204, None)


def _pair(enterprise: Enterprise, duplicate_id: int) -> Duplicate:
    row = duplicate_get(enterprise, duplicate_id)
    if row is None:
        raise not_found()
    return row


def _told(enterprise: Enterprise, row: Duplicate) -> DuplicateOut:
    return _out(duplicate_lines(enterprise, [row], masked=False)[0])
