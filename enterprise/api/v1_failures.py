"""``/api/v1``: what could not be told of alerts, and digests that could not be delivered."""

from __future__ import annotations

import datetime as dt

from django.http import HttpRequest
from django.utils import translation
from ninja import Router, Schema, Status

from enterprise import wording
from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_links import Id, reads, writes
from enterprise.api.v1_problems import not_found
from enterprise.models import Delivery, Enterprise, EventKind
from enterprise.selectors.failures import failure_get, failures
from enterprise.services.deliveries import delivery_redeliver

router = Router(tags=["alerts"])


class FailureOut(Schema):
    """What could not be told. `person` is a username, `webhook` a name; one of them is null."""

    id: int
    at: dt.datetime | None
    person: str | None
    webhook: str | None
    text: str
    error_code: str
    error: str


class Failures(Schema):
    items: list[FailureOut]


def _failures(enterprise: Enterprise, kind: EventKind) -> Failures:
    with translation.override("en"):
        return Failures(items=[_out(delivery) for delivery in failures(enterprise, kind)])


def _out(delivery: Delivery) -> FailureOut:
    event = delivery.event
    return FailureOut(
        id=delivery.pk,
        at=delivery.finished_at,
        person=delivery.user.username if delivery.user else None,
        webhook=delivery.webhook.name if delivery.webhook else None,
        text=wording.event_sentence(event.kind, event.params),
        error_code=delivery.error_code,
        error=wording.sentence(delivery.error_code, delivery.error_params),
    )


def _send_again(request: HttpRequest, slug: str, kind: EventKind, pk: int) -> Status[None]:
    delivery = failure_get(enterprise_of(request, slug), kind, pk)
    if delivery is None:
        raise not_found()
    delivery_redeliver(delivery=delivery, actor=actor_of(request))
    return Status(204, None)


@router.get(
    "/enterprises/{slug}/alert-failures",
    response=Failures,
    auth=reads,
    summary="List what could not be told of alerts",
)
def list_alert_failures(request: HttpRequest, slug: str) -> Failures:
    """In the last seven days, newest first, 50 at most."""
    return _failures(enterprise_of(request, slug), EventKind.THRESHOLD_CROSSED)


@router.post(
    "/enterprises/{slug}/alert-failures/{delivery_id}/redeliver",
    response={204: None},
    auth=writes,
    summary="Send again what could not be told",
)
def redeliver_alert(request: HttpRequest, slug: str, delivery_id: Id) -> Status[None]:
    return _send_again(request, slug, EventKind.THRESHOLD_CROSSED, delivery_id)


@router.get(
    "/enterprises/{slug}/digest/failures",
    response=Failures,
    auth=reads,
    summary="List digests that could not be delivered",
)
def list_digest_failures(request: HttpRequest, slug: str) -> Failures:
    """In the last seven days, newest first, 50 at most."""
    return _failures(enterprise_of(request, slug), EventKind.DIGEST)


@router.post(
    "/enterprises/{slug}/digest/failures/{failure_id}/redeliver",
    response={204: None},
    auth=writes,
    summary="Send a digest that could not be delivered again",
)
def redeliver_digest(request: HttpRequest, slug: str, failure_id: Id) -> Status[None]:
    return _send_again(request, slug, EventKind.DIGEST, failure_id)
