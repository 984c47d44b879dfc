"""Whether receivers hear what happens: what waits, what was given up, which webhook fails."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from django.db.models import Count, Min, Q

from enterprise.models import Delivery, DeliveryState, Enterprise, EventKind, Webhook

WEBHOOK, EMAIL = "webhook", "email"
DAY = dt.timedelta(days=1)


class DeliveriesHealth(NamedTuple):
    """Counts by channel. ``due`` is since when the oldest that waits might have been sent.

    ``digests_failed`` are among those by e-mail.
    """

    waiting: dict[str, int]
    due: dt.datetime | None
    failed: dict[str, int]
    digests_failed: int
    webhooks: list[Webhook]


def deliveries_health(enterprise: Enterprise, now: dt.datetime) -> DeliveriesHealth:
    """What waits, and what was given up within a day; what was delivered is not looked at."""
    ours = Delivery.objects.filter(event__enterprise=enterprise)
    to_webhook = Count("pk", filter=Q(webhook__isnull=False))
    to_person = Count("pk", filter=Q(user__isnull=False))
    waiting = ours.filter(state__in=[DeliveryState.QUEUED, DeliveryState.SENDING]).aggregate(
        webhook=to_webhook,
        email=to_person,
        due=Min("not_before", filter=Q(state=DeliveryState.QUEUED)),
    )
    failed = ours.filter(state=DeliveryState.FAILED, finished_at__gt=now - DAY).aggregate(
        webhook=to_webhook,
        email=to_person,
        digests=Count("pk", filter=Q(event__kind=EventKind.DIGEST)),
    )
    return DeliveriesHealth(
        {channel: waiting[channel] for channel in (WEBHOOK, EMAIL)},
        waiting["due"],
        {channel: failed[channel] for channel in (WEBHOOK, EMAIL)},
        failed["digests"],
        list(enterprise.webhooks.only("name", "failures", "disabled_at").order_by("name")),
    )
