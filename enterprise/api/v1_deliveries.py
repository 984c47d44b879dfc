"""``/api/v1``: what was sent to a webhook, and sending it again."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from ninja import Field, Router, Schema, Status

from enterprise import wording
from enterprise.api.v1_access import actor_of
from enterprise.api.v1_links import Before, Id, link, reads, writes
from enterprise.api.v1_problems import not_found
from enterprise.api.v1_webhooks import webhook_asked
from enterprise.models import Delivery, DeliveryAttempt, DeliveryState
from enterprise.selectors.webhooks import attempts_of, deliveries_page, delivery_get
from enterprise.services.deliveries import delivery_redeliver

router = Router(tags=["webhooks"])


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


def _error(ended: Delivery | DeliveryAttempt) -> str:
    with translation.override("en"):
        return wording.sentence(ended.error_code, ended.error_params) if ended.error_code else ""


def _out(delivery: Delivery) -> dict[str, Any]:
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


def _delivery(request: HttpRequest, slug: str, webhook_id: int, delivery_id: int) -> Delivery:
    delivery = delivery_get(webhook_asked(request, slug, webhook_id), delivery_id)
    if delivery is None:
        raise not_found()
    return delivery


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
    *,
    state: DeliveryState | None = None,
    before: Before = None,
) -> Deliveries:
    """Newest first."""
    webhook = webhook_asked(request, slug, webhook_id)
    found, following = deliveries_page(webhook, state=state or "", before=before)
    link(request, response, next={"before": following} if following else None)
    return Deliveries(items=[DeliveryOut(**_out(each)) for each in found])


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
    return DeliveryDetail(**_out(delivery), attempt_list=attempts)


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
    return Status(202, DeliveryOut(**_out(delivery)))
