"""What a tick does for deliveries: take up what a dead worker was sending, wake workers for the rest."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enterprise.models import Delivery, DeliveryState
from enterprise.services.deliveries import TRIES, attempt_record
from enterprise.services.events import delivery_publish

FURTHEST = dt.timedelta(days=2)  # later than any wait: a clock was wrong
_A_SWEEP = 500


def deliveries_sweep() -> int:
    """Queue again what a dead worker was sending, and wake workers for what waits too long.

    Returns how many lost deliveries were found.
    """
    now = timezone.now()
    found = 0
    lost = Delivery.objects.filter(state=DeliveryState.SENDING).exclude(
        lease_until__gte=now, lease_until__lte=now + FURTHEST
    )
    for delivery in lost.order_by("pk")[:_A_SWEEP]:
        found += _take_up(lost, delivery, now)
    queued = Delivery.objects.filter(state=DeliveryState.QUEUED)
    queued.filter(not_before__gt=now + FURTHEST).update(not_before=now)
    a_tick_ago = now - dt.timedelta(seconds=settings.LICSYNC_TICK_SECONDS)
    waiting = queued.filter(not_before__lte=a_tick_ago).order_by("not_before", "pk")
    woken: set[int] = set()
    for pk, hook in waiting.values_list("pk", "webhook")[:_A_SWEEP]:
        if hook is None or hook not in woken:  # one at a time: each wakes the next
            woken.add(hook or 0)
            delivery_publish(pk)
    return found


def _take_up(lost: Any, delivery: Delivery, now: dt.datetime) -> bool:
    """Its worker may have come back since the list was read: the lease is asked again."""
    tries = delivery.tries + 1
    last = tries >= TRIES
    fields: dict[str, Any] = {
        "state": DeliveryState.FAILED if last else DeliveryState.QUEUED,
        "tries": tries,
        "not_before": now,
        "lease_until": None,
        "finished_at": now if last else None,
        "status": None,
        "error_code": "delivery_worker_lost",
        "error_params": {},
    }
    with transaction.atomic():
        if not lost.filter(pk=delivery.pk, attempt=delivery.attempt).update(**fields):
            return False
        for name, value in fields.items():
            setattr(delivery, name, value)
        attempt_record(delivery, at=now, milliseconds=None)
        if not last:
            delivery_publish(delivery.pk)
    return True
