"""What a webhook is sent of an event: GitHub-like JSON, or text that Slack takes.

Made of what the event keeps alone, so every attempt sends the same bytes and the same signature.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import orjson
from django.conf import settings
from django.utils import timezone, translation

from enterprise import wording
from enterprise.models import AlertKind, Delivery, Event, EventKind, Webhook

_RUN_EVENTS = (
    EventKind.RUN_SUCCEEDED,
    EventKind.RUN_FAILED,
    EventKind.RUN_HELD,
    EventKind.UPLOAD_APPLIED,
)


def event_body(delivery: Delivery, webhook: Webhook) -> bytes:
    """The body as this webhook wants it."""
    event = delivery.event
    zone = ZoneInfo(event.enterprise.time_zone)
    with translation.override(webhook.language), timezone.override(zone):
        text = wording.event_sentence(event.kind, event.params)
    if webhook.body == Webhook.Body.SLACK:
        name = _escaped(event.enterprise.name)
        return orjson.dumps({"text": f"*{name}*: {_escaped(text)}\n<{event_url(event)}>"})
    body = {
        "event": event.kind,
        "delivery": str(delivery.guid),
        "at": event.at.isoformat(),
        "enterprise": {"slug": event.enterprise.slug, "name": event.enterprise.name},
        "text": text,
        "url": event_url(event),
        **event_payload(event),
    }
    return orjson.dumps(body)


def _escaped(text: str) -> str:
    """Slack's three control characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def event_payload(event: Event) -> dict[str, Any]:
    """What is told by this kind of event, beside what all have."""
    params = event.params
    if event.kind in _RUN_EVENTS:
        error = None
        if params["code"]:
            with translation.override("en"):
                message = wording.sentence(params["code"], params["params"])
            error = {"code": params["code"], "message": message}
        run = {name: params[name] for name in ("kind", "trigger", "state", "counts", "as_of")}
        return {"run": {"id": params["run"], **run, "host": params["host"] or None, "error": error}}
    if event.kind == EventKind.RUN_OVERDUE:
        names = ("host", "rhythm", "last_success_at")
        return {"instance": {name: params[name] for name in names}}
    if event.kind == EventKind.COUNT_CHANGED:
        return {"count": {name: params[name] for name in ("snapshot", "now", "before")}}
    if event.kind == EventKind.THRESHOLD_CROSSED:
        return {"alert": {"kind": params["alert"], **_without(params, "alert")}}
    return {}


def _without(params: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key != name}


def event_path(event: Event) -> str:
    """Where in this console to look, without its address."""
    start = f"/enterprises/{event.enterprise.slug}"
    if event.kind in _RUN_EVENTS:
        return f"{start}/runs/{event.params['run']}"
    if event.kind == EventKind.RUN_OVERDUE:
        return f"{start}/runs"
    if event.kind == EventKind.COUNT_CHANGED:
        return f"{start}/licensing/history"
    if event.kind == EventKind.DIGEST:
        return f"{start}/licensing"
    if event.kind == EventKind.THRESHOLD_CROSSED:
        return _alert_path(start, event.params["alert"])
    return start


def _alert_path(start: str, kind: str) -> str:
    """A page that everybody may see who may get an alert."""
    if kind in (AlertKind.FREE_SEATS, AlertKind.COUNT_JUMP):
        return f"{start}/licensing"
    return f"{start}/runs" if kind == AlertKind.SYNC else start


def event_url(event: Event) -> str:
    return f"{settings.LICSYNC_PUBLIC_URL}{event_path(event)}"
