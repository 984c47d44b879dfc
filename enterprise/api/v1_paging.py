"""Pages of ``/api/v1``: ``page`` and ``per_page`` in, ``items``, ``total`` and a ``Link`` out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

from django.http import HttpRequest, HttpResponse
from ninja import Query

from enterprise.api.paging import MOST_PAGE, MOST_PER_PAGE, PER_PAGE, last_page

T = TypeVar("T")

PageNumber = Annotated[int, Query(ge=1, le=MOST_PAGE)]
PerPage = Annotated[int, Query(ge=1, le=MOST_PER_PAGE)]


def page_of(
    request: HttpRequest,
    response: HttpResponse,
    items: Sequence[T],
    *,
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Sequence[T]:
    """The items of one page; ``Link`` names the first, previous, next and last, where they are."""
    last = last_page(len(items), per_page)
    pages = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
    links = []
    for relation, number in pages.items():
        if number != page and 1 <= number <= last:
            query = request.GET.copy()
            query["page"] = str(number)
            address = f"{request.build_absolute_uri(request.path)}?{query.urlencode()}"
            links.append(f'<{address}>; rel="{relation}"')
    if links:
        response["Link"] = ", ".join(links)
    return items[(page - 1) * per_page : page * per_page]
