"""Reading the audit log: newest first, by action and by who acted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.db.models import QuerySet

from enterprise.models import AuditEvent, Enterprise

PAGE = 50
WALK = 500  # read at once for a file


def events_page(
    enterprise: Enterprise,
    *,
    masked: bool,
    before: int | None = None,
    action: str = "",
    actor: str = "",
    since: dt.datetime | None = None,
) -> tuple[list[AuditEvent], int | None]:
    """The newest events older than ``before``, with the id to go on before, None at the end.

    ``actor`` is a part of a name, in any case; a masked viewer finds none that is an e-mail address,
    since they may not search by one (section 8).
    """
    events = _events(enterprise, masked, action, actor, since)
    found = list(_older(events, before)[: PAGE + 1])
    return found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None


def events_walk(
    enterprise: Enterprise,
    *,
    masked: bool,
    action: str = "",
    actor: str = "",
    since: dt.datetime | None = None,
) -> Iterator[AuditEvent]:
    """All of them, as ``events_page``, read in pieces: no long transaction."""
    events = _events(enterprise, masked, action, actor, since)
    before: int | None = None
    while found := list(_older(events, before)[:WALK]):
        yield from found
        before = found[-1].pk


def _events(
    enterprise: Enterprise, masked: bool, action: str, actor: str, since: dt.datetime | None
) -> QuerySet[AuditEvent]:
    events = AuditEvent.objects.filter(enterprise=enterprise).order_by("-pk")
    events = events.select_related("batch")
    if since is not None:
        events = events.filter(at__gte=since)
    if action:
        events = events.filter(action=action)
    if actor:
        events = events.filter(actor__icontains=actor)
        if masked:
            events = events.exclude(actor__contains="@")
    return events


def _older(events: QuerySet[AuditEvent], before: int | None) -> QuerySet[AuditEvent]:
    return events if before is None else events.filter(pk__lt=before)
