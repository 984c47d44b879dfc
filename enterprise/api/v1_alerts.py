"""``/api/v1``: alerts, what is beyond them, what could not be told, and the digest."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import translation
from ninja import Field, Router, Schema, Status
from pydantic import field_validator

from enterprise import wording
from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_links import Asked, Id, Patch, WallTime, Whole, reads, writes
from enterprise.api.v1_problems import not_found
from enterprise.models import (
    AlertKind,
    AlertRule,
    AlertState,
    AlertUnit,
    DigestRhythm,
    Enterprise,
    Role,
)
from enterprise.selectors.alerts import (
    RuleLine,
    alert_failure_get,
    alert_failures,
    alert_get,
    alert_lines,
)
from enterprise.services.alerts import SETTINGS, alert_add, alert_edit, alert_remove, alert_test
from enterprise.services.deliveries import delivery_redeliver
from enterprise.services.digests import SETTINGS as DIGEST_SETTINGS
from enterprise.services.digests import digest_get, digest_set

router = Router(tags=["alerts"])


class BeyondOut(Schema):
    """A subject that is beyond the threshold, and since when."""

    subject: str
    text: str
    since: dt.datetime
    last_sent_at: dt.datetime


class AlertOut(Schema):
    """A rule. `people` are usernames, `webhooks` names of webhooks."""

    id: int
    kind: str
    threshold: int | None
    unit: str
    repeat_days: int
    roles: list[str]
    people: list[str]
    webhooks: list[str]
    active: bool
    beyond: list[BeyondOut] = Field(description="Now, the first 50")


class Alerts(Schema):
    items: list[AlertOut]


class NewAlert(Asked):
    """A rule to add. Kinds of sync have no threshold; the unit is `number`, `percent` or `days`."""

    kind: AlertKind
    threshold: Whole | None = None
    unit: AlertUnit | None = None
    repeat_days: Whole = 7
    roles: list[Role] = Field(default=[], description="Whose people get e-mail")
    people: list[str] = Field(default=[], description="Usernames")
    webhooks: list[Whole] = Field(default=[], description="Ids, beside those that listen already")
    active: bool = True


class AlertChange(Patch):
    """Settings to change."""

    kind: AlertKind = AlertKind.FREE_SEATS
    threshold: Whole | None = None
    unit: AlertUnit | None = None
    repeat_days: Whole = 7
    roles: list[Role] = Field(default=[])
    people: list[str] = Field(default=[])
    webhooks: list[Whole] = Field(default=[])
    active: bool = True


class AlertTestOut(Schema):
    """The deliveries of the test."""

    deliveries: list[UUID]


class AlertFailureOut(Schema):
    """What could not be told. `person` is a username, `webhook` a name; one of them is null."""

    id: int
    at: dt.datetime | None
    person: str | None
    webhook: str | None
    text: str
    error_code: str
    error: str


class AlertFailures(Schema):
    items: list[AlertFailureOut]


def _values(sent: dict[str, Any]) -> dict[str, Any]:
    values = {
        name: str(value) if name in ("kind", "unit") and value is not None else value
        for name, value in sent.items()
    }
    if "unit" in values:
        values["unit"] = values["unit"] or ""
    if "roles" in values:
        values["roles"] = [str(role) for role in values["roles"]]
    return values


def _beyond(rule: AlertRule, state: AlertState) -> BeyondOut:
    with translation.override("en"):
        text = wording.found_sentence(rule.kind, state.params)
    return BeyondOut(
        subject=state.subject, text=text, since=state.since, last_sent_at=state.last_sent_at
    )


def _out(line: RuleLine) -> AlertOut:
    return AlertOut(
        id=line.rule.pk,
        **{name: getattr(line.rule, name) for name in SETTINGS},
        people=line.people,
        webhooks=line.webhooks,
        beyond=[_beyond(line.rule, state) for state in line.states],
    )


def _one(enterprise: Enterprise, pk: int) -> AlertOut:
    return next(_out(line) for line in alert_lines(enterprise) if line.rule.pk == pk)


def _rule(request: HttpRequest, slug: str, alert_id: int) -> AlertRule:
    rule = alert_get(enterprise_of(request, slug), alert_id)
    if rule is None:
        raise not_found()
    return rule


@router.get("/enterprises/{slug}/alerts", response=Alerts, auth=reads, summary="List alerts")
def list_alerts(request: HttpRequest, slug: str) -> Alerts:
    return Alerts(items=[_out(line) for line in alert_lines(enterprise_of(request, slug))])


@router.post(
    "/enterprises/{slug}/alerts", response={201: AlertOut}, auth=writes, summary="Add an alert"
)
def add_alert(request: HttpRequest, slug: str, new: NewAlert) -> Status[AlertOut]:
    enterprise = enterprise_of(request, slug)
    rule = alert_add(enterprise=enterprise, actor=actor_of(request), **_values(new.dict()))
    return Status(201, _one(enterprise, rule.pk))


@router.get(
    "/enterprises/{slug}/alerts/{alert_id}", response=AlertOut, auth=reads, summary="Get an alert"
)
def get_alert(request: HttpRequest, slug: str, alert_id: Id) -> AlertOut:
    rule = _rule(request, slug, alert_id)
    return _one(rule.enterprise, rule.pk)


@router.patch(
    "/enterprises/{slug}/alerts/{alert_id}",
    response=AlertOut,
    auth=writes,
    summary="Change an alert",
)
def change_alert(request: HttpRequest, slug: str, alert_id: Id, change: AlertChange) -> AlertOut:
    rule = _rule(request, slug, alert_id)
    values = _values(change.dict(exclude_unset=True))
    alert_edit(rule=rule, actor=actor_of(request), **values)
    return _one(rule.enterprise, rule.pk)


@router.delete(
    "/enterprises/{slug}/alerts/{alert_id}",
    response={204: None},
    auth=writes,
    summary="Delete an alert",
)
def delete_alert(request: HttpRequest, slug: str, alert_id: Id) -> Status[None]:
    alert_remove(rule=_rule(request, slug, alert_id), actor=actor_of(request))
    return Status(204, None)


@router.post(
    "/enterprises/{slug}/alerts/{alert_id}/test",
    response={202: AlertTestOut},
    auth=writes,
    summary="Send a test of an alert",
)
def test_alert(request: HttpRequest, slug: str, alert_id: Id) -> Status[AlertTestOut]:
    """To the receivers of this alert alone."""
    event = alert_test(rule=_rule(request, slug, alert_id), actor=actor_of(request))
    guids = event.deliveries.order_by("pk").values_list("guid", flat=True)
    return Status(202, AlertTestOut(deliveries=list(guids)))


@router.get(
    "/enterprises/{slug}/alert-failures",
    response=AlertFailures,
    auth=reads,
    summary="List what could not be told of alerts",
)
def list_alert_failures(request: HttpRequest, slug: str) -> AlertFailures:
    """In the last seven days, newest first, 50 at most."""
    items = []
    with translation.override("en"):
        for delivery in alert_failures(enterprise_of(request, slug)):
            event = delivery.event
            items.append(
                AlertFailureOut(
                    id=delivery.pk,
                    at=delivery.finished_at,
                    person=delivery.user.username if delivery.user else None,
                    webhook=delivery.webhook.name if delivery.webhook else None,
                    text=wording.event_sentence(event.kind, event.params),
                    error_code=delivery.error_code,
                    error=wording.sentence(delivery.error_code, delivery.error_params),
                )
            )
    return AlertFailures(items=items)


@router.post(
    "/enterprises/{slug}/alert-failures/{delivery_id}/redeliver",
    response={204: None},
    auth=writes,
    summary="Send again what could not be told",
)
def redeliver_alert(request: HttpRequest, slug: str, delivery_id: Id) -> Status[None]:
    delivery = alert_failure_get(enterprise_of(request, slug), delivery_id)
    if delivery is None:
        raise not_found()
    delivery_redeliver(delivery=delivery, actor=actor_of(request))
    return Status(204, None)


# --- The digest ----------------------------------------------------------------------------------


class DigestOut(Schema):
    """When the digest comes, by the enterprise's clock, and to whom. `people` are usernames."""

    rhythm: str = Field(description="off, weekly or monthly")
    weekday: int = Field(description="Monday is 0")
    month_day: int
    time: WallTime
    roles: list[str]
    people: list[str]
    attach_csv: bool
    next_at: dt.datetime | None
    last_at: dt.datetime | None


class DigestChange(Patch):
    """Settings to change."""

    rhythm: DigestRhythm = DigestRhythm.OFF
    weekday: Whole = 0
    month_day: Whole = 1
    time: WallTime = dt.time(8)
    roles: list[Role] = Field(default=[])
    people: list[str] = Field(default=[])
    attach_csv: bool = False

    @field_validator("time")
    @classmethod
    def _without_zone(cls, value: dt.time) -> dt.time:
        if value.tzinfo is not None:
            raise ValueError("is by the enterprise's clock and names no zone")
        return value


def _digest_out(enterprise: Enterprise) -> DigestOut:
    digest = digest_get(enterprise)
    people: list[str] = []
    if not digest._state.adding:
        people = sorted(digest.people.values_list("user__username", flat=True))
    names = (*DIGEST_SETTINGS, "next_at", "last_at")
    return DigestOut(**{name: getattr(digest, name) for name in names}, people=people)


@router.get("/enterprises/{slug}/digest", response=DigestOut, auth=reads, summary="Get the digest")
def get_digest(request: HttpRequest, slug: str) -> DigestOut:
    return _digest_out(enterprise_of(request, slug))


@router.patch(
    "/enterprises/{slug}/digest", response=DigestOut, auth=writes, summary="Change the digest"
)
def change_digest(request: HttpRequest, slug: str, change: DigestChange) -> DigestOut:
    enterprise = enterprise_of(request, slug)
    sent = change.dict(exclude_unset=True)
    if "rhythm" in sent:
        sent["rhythm"] = str(sent["rhythm"])
    digest_set(enterprise=enterprise, actor=actor_of(request), **_values(sent))
    return _digest_out(enterprise)
