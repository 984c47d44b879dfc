"""The rules of alerts: added, changed, removed, tried."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import AlertKind, AlertRule, Enterprise, Event, Membership, Role, Webhook
from enterprise.models.alert import UNITS
from enterprise.services.alert_checks import TEST, alert_event
from enterprise.services.audit import Actor, audit_record

MOST_RULES = 50
THRESHOLD_MOST = 10_000_000
DAYS_MOST = 3650
SETTINGS = ("kind", "threshold", "unit", "repeat_days", "roles", "active")


def alert_add(*, enterprise: Enterprise, actor: Actor, **values: Any) -> AlertRule:
    """Add a rule. ``values`` are of ``SETTINGS``, ``people`` (usernames) and ``webhooks`` (ids).

    Raises Refused with the field at fault.
    """
    if AlertRule.objects.filter(enterprise=enterprise).count() >= MOST_RULES:
        raise Refused("too_many_alerts", most=MOST_RULES)
    rule = AlertRule(enterprise=enterprise)
    _fill(rule, values)
    with transaction.atomic():
        rule.save()
        _set_receivers(rule, values)
        audit_record(
            enterprise=enterprise,
            actor=actor,
            action="alert.add",
            target=rule.kind,
            after=_told(rule),
        )
    return rule


@transaction.atomic
def alert_edit(*, rule: AlertRule, actor: Actor, **values: Any) -> bool:
    """Change what is given, as ``alert_add``. False if nothing changed."""
    before = _told(rule)
    _fill(rule, values)
    rule.save()
    if before["kind"] != rule.kind or not rule.active:  # of something else, or looked at no more
        rule.states.filter(over_at=None).update(over_at=timezone.now())
    _set_receivers(rule, values)
    after = _told(rule)
    if before == after:
        return False
    audit_record(
        enterprise=rule.enterprise,
        actor=actor,
        action="alert.edit",
        target=rule.kind,
        before={name: value for name, value in before.items() if after[name] != value},
        after={name: value for name, value in after.items() if before[name] != value},
    )
    return True


@transaction.atomic
def alert_remove(*, rule: AlertRule, actor: Actor) -> None:
    """Remove a rule with what it knows."""
    audit_record(
        enterprise=rule.enterprise,
        actor=actor,
        action="alert.remove",
        target=rule.kind,
        before=_told(rule),
    )
    rule.delete()


@transaction.atomic
def alert_test(*, rule: AlertRule, actor: Actor) -> Event:
    """Send a test to the rule's own receivers. Raises Refused ``alert_without_receiver``."""
    event = alert_event(rule, TEST, {}, subscribed=False)
    if event is None:
        raise Refused("alert_without_receiver")
    audit_record(enterprise=rule.enterprise, actor=actor, action="alert.test", target=rule.kind)
    return event


def _told(rule: AlertRule) -> dict[str, Any]:
    """What the audit log keeps; a username may be an address, so people are counted."""
    return {
        **{name: getattr(rule, name) for name in SETTINGS},
        "people": rule.people.count(),
        "webhooks": sorted(rule.webhooks.values_list("name", flat=True)),
    }


def _fill(rule: AlertRule, values: dict[str, Any]) -> None:
    for name in SETTINGS:
        if name in values:
            setattr(rule, name, values[name])
    if rule.kind not in AlertKind.values:
        raise Refused("bad_alert", field="kind", value=str(rule.kind)[:50])
    units = UNITS[rule.kind]
    if not units:
        rule.threshold, rule.unit = None, ""
    else:
        if rule.threshold is None:
            raise Refused("threshold_needed", field="threshold")
        rule.unit = rule.unit or units[0]
        if rule.unit not in units:
            if len(units) > 1:
                raise Refused("bad_alert_unit", field="unit", value=str(rule.unit)[:50])
            rule.unit = units[0]
        _in_range("threshold", rule.threshold, {"percent": 1000, "days": DAYS_MOST}.get(rule.unit))
    _in_range("repeat_days", rule.repeat_days, 365)
    for role in rule.roles:
        if role not in Role.values:
            raise Refused("bad_role", field="roles", value=str(role)[:50])
    rule.roles = sorted(set(rule.roles))


def _in_range(field: str, value: int, most: int | None) -> None:
    most = THRESHOLD_MOST if most is None else most
    if not 0 <= value <= most:
        raise Refused("out_of_range", field=field, value=value, least=0, most=most)


def _set_receivers(rule: AlertRule, values: dict[str, Any]) -> None:
    if "people" in values:
        rule.people.set(members_named(rule.enterprise, values["people"]))
    if "webhooks" in values:
        wanted = {int(pk) for pk in values["webhooks"]}
        found = list(Webhook.objects.filter(enterprise=rule.enterprise, pk__in=wanted))
        if len(found) != len(wanted):
            raise Refused("no_such_webhook", field="webhooks")
        rule.webhooks.set(found)


def members_named(enterprise: Enterprise, usernames: list[str]) -> list[Membership]:
    """The members of these usernames, in any case. Raises Refused ``no_such_member``."""
    found = []
    for username in dict.fromkeys(usernames):
        member = Membership.objects.filter(
            enterprise=enterprise, user__username__iexact=username
        ).first()
        if member is None:
            raise Refused("no_such_member", field="people", name=username[:150])
        found.append(member)
    return found
