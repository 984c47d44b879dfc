"""What changed since the last sync, or since any day."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from enterprise.access import Access, Permission, enterprise_view
from enterprise.models import Snapshot, SyncRun
from enterprise.selectors.history import snapshot_at, snapshot_before, snapshot_first
from enterprise.selectors.licenses import snapshot_latest
from enterprise.selectors.run_effects import RunEffect, last_sync, run_effect
from enterprise.views import shell
from enterprise.views.history import changes_context


class Since(NamedTuple):
    """From which snapshot on; ``run`` where that is before the last sync, with what it did."""

    older: Snapshot
    run: SyncRun | None = None
    effect: RunEffect | None = None
    too_early: bool = False  # before the first count, so it is that one


@enterprise_view(Permission.SEE_REPORTS)
def changes(request: HttpRequest, access: Access) -> HttpResponse:
    """``?since=`` a day, at its beginning in the viewer's zone; without it, since the last sync."""
    newest = snapshot_latest(access.enterprise)
    asked = request.GET.get("since", "")
    day = _day(asked)
    since = _since(access, newest, day) if newest else None
    context: dict[str, Any] = {
        "newest": newest,
        "since": since,
        "day": day,
        "bad_day": bool(asked) and day is None,
    }
    if since and newest and since.older.pk < newest.pk:
        kept = f"since={day.isoformat()}&" if day else ""
        context |= changes_context(request, access, since.older, newest, base=f"?{kept}")
    return shell.page(
        request,
        access,
        "enterprise/insights/changes.html",
        context,
        tab="insights",
        side="changes",
    )


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _since(access: Access, newest: Snapshot, day: dt.date | None) -> Since:
    if day is not None:
        try:
            at = dt.datetime.combine(day, dt.time(), timezone.get_current_timezone())
            found = snapshot_at(access.enterprise, at.astimezone(dt.UTC))
        except OverflowError:  # at an end of the calendar
            found = None if day.year == 1 else newest
        return Since(found or snapshot_first(access.enterprise) or newest, too_early=not found)
    run = last_sync(access.enterprise)
    effect = run_effect(run) if run else None
    if run is None:
        return Since(snapshot_before(newest) or newest)
    if effect is None or effect.newer is None:
        # What was counted later is another run's doing, or a setting's, and changed since then.
        older = snapshot_at(access.enterprise, run.finished_at) if run.finished_at else None
        return Since(older or newest, run, effect)
    return Since(effect.older or newest, run, effect)
