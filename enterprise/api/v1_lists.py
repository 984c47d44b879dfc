"""``/api/v1``: the lists of accounts that deserve a look."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema

from enterprise import wording
from enterprise.api.paging import PER_PAGE
from enterprise.api.v1_access import enterprise_of
from enterprise.api.v1_links import After, link, note_read, reads
from enterprise.api.v1_paging import PerPage
from enterprise.api.v1_problems import not_found
from enterprise.reports.lists import LISTS, Described
from enterprise.selectors.licenses import snapshot_latest

router = Router(tags=["licensing"])


class ListOut(Schema):
    """A list of accounts. `total` is how many the newest snapshot counted, null if it did not."""

    name: str
    title: str
    meaning: str
    total: int | None


class Lists(Schema):
    items: list[ListOut]


class ListLineOut(Schema):
    """An account or a row of GitHub's.

    `name` is `HOST:ID`, a login or an e-mail. `reason` is a code, or GitHub's own word for a status;
    `message` is its sentence where it has one. `person` is the number of the person that it belongs
    to, null if to nobody.
    """

    name: str
    email: str
    full_name: str
    details: list[str]
    reason: str
    message: str
    person: int | None


class ListPageOut(Schema):
    items: list[ListLineOut]


@router.get("/enterprises/{slug}/lists", response=Lists, auth=reads, summary="List the lists")
def list_lists(request: HttpRequest, slug: str) -> Lists:
    """Titles and meanings are in the language that the client accepts."""
    snapshot = snapshot_latest(enterprise_of(request, slug))
    return Lists(
        items=[
            ListOut(
                name=name,
                title=str(each.title),
                meaning=str(each.meaning),
                total=each.total(snapshot.totals) if snapshot and each.total else None,
            )
            for name, each in LISTS.items()
        ]
    )


@router.get(
    "/enterprises/{slug}/lists/{name}",
    response=ListPageOut,
    auth=reads,
    summary="Get a list of accounts that deserve a look",
)
def get_list(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    name: str,
    *,
    after: After = 0,
    per_page: PerPage = PER_PAGE,
) -> ListPageOut:
    """What is applied now."""
    enterprise = enterprise_of(request, slug)
    page = list_named(name).read(enterprise, after=after, limit=per_page, masked=False)
    link(request, response, next={"after": page.next} if page.next else None)
    note_read(request, slug, name)
    return ListPageOut(
        items=[
            ListLineOut(
                **{**line._asdict(), "details": list(line.details)},
                message=str(wording.EXCLUSIONS.get(line.reason, "")),
            )
            for line in page.lines
        ]
    )


def list_named(name: str) -> Described:
    if name not in LISTS:
        raise not_found()
    return LISTS[name]
