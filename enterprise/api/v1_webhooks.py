"""``/api/v1``: webhooks, and a test."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_links import Asked, Id, Patch, reads, writes
from enterprise.api.v1_problems import not_found
from enterprise.models import Webhook
from enterprise.selectors.webhooks import webhook_get, webhook_lines, webhook_state
from enterprise.services.webhooks import (
    webhook_add,
    webhook_edit,
    webhook_enable,
    webhook_ping,
    webhook_remove,
)

router = Router(tags=["webhooks"])

EventName = Literal[
    "run.succeeded",
    "run.failed",
    "run.held",
    "run.overdue",
    "upload.applied",
    "count.changed",
    "threshold.crossed",
]
Language = Literal["en", "de", "zh-hans"]


class WebhookOut(Schema):
    """A receiver. Of its address only the origin is told, and its secret never."""

    id: int
    name: str
    origin: str
    events: list[str]
    body: str
    language: str
    active: bool
    state: str = Field(description="ok, failing, off or disabled")
    failures: int = Field(description="Attempts that failed since the last success")
    failing_since: dt.datetime | None
    disabled_at: dt.datetime | None


class Webhooks(Schema):
    items: list[WebhookOut]


class NewWebhook(Asked):
    """A receiver to add. Without a secret one is made, and shown only in the answer."""

    name: str
    url: str
    events: list[EventName] = Field(default=[], description="An alert may choose it besides")
    body: Webhook.Body = Webhook.Body.JSON
    language: Language = Field(default="en", description="Of the text")
    secret: str = ""
    ca_bundle: str = Field(default="", description="PEM, trusted instead of public authorities")
    active: bool = True


class MadeWebhook(WebhookOut):
    """A receiver with its secret, which is shown only here."""

    secret: str


class WebhookChange(Patch):
    """Settings to change; the address and the secret stay where they are not sent."""

    name: str = ""
    url: str = ""
    events: list[EventName] = Field(default=[])
    body: Webhook.Body = Webhook.Body.JSON
    language: Language = "en"
    secret: str = ""
    ca_bundle: str = ""
    active: bool = True


class PingOut(Schema):
    """The delivery of the test."""

    delivery: UUID


def _out(webhook: Webhook) -> dict[str, Any]:
    state = webhook_state(webhook)
    values = {name: getattr(webhook, name) for name in WebhookOut.model_fields if name != "state"}
    return {**values, "state": {"failed": "disabled"}.get(state, state)}


def webhook_asked(request: HttpRequest, slug: str, webhook_id: int) -> Webhook:
    """The webhook of the token's enterprise. Raises Problem 404."""
    webhook = webhook_get(enterprise_of(request, slug), webhook_id)
    if webhook is None:
        raise not_found()
    return webhook


@router.get("/enterprises/{slug}/webhooks", response=Webhooks, auth=reads, summary="List webhooks")
def list_webhooks(request: HttpRequest, slug: str) -> Webhooks:
    lines = webhook_lines(enterprise_of(request, slug))
    return Webhooks(items=[WebhookOut(**_out(line.webhook)) for line in lines])


@router.post(
    "/enterprises/{slug}/webhooks",
    response={201: MadeWebhook},
    auth=writes,
    summary="Add a webhook",
)
def add_webhook(request: HttpRequest, slug: str, new: NewWebhook) -> Status[MadeWebhook]:
    webhook, secret = webhook_add(
        enterprise=enterprise_of(request, slug), actor=actor_of(request), **new.dict()
    )
    return Status(201, MadeWebhook(**_out(webhook), secret=secret))


@router.get(
    "/enterprises/{slug}/webhooks/{webhook_id}",
    response=WebhookOut,
    auth=reads,
    summary="Get a webhook",
)
def get_webhook(request: HttpRequest, slug: str, webhook_id: Id) -> WebhookOut:
    return WebhookOut(**_out(webhook_asked(request, slug, webhook_id)))


@router.patch(
    "/enterprises/{slug}/webhooks/{webhook_id}",
    response=WebhookOut,
    auth=writes,
    summary="Change a webhook",
)
def change_webhook(
    request: HttpRequest, slug: str, webhook_id: Id, change: WebhookChange
) -> WebhookOut:
    webhook = webhook_asked(request, slug, webhook_id)
    values = change.dict(exclude_unset=True)
    webhook_edit(webhook=webhook, actor=actor_of(request), **values)
    return WebhookOut(**_out(webhook))


@router.delete(
    "/enterprises/{slug}/webhooks/{webhook_id}",
    response={204: None},
    auth=writes,
    summary="Delete a webhook",
)
def delete_webhook(request: HttpRequest, slug: str, webhook_id: Id) -> Status[None]:
    """Its deliveries go with it."""
    webhook_remove(webhook=webhook_asked(request, slug, webhook_id), actor=actor_of(request))
    return Status(204, None)


@router.post(
    "/enterprises/{slug}/webhooks/{webhook_id}/enable",
    response=WebhookOut,
    auth=writes,
    summary="Enable a webhook that failed for too long",
)
def enable_webhook(request: HttpRequest, slug: str, webhook_id: Id) -> WebhookOut:
    webhook = webhook_asked(request, slug, webhook_id)
    webhook_enable(webhook=webhook, actor=actor_of(request))
    webhook.refresh_from_db()
    return WebhookOut(**_out(webhook))


@router.post(
    "/enterprises/{slug}/webhooks/{webhook_id}/ping",
    response={202: PingOut},
    auth=writes,
    summary="Send a test",
)
def ping_webhook(request: HttpRequest, slug: str, webhook_id: Id) -> Status[PingOut]:
    event = webhook_ping(webhook=webhook_asked(request, slug, webhook_id), actor=actor_of(request))
    return Status(202, PingOut(delivery=event.deliveries.values_list("guid", flat=True).get()))
