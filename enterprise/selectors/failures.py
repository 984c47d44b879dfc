"""What an enterprise's people and webhooks could not be told: alerts, and the digest."""

from __future__ import annotations

import datetime as dt

from django.db.models import Count, QuerySet
from django.utils import timezone

from enterprise.models import Delivery, DeliveryState, Enterprise, EventKind

RECENT = dt.timedelta(days=7)
SHOWN = 50


def failures(enterprise: Enterprise, kind: EventKind) -> list[Delivery]:
    """The newest of the last seven days, SHOWN at most."""
    found = _failed(enterprise).filter(event__kind=kind)
    return list(
        found.select_related("event", "webhook", "user").order_by("-finished_at", "-pk")[:SHOWN]
    )


def failure_get(enterprise: Enterprise, kind: EventKind, pk: int) -> Delivery | None:
    """What is, or was, one of them, its ``event.enterprise`` at hand; it may be on its way again."""
    found = Delivery.objects.filter(event__enterprise=enterprise, event__kind=kind, pk=pk)
    delivery = found.select_related("event", "webhook", "user").first()
    if delivery is not None:
        delivery.event.enterprise = enterprise
    return delivery


def failures_count(enterprise: Enterprise) -> dict[EventKind, int]:
    """How many there are, alerts first; what has none is left out."""
    kinds = (EventKind.THRESHOLD_CROSSED, EventKind.DIGEST)
    found = _failed(enterprise).filter(event__kind__in=kinds).order_by()
    counts = dict(found.values_list("event__kind").annotate(n=Count("pk")))
    return {kind: counts[kind] for kind in kinds if kind in counts}


def _failed(enterprise: Enterprise) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        event__enterprise=enterprise,
        state=DeliveryState.FAILED,
        finished_at__gte=timezone.now() - RECENT,
    )
