"""``/api/v1``: webhooks, their deliveries, sending one again, and a test."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from ninja import Field, Router, Schema, Status

from enterprise import wording
from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_links import Asked, Before, Id, Patch, link, reads, writes
from enterprise.api.v1_problems import not_found
from enterprise.models import Delivery, DeliveryAttempt, Webhook
from enterprise.selectors.webhooks import (
    attempts_of,
    deliveries_page,
    delivery_get,
    webhook_get,
    webhook_lines,
    webhook_state,
)
from enterprise.services.deliveries import delivery_redeliver
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


class DeliveryOut(Schema):
    """One event to one receiver; `guid` is told as `X-Licsync-Delivery`, the same at every attempt."""

    id: int
    guid: UUID
    event: str
    state: str = Field(description="queued, sending, delivered or failed")
    created_at: dt.datetime
    finished_at: dt.datetime | None
    not_before: dt.datetime = Field(description="When it is sent, while it is queued")
    attempts: int
    status: int | None = Field(description="Of the last answer")
    error_code: str
    error: str


class Deliveries(Schema):
    items: list[DeliveryOut]


class AttemptOut(Schema):
    number: int
    at: dt.datetime
    milliseconds: int | None
    status: int | None
    error_code: str
    error: str


class DeliveryDetail(DeliveryOut):
    """A delivery with its newest attempts."""

    attempt_list: list[AttemptOut]


class PingOut(Schema):
    """The delivery of the test."""

    delivery: UUID


def _out(webhook: Webhook) -> dict[str, Any]:
    state = webhook_state(webhook)
    values = {name: getattr(webhook, name) for name in WebhookOut.model_fields if name != "state"}
    return {**values, "state": {"failed": "disabled"}.get(state, state)}


def _error(ended: Delivery | DeliveryAttempt) -> str:
    with translation.override("en"):
        return wording.sentence(ended.error_code, ended.error_params) if ended.error_code else ""


def _delivery_out(delivery: Delivery) -> dict[str, Any]:
    return {
        **{
            name: getattr(delivery, name)
            for name in ("id", "guid", "state", "created_at", "finished_at", "not_before")
        },
        "event": delivery.event.kind,
        "attempts": delivery.attempt,
        "status": delivery.status,
        "error_code": delivery.error_code,
        "error": _error(delivery),
    }


def _webhook(request: HttpRequest, slug: str, webhook_id: int) -> Webhook:
    webhook = webhook_get(enterprise_of(request, slug), webhook_id)
    if webhook is None:
        raise not_found()
    return webhook


def _delivery(request: HttpRequest, slug: str, webhook_id: int, delivery_id: int) -> Delivery:
    delivery = delivery_get(_webhook(request, slug, webhook_id), delivery_id)
    if delivery is None:
        raise not_found()
    return delivery


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
    return WebhookOut(**_out(_webhook(request, slug, webhook_id)))


@router.patch(
    "/enterprises/{slug}/webhooks/{webhook_id}",
    response=WebhookOut,
    auth=writes,
    summary="Change a webhook",
)
def change_webhook(
    request: HttpRequest, slug: str, webhook_id: Id, change: WebhookChange
) -> WebhookOut:
    webhook = _webhook(request, slug, webhook_id)
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
    webhook_remove(webhook=_webhook(request, slug, webhook_id), actor=actor_of(request))
    return Status(204, None)


@router.post(
    "/enterprises/{slug}/webhooks/{webhook_id}/enable",
    response=WebhookOut,
    auth=writes,
    summary="Enable a webhook that failed for too long",
)
def enable_webhook(request: HttpRequest, slug: str, webhook_id: Id) -> WebhookOut:
    webhook = _webhook(request, slug, webhook_id)
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
    event = webhook_ping(webhook=_webhook(request, slug, webhook_id), actor=actor_of(request))
    return Status(202, PingOut(delivery=event.deliveries.values_list("guid", flat=True).get()))


@router.get(
    "/enterprises/{slug}/webhooks/{webhook_id}/deliveries",
    response=Deliveries,
    auth=reads,
    summary="List deliveries",
)
def list_deliveries(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    webhook_id: Id,
    before: Before = None,
) -> Deliveries:
    """Newest first."""
    found, following = deliveries_page(_webhook(request, slug, webhook_id), before=before)
    link(request, response, next={"before": following} if following else None)
    return Deliveries(items=[DeliveryOut(**_delivery_out(each)) for each in found])


@router.get(
    "/enterprises/{slug}/webhooks/{webhook_id}/deliveries/{delivery_id}",
    response=DeliveryDetail,
    auth=reads,
    summary="Get a delivery",
)
def get_delivery(
    request: HttpRequest, slug: str, webhook_id: Id, delivery_id: Id
) -> DeliveryDetail:
    delivery = _delivery(request, slug, webhook_id, delivery_id)
    names = ("number", "at", "milliseconds", "status", "error_code")
    attempts = [
        AttemptOut(**{name: getattr(each, name) for name in names}, error=_error(each))
        for each in attempts_of(delivery)
    ]
    return DeliveryDetail(**_delivery_out(delivery), attempt_list=attempts)


@router.post(
    "/enterprises/{slug}/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    response={202: DeliveryOut},
    auth=writes,
    summary="Send a delivery again",
)
def redeliver(
    request: HttpRequest, slug: str, webhook_id: Id, delivery_id: Id
) -> Status[DeliveryOut]:
    """Under the same `guid`. Refused while it waits or is being sent."""
    delivery = _delivery(request, slug, webhook_id, delivery_id)
    delivery_redeliver(delivery=delivery, actor=actor_of(request))
    delivery.refresh_from_db()
    return Status(202, DeliveryOut(**_delivery_out(delivery)))
