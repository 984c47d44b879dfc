"""The count over time: every snapshot, and what changed between two of them."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import formats, timezone

from enterprise import wording
from enterprise.access import Access, Permission, enterprise_view
from enterprise.downloads import table_file
from enterprise.models import Snapshot
from enterprise.reports.tables import changes_table
from enterprise.selectors.changes import (
    Changes,
    PersonChange,
    changes_between,
    person_changes,
)
from enterprise.selectors.history import high_water, snapshots_page
from enterprise.selectors.licenses import snapshot_get
from enterprise.templatetags.console import number
from enterprise.views import shell
from enterprise.views.trend import trend_of

PER_PAGE = 100


@enterprise_view(Permission.SEE_REPORTS)
def history(request: HttpRequest, access: Access) -> HttpResponse:
    """Every snapshot, newest first; the picture shows the same ones as the table."""
    before = shell.whole_number(request.GET.get("before"))
    lines, following = snapshots_page(access.enterprise, before=before)
    context = {
        "lines": lines,
        "trend": trend_of([line.snapshot for line in reversed(lines)]),
        "highest": high_water(access.enterprise),
        "first_url": "?" if before is not None else None,
        "next_url": f"?before={following}" if following is not None else None,
    }
    return shell.page(request, access, "enterprise/history/history.html", context, tab="licensing")


# --- Between two snapshots -----------------------------------------------------------------------


@enterprise_view(Permission.SEE_REPORTS)
def compare(request: HttpRequest, access: Access) -> HttpResponse:
    """What changed ``?from=`` one snapshot ``&to=`` another; without them, by the newest."""
    lines, _following = snapshots_page(access.enterprise)
    pair = _pair(request, access, [line.snapshot for line in lines])
    if pair is None:
        return shell.page(
            request, access, "enterprise/history/nothing_to_compare.html", {}, tab="licensing"
        )
    older, newer = pair
    choices = {line.snapshot.pk: line.snapshot for line in lines}
    choices |= {older.pk: older, newer.pk: newer}
    context = {
        **changes_context(request, access, older, newer, base=f"?from={older.pk}&to={newer.pk}&"),
        "snapshots": [(pk, _label(choices[pk])) for pk in sorted(choices, reverse=True)],
    }
    return shell.page(request, access, "enterprise/history/compare.html", context, tab="licensing")


def changes_context(
    request: HttpRequest, access: Access, older: Snapshot, newer: Snapshot, *, base: str
) -> dict[str, Any]:
    """What ``history/_changes.html`` shows: the counts by kind, and persons of the kind ``?what=``.

    ``base`` begins the addresses of the same page, and ends in ``?`` or ``&``.
    """
    changes = changes_between(older, newer)
    kind = _kind(request, changes)
    persons, following = _page(request, access, (older, newer), changes, kind)
    return {
        "older": older,
        "newer": newer,
        "base": base,
        "pair": f"?from={older.pk}&to={newer.pk}",
        "kinds": [
            (name, label, meaning, len(getattr(changes, name)))
            for name, (label, meaning) in wording.CHANGES.items()
        ],
        "kind": kind,
        "kind_label": wording.CHANGES[kind].name,
        "persons": persons,
        "first_url": f"{base}what={kind}" if "after" in request.GET else None,
        "next_url": f"{base}what={kind}&after={following}" if following else None,
    }


def _pair(
    request: HttpRequest, access: Access, newest: list[Snapshot]
) -> tuple[Snapshot, Snapshot] | None:
    """The older and the newer of the snapshots asked for. None if there are not two at all."""
    if len(newest) < 2:
        return None
    chosen = [
        default if (asked := request.GET.get(name)) is None else _snapshot(access, asked)
        for name, default in (("from", newest[1]), ("to", newest[0]))
    ]
    older, newer = sorted(chosen, key=lambda snapshot: snapshot.pk)
    return older, newer


def _snapshot(access: Access, asked: str) -> Snapshot:
    return shell.found_or_404(snapshot_get(access.enterprise, shell.whole_number(asked) or 0))


def _kind(request: HttpRequest, changes: Changes) -> str:
    """What is asked for, else the first of which there is any."""
    asked = request.GET.get("what", "")
    if asked in wording.CHANGES:
        return asked
    return next((kind for kind in wording.CHANGES if getattr(changes, kind)), "joined")


def _page(
    request: HttpRequest,
    access: Access,
    pair: tuple[Snapshot, Snapshot],
    changes: Changes,
    kind: str,
) -> tuple[list[PersonChange], int | None]:
    """Persons after the one numbered ``?after=``, and the number to go on from."""
    numbers = getattr(changes, kind)
    start = bisect_right(numbers, shell.whole_number(request.GET.get("after")) or 0)
    page = numbers[start : start + PER_PAGE]
    further = len(numbers) > start + PER_PAGE
    persons = person_changes(*pair, page, masked=access.masked, former=changes.former)
    return persons, page[-1] if further else None


def _label(snapshot: Snapshot) -> str:
    at = timezone.localtime(snapshot.taken_at)
    when = formats.date_format(at, "SHORT_DATETIME_FORMAT")
    return f"{when} {at.tzname()} · {number(snapshot.persons)}"


@enterprise_view(Permission.SEE_REPORTS)
def compare_csv(request: HttpRequest, access: Access) -> HttpResponseBase:
    """Every person that changed between two snapshots, in the order of the page."""
    lines, _following = snapshots_page(access.enterprise)
    pair = _pair(request, access, [line.snapshot for line in lines])
    if pair is None:
        raise Http404
    older, newer = pair
    return table_file(request, access, changes_table(older, newer, masked=access.masked))
