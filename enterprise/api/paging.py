"""Pages as GitHub numbers and links them."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpRequest
from django.utils.http import urlencode

PER_PAGE = 30
MOST_PER_PAGE = 100
MOST_PAGE = 2**31 - 1  # a place in a list that every database takes


class Asked(NamedTuple):
    """Which page, of how many rows. Both are at least 1."""

    page: int
    per_page: int


def asked_page(request: HttpRequest) -> Asked:
    """What was asked for; GitHub takes what is no positive number as not given, and never refuses."""
    per_page = positive(request.GET.get("per_page")) or PER_PAGE
    page = positive(request.GET.get("page")) or 1
    return Asked(min(page, MOST_PAGE), min(per_page, MOST_PER_PAGE))


def positive(text: str | None) -> int | None:
    """A whole number from 1 that a database takes, None for anything else."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 18):
        return None
    return int(text) or None


def last_page(rows: int, per_page: int) -> int:
    return max(1, -(-rows // per_page))


def link_header(request: HttpRequest, asked: Asked, *, rows: int, snapshot: int) -> str:
    """GitHub's ``Link``, in its order; ``""`` where one page is all.

    Each address carries the snapshot, so that who follows them sees one list.
    """
    last = last_page(rows, asked.per_page)
    pages: dict[str, int] = {}
    if asked.page > 1:
        pages["prev"] = min(asked.page - 1, last)
    if asked.page < last:
        pages |= {"next": asked.page + 1, "last": last}
    if asked.page > 1:
        pages["first"] = 1
    query = {name: request.GET[name] for name in ("basis", "per_page") if name in request.GET}
    return ", ".join(
        f'<{_address(request, {**query, "page": page, "snapshot": snapshot})}>; rel="{relation}"'
        for relation, page in pages.items()
    )


def _address(request: HttpRequest, query: dict[str, str | int]) -> str:
    return f"{request.build_absolute_uri(request.path)}?{urlencode(query)}"
