"""Receivers and their deliveries."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from django.db.models import Count, Q
from django.utils import timezone

from enterprise.models import Delivery, DeliveryAttempt, DeliveryState, Enterprise, Webhook

PAGE = 50
RECENT = dt.timedelta(days=7)


class WebhookLine(NamedTuple):
    """A receiver. ``state`` is a key of ``console.STATES``; ``failed`` of the last seven days."""

    webhook: Webhook
    state: str
    failed: int
    waiting: int


def webhook_lines(enterprise: Enterprise) -> list[WebhookLine]:
    """All by name, in one query."""
    since = timezone.now() - RECENT
    deliveries = "deliveries__state"
    found = Webhook.objects.filter(enterprise=enterprise).annotate(
        failed=Count(
            "deliveries",
            filter=Q(**{deliveries: DeliveryState.FAILED, "deliveries__finished_at__gte": since}),
        ),
        waiting=Count("deliveries", filter=Q(**{deliveries: DeliveryState.QUEUED})),
    )
    return [
        WebhookLine(hook, webhook_state(hook), hook.failed, hook.waiting)
        for hook in found.order_by("name")
    ]


def webhook_state(webhook: Webhook) -> str:
    if webhook.disabled_at is not None:
        return "failed"
    if not webhook.active:
        return "off"
    return "failing" if webhook.failures else "ok"


def webhook_get(enterprise: Enterprise, pk: int) -> Webhook | None:
    """One of this enterprise's, its ``enterprise`` at hand."""
    webhook = Webhook.objects.filter(enterprise=enterprise, pk=pk).first()
    if webhook is not None:
        webhook.enterprise = enterprise
    return webhook


class WebhookLost(NamedTuple):
    """What goes with a receiver: its deliveries, those of them not sent yet, its place in alerts."""

    deliveries: int
    waiting: int
    alerts: int


def webhook_lost(webhook: Webhook) -> WebhookLost:
    deliveries = Delivery.objects.filter(webhook=webhook)
    return WebhookLost(
        deliveries.count(),
        deliveries.filter(state=DeliveryState.QUEUED).count(),
        webhook.alert_rules.count(),
    )


def deliveries_page(
    webhook: Webhook, *, state: str = "", before: int | None = None
) -> tuple[list[Delivery], int | None]:
    """The newest deliveries older than ``before``, and the id to go on from, None at the end."""
    found = Delivery.objects.filter(webhook=webhook).select_related("event").order_by("-pk")
    if state:
        found = found.filter(state=state)
    if before is not None:
        found = found.filter(pk__lt=before)
    page = list(found[: PAGE + 1])
    return page[:PAGE], page[PAGE - 1].pk if len(page) > PAGE else None


def delivery_get(webhook: Webhook, pk: int) -> Delivery | None:
    """One delivery to this webhook, with its event."""
    delivery = Delivery.objects.select_related("event").filter(webhook=webhook, pk=pk).first()
    if delivery is not None:
        delivery.webhook = webhook
        delivery.event.enterprise = webhook.enterprise
    return delivery


def attempts_of(delivery: Delivery) -> list[DeliveryAttempt]:
    return list(delivery.attempts.order_by("-number")[:PAGE])


def webhooks_disabled(enterprise: Enterprise) -> list[Webhook]:
    """Those that failed for too long, for the list of what to look at."""
    return list(
        Webhook.objects.filter(enterprise=enterprise, disabled_at__isnull=False).order_by("name")
    )
