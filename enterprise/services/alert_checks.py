"""Comparing with the thresholds, and telling once when one is crossed, again, and when it is over.

Called by the tick and after each run. The enterprise's row is locked meanwhile, and a subject has one
open state at most by constraint: whatever checks at the same time, one sends.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone

from enterprise.models import (
    AlertRule,
    AlertState,
    Enterprise,
    Event,
    EventKind,
    Membership,
)
from enterprise.selectors.alert_facts import Facts, Found
from enterprise.services.events import event_record

RAISED, REMINDED, OVER, TEST = "raised", "reminded", "over", "test"


def alerts_check_all() -> int:
    """Check every enterprise that has a rule; how many tellings that led to."""
    ids = AlertRule.objects.filter(active=True).values_list("enterprise", flat=True).distinct()
    return sum(alerts_check(enterprise_id=pk) for pk in list(ids))


def alerts_check(*, enterprise_id: int) -> int:
    """Compare with each rule of an enterprise; how many tellings that led to."""
    if not AlertRule.objects.filter(enterprise=enterprise_id, active=True).exists():
        return 0
    with transaction.atomic():
        enterprise = Enterprise.objects.select_for_update().filter(pk=enterprise_id).first()
        if enterprise is None:
            return 0
        facts = Facts(enterprise)
        rules = list(AlertRule.objects.filter(enterprise=enterprise, active=True).order_by("pk"))
        open_states: dict[int, list[AlertState]] = {rule.pk: [] for rule in rules}
        for state in AlertState.objects.filter(rule__in=rules, over_at=None):
            open_states[state.rule_id].append(state)
        told = 0
        for rule in rules:
            rule.enterprise = enterprise
            found = facts.beyond(rule)
            if found is not None:
                told += _compare(rule, found, open_states[rule.pk])
    return told


def _compare(rule: AlertRule, found: Found, states: list[AlertState]) -> int:
    now = timezone.now()
    told = 0
    for state in states:
        params = found.pop(state.subject, None)
        if params is None:
            told += _over(rule, state, now)
        elif rule.repeat_days and now - state.last_sent_at >= dt.timedelta(days=rule.repeat_days):
            told += _again(rule, state, params, now)
    for subject, params in found.items():
        AlertState.objects.create(
            rule=rule, subject=subject, params=params, since=now, last_sent_at=now
        )
        _tell(rule, RAISED, params, since=now)
        told += 1
    return told


def _over(rule: AlertRule, state: AlertState, now: dt.datetime) -> bool:
    ended = AlertState.objects.filter(pk=state.pk, over_at=None).update(over_at=now)
    if ended:
        _tell(rule, OVER, state.params, since=state.since)
    return bool(ended)


def _again(rule: AlertRule, state: AlertState, params: dict[str, Any], now: dt.datetime) -> bool:
    sent = AlertState.objects.filter(
        pk=state.pk, over_at=None, last_sent_at=state.last_sent_at
    ).update(last_sent_at=now, params=params)
    if sent:
        _tell(rule, REMINDED, params, since=state.since)
    return bool(sent)


def _tell(rule: AlertRule, action: str, params: dict[str, Any], *, since: dt.datetime) -> None:
    alert_event(rule, action, {**params, "since": since.isoformat()}, subscribed=True)


def alert_event(
    rule: AlertRule, action: str, params: dict[str, Any], *, subscribed: bool
) -> Event | None:
    """An event of a rule to the rule's receivers; None if it has none."""
    return event_record(
        enterprise_id=rule.enterprise_id,
        kind=EventKind.THRESHOLD_CROSSED,
        params={
            "rule": rule.pk,
            "alert": rule.kind,
            "threshold": rule.threshold,
            "unit": rule.unit,
            "action": action,
            **params,
        },
        webhooks=set(rule.webhooks.values_list("pk", flat=True)),
        users=people_of(rule),
        subscribed=subscribed,
    )


def people_of(rule: AlertRule) -> list[int]:
    """The users that get e-mail by this rule, by role or by name."""
    members = Membership.objects.filter(enterprise=rule.enterprise_id, user__is_active=True)
    by_role = members.filter(role__in=rule.roles).values_list("user", flat=True)
    by_name = rule.people.filter(user__is_active=True).values_list("user", flat=True)
    return sorted({*by_role, *by_name})
