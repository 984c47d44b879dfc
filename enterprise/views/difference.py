"""GitHub's number beside ours, and what they differ by: an equation that adds up."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from enterprise import wording
from enterprise.access import Access, Permission, enterprise_view
from enterprise.downloads import table_file
from enterprise.models import Snapshot
from enterprise.reports.tables import difference_table
from enterprise.selectors.difference import (
    DifferenceTotals,
    component_lines,
    components_page,
    difference_is_pending,
    difference_totals,
    snapshot_compared,
)
from enterprise.selectors.licenses import snapshot_get, snapshot_latest
from enterprise.views import shell


class Summand(NamedTuple):
    """A category in the equation. ``url`` leads to its components, None if they are not kept."""

    code: str
    cause: wording.Cause
    change: int
    url: str | None


@enterprise_view(Permission.SEE_REPORTS)
def difference(request: HttpRequest, access: Access) -> HttpResponse:
    """As of the newest snapshot compared; of one before, ``?as_of=``, only the totals are kept."""
    compared = snapshot_compared(access.enterprise)
    snapshot = _asked(request, access) or compared
    totals = difference_totals(snapshot) if snapshot is not None else None
    newest = snapshot_latest(access.enterprise)
    context: dict[str, Any] = {
        "totals": totals,
        "newest": newest,
        "pending": newest is not None and difference_is_pending(access.enterprise),
        "as_of": snapshot is not None and snapshot != compared,
    }
    if snapshot is not None and totals is not None:
        category = _category(request, totals) if snapshot == compared else ""
        context |= {
            "snapshot": snapshot,
            "difference": totals.ours - totals.listed,
            "summands": _summands(totals, with_components=snapshot == compared),
            "category": category,
            "cause": wording.CAUSES.get(category),
            **(_components(request, access, snapshot, category) if category else {}),
        }
    return shell.page(
        request, access, "enterprise/difference/difference.html", context, tab="licensing"
    )


def _asked(request: HttpRequest, access: Access) -> Snapshot | None:
    as_of = request.GET.get("as_of")
    if as_of is None:
        return None
    return shell.found_or_404(snapshot_get(access.enterprise, shell.whole_number(as_of) or 0))


def _category(request: HttpRequest, totals: DifferenceTotals) -> str:
    """What is asked for, else the first that is not nought, else none."""
    asked = request.GET.get("category", "")
    if asked in wording.CAUSES:
        return asked
    return next((code for code, change in totals.by_category.items() if change), "")


def _summands(totals: DifferenceTotals, *, with_components: bool) -> list[Summand]:
    return [
        Summand(
            code,
            wording.CAUSES[code],
            change,
            f"?category={code}#components" if with_components else None,
        )
        for code, change in totals.by_category.items()
    ]


def _components(
    request: HttpRequest, access: Access, snapshot: Snapshot, category: str
) -> dict[str, Any]:
    after = shell.whole_number(request.GET.get("after")) or 0
    page, following = components_page(access.enterprise, category=category, after=after)
    base = f"?category={category}"
    return {
        "components": component_lines(page, snapshot, masked=access.masked),
        "first_url": f"{base}#components" if after else None,
        "next_url": f"{base}&after={following}#components" if following else None,
    }


@enterprise_view(Permission.SEE_REPORTS)
def difference_csv(request: HttpRequest, access: Access) -> HttpResponseBase:
    """Every component: a line for each of its persons, and for each of GitHub's rows."""
    snapshot = snapshot_compared(access.enterprise)
    if snapshot is None:
        raise Http404
    snapshot.enterprise = access.enterprise
    return table_file(request, access, difference_table(snapshot, masked=access.masked))
