"""Rules, what is beyond them, and what could not be told."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from enterprise.models import (
    AlertRule,
    AlertState,
    Delivery,
    DeliveryState,
    Enterprise,
    EventKind,
)

RECENT = dt.timedelta(days=7)
SHOWN = 50


class RuleLine(NamedTuple):
    """A rule with its receivers and what is beyond it now."""

    rule: AlertRule
    people: list[str]  # usernames
    webhooks: list[str]
    states: list[AlertState]
    more: int


def alert_lines(enterprise: Enterprise) -> list[RuleLine]:
    """Every rule, in the order in which they were added; four queries however many."""
    still = AlertState.objects.filter(over_at=None).order_by("since", "pk")
    rules = (
        AlertRule.objects.filter(enterprise=enterprise)
        .prefetch_related(
            "people__user", "webhooks", Prefetch("states", queryset=still, to_attr="open_states")
        )
        .order_by("pk")
    )
    return [_line(rule) for rule in rules]


def _line(rule: AlertRule) -> RuleLine:
    states: list[AlertState] = rule.open_states  # type: ignore[attr-defined]
    return RuleLine(
        rule,
        sorted(member.user.username for member in rule.people.all()),
        sorted(hook.name for hook in rule.webhooks.all()),
        states[:SHOWN],
        max(0, len(states) - SHOWN),
    )


def alert_get(enterprise: Enterprise, pk: int) -> AlertRule | None:
    """A rule of this enterprise, its ``enterprise`` at hand."""
    rule = AlertRule.objects.filter(enterprise=enterprise, pk=pk).first()
    if rule is not None:
        rule.enterprise = enterprise
    return rule


def alert_failures(enterprise: Enterprise) -> list[Delivery]:
    """What could not be told of alerts in the last seven days, newest first."""
    return list(
        _failed(enterprise)
        .select_related("event", "webhook", "user")
        .order_by("-finished_at", "-pk")[:SHOWN]
    )


def alert_failure_get(enterprise: Enterprise, pk: int) -> Delivery | None:
    delivery = _failed(enterprise).select_related("event", "webhook", "user").filter(pk=pk).first()
    if delivery is not None:
        delivery.event.enterprise = enterprise
    return delivery


def alert_failures_count(enterprise: Enterprise) -> int:
    return _failed(enterprise).count()


def _failed(enterprise: Enterprise) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        event__kind=EventKind.THRESHOLD_CROSSED,
        event__enterprise=enterprise,
        state=DeliveryState.FAILED,
        finished_at__gte=timezone.now() - RECENT,
    )
