"""``/api/v1``: alerts, what is beyond them, and what was."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from ninja import Field, Query, Router, Schema, Status

from enterprise import wording
from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_exports import CSV_FILE, JSON_LINES_FILE
from enterprise.api.v1_links import (
    MOST,
    Asked,
    Before,
    Id,
    Patch,
    Whole,
    link,
    reader_of,
    reads,
    writes,
)
from enterprise.api.v1_problems import not_found
from enterprise.downloads import table_file
from enterprise.models import AlertKind, AlertRule, AlertState, AlertUnit, Enterprise, Role
from enterprise.reports.alerts import alert_history_table
from enterprise.selectors.alerts import RuleLine, alert_get, alert_lines, states_page
from enterprise.services.alerts import SETTINGS, alert_add, alert_edit, alert_remove, alert_test

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


class AlertHistoryOut(BeyondOut):
    """What is, or was, beyond the threshold of the rule `alert`."""

    id: int
    alert: int
    kind: str
    threshold: int | None
    unit: str
    over_at: dt.datetime | None


class AlertHistory(Schema):
    items: list[AlertHistoryOut]


def sent_values(sent: dict[str, Any]) -> dict[str, Any]:
    """What a client sent as the services take it: texts, and no unit as an empty one."""
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
    rule = alert_add(enterprise=enterprise, actor=actor_of(request), **sent_values(new.dict()))
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
    values = sent_values(change.dict(exclude_unset=True))
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


# --- The history ---------------------------------------------------------------------------------


@router.get(
    "/enterprises/{slug}/alert-history",
    response=AlertHistory,
    auth=reads,
    summary="List what is or was beyond a threshold",
)
def list_alert_history(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    *,
    alert: Annotated[int | None, Query(ge=1, le=MOST, description="Of this rule")] = None,
    before: Before = None,
) -> AlertHistory:
    """Newest first. What is over stays for `LICSYNC_ALERT_RETENTION_DAYS`, and goes with its rule."""
    found, following = states_page(enterprise_of(request, slug), rule=alert, before=before)
    link(request, response, next={"before": following} if following else None)
    return AlertHistory(
        items=[
            AlertHistoryOut(
                **_beyond(state.rule, state).dict(),
                id=state.pk,
                alert=state.rule_id,
                over_at=state.over_at,
                **{name: getattr(state.rule, name) for name in ("kind", "threshold", "unit")},
            )
            for state in found
        ]
    )


@router.get(
    "/enterprises/{slug}/alert-history.csv",
    response={200: None},
    auth=reads,
    summary="Download what is or was beyond a threshold",
    openapi_extra=CSV_FILE,
)
def download_alert_history(request: HttpRequest, slug: str) -> HttpResponseBase:
    reader = reader_of(request, slug)
    return table_file(request, reader, alert_history_table(reader.enterprise))


@router.get(
    "/enterprises/{slug}/alert-history.jsonl",
    response={200: None},
    auth=reads,
    summary="Download what is or was beyond a threshold as JSON lines",
    openapi_extra=JSON_LINES_FILE,
)
def download_alert_history_lines(request: HttpRequest, slug: str) -> HttpResponseBase:
    reader = reader_of(request, slug)
    return table_file(request, reader, alert_history_table(reader.enterprise), json_lines=True)
