"""Accounts that deserve a look: lists of what is applied now, each as a page and as a file."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from enterprise.access import Access, Permission, enterprise_view
from enterprise.downloads import table_file
from enterprise.models import Snapshot
from enterprise.reports.lists import LISTS, Described, list_table
from enterprise.selectors.licenses import snapshot_latest
from enterprise.views import shell
from enterprise.views.how_to import PAGES

PER_PAGE = 50


@enterprise_view(Permission.SEE_REPORTS)
def lists(request: HttpRequest, access: Access) -> HttpResponse:
    """What lists there are, with how many lines the newest snapshot counted."""
    snapshot = snapshot_latest(access.enterprise)
    context = {
        "snapshot": snapshot,
        "lists": [(name, each, _total(each, snapshot)) for name, each in LISTS.items()],
    }
    return shell.page(request, access, "enterprise/lists/lists.html", context, tab="licensing")


def _total(described: Described, snapshot: Snapshot | None) -> int | None:
    if snapshot is None or described.total is None:
        return None
    return described.total(snapshot.totals)


@enterprise_view(Permission.SEE_REPORTS)
def a_list(request: HttpRequest, access: Access, name: str) -> HttpResponse:
    described = _described(name)
    after = shell.whole_number(request.GET.get("after")) or 0
    page = described.read(access.enterprise, after=after, limit=PER_PAGE, masked=access.masked)
    context = {
        "name": name,
        "list": described,
        "how_to": PAGES.get(described.how_to),
        "heads": [title for title, _head, _cell in described.columns],
        "rows": [
            ([_shown(cell(line)) for _title, _head, cell in described.columns], line.person)
            for line in page.lines
        ],
        "first_url": "?" if after else None,
        "next_url": f"?after={page.next}" if page.next is not None else None,
    }
    return shell.page(request, access, "enterprise/lists/list.html", context, tab="licensing")


def _described(name: str) -> Described:
    if name not in LISTS:
        raise Http404
    return LISTS[name]


def _shown(cell: Any) -> str:
    return ", ".join(cell) if isinstance(cell, list) else cell


@enterprise_view(Permission.SEE_REPORTS)
def list_csv(request: HttpRequest, access: Access, name: str) -> HttpResponseBase:
    """Every line, as applied while the file is sent."""
    _described(name)
    table = list_table(name, access.enterprise, masked=access.masked)
    return table_file(request, access, table)
