"""``/api/v1``: the difference with GitHub, and what it is made of."""

from __future__ import annotations

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema

from enterprise import wording
from enterprise.api.v1_access import enterprise_of
from enterprise.api.v1_links import (
    MOST,
    After,
    AsOf,
    SnapshotRef,
    link,
    note_read,
    reads,
    snapshot_ref,
)
from enterprise.api.v1_problems import Problem, not_found
from enterprise.models import Enterprise, Snapshot
from enterprise.selectors.difference import (
    component_lines,
    components_page,
    difference_is_pending,
    difference_totals,
    snapshot_compared,
)
from enterprise.selectors.licenses import snapshot_get
from enterprise.selectors.walks import ReplacedError, is_replaced

router = Router(tags=["licensing"])

InLink = Annotated[int | None, Query(ge=1, le=MOST, description="As in `Link`")]
Category = Literal[
    "not_read",
    "new",
    "gone",
    "email_changed",
    "joined_here",
    "apart_here",
    "subscriber",
    "other",
]


class CategoryOut(Schema):
    """What one cause adds to the difference; its texts are in the language that the client accepts."""

    category: str
    change: int
    name: str
    meaning: str
    advice: str


class DifferenceOut(Schema):
    """`ours` less `listed` is the sum of `categories`; `not_listed` is `listed` less `stated`."""

    snapshot: SnapshotRef
    ours: int = Field(description="Persons that this console counts")
    listed: int = Field(description="Rows that GitHub lists")
    stated: int | None = Field(description="GitHub's own total")
    not_listed: int | None
    categories: list[CategoryOut]
    pending: bool = Field(description="Whether the newest snapshot is still to be compared")


@router.get(
    "/enterprises/{slug}/difference",
    response=DifferenceOut,
    auth=reads,
    summary="Get the difference with GitHub",
)
def get_difference(request: HttpRequest, slug: str, as_of: AsOf = None) -> DifferenceOut:
    """As of the newest snapshot that was compared, or of an earlier one."""
    enterprise = enterprise_of(request, slug)
    snapshot = _compared(enterprise) if as_of is None else snapshot_get(enterprise, as_of)
    if snapshot is None:
        raise not_found()
    totals = difference_totals(snapshot)
    if totals is None:
        raise _not_compared()
    return DifferenceOut(
        snapshot=snapshot_ref(snapshot),
        ours=totals.ours,
        listed=totals.listed,
        stated=totals.stated,
        not_listed=totals.not_listed,
        categories=[
            CategoryOut(
                category=category,
                change=change,
                **{part: str(text) for part, text in wording.CAUSES[category]._asdict().items()},
            )
            for category, change in totals.by_category.items()
        ],
        pending=difference_is_pending(enterprise),
    )


def _compared(enterprise: Enterprise) -> Snapshot:
    snapshot = snapshot_compared(enterprise)
    if snapshot is None:
        raise _not_compared()
    return snapshot


def _not_compared() -> Problem:
    return Problem(409, "not_compared", "This count has not been compared with GitHub's list.")


class PersonRef(Schema):
    number: int
    key: str


class GitHubRowRef(Schema):
    """A row that GitHub lists, by login, e-mail or accounts.

    `kind` is `person`, `subscriber`, `invitation` or `server_only`; null if it is gone since.
    """

    name: str
    kind: str | None


class ComponentOut(Schema):
    """Persons of ours and rows of GitHub's that belong together; `change` is persons less rows."""

    id: int
    category: str
    change: int
    persons: list[PersonRef]
    rows: list[GitHubRowRef]


class Components(Schema):
    snapshot: SnapshotRef
    items: list[ComponentOut]


@router.get(
    "/enterprises/{slug}/difference/components",
    response=Components,
    auth=reads,
    summary="List what the difference with GitHub is made of",
)
def list_components(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    *,
    category: Category | None = None,
    after: After = 0,
    snapshot: InLink = None,
    comparison: InLink = None,
) -> Components:
    """Of the newest snapshot that was compared. 409 if a walk by `Link` meets a newer comparison.

    A snapshot is compared anew where GitHub's list changed and the count did not.
    """
    enterprise = enterprise_of(request, slug)
    compared, version = _compared(enterprise), enterprise.compared_version
    if snapshot not in (None, compared.pk) or comparison not in (None, version):
        raise ReplacedError
    page, following = components_page(enterprise, category=category or "", after=after)
    lines = component_lines(page, compared, masked=False, shown=None)
    if is_replaced(enterprise, "compared_version"):
        raise ReplacedError
    note_read(request, slug, "difference", snapshot=compared.pk)
    following_page = {"after": following, "snapshot": compared.pk, "comparison": version}
    link(request, response, next=following_page if following else None)
    return Components(
        snapshot=snapshot_ref(compared),
        items=[
            ComponentOut(
                id=line.id,
                category=line.category,
                change=line.change,
                persons=[PersonRef(**person._asdict()) for person in line.persons],
                rows=[GitHubRowRef(**row._asdict()) for row in line.rows],
            )
            for line in lines
        ],
    )
