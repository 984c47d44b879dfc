"""Whatever text is stored tries to become a part of the page. A new column does too, or says why not."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

from django.apps import apps
from django.db import models
from django.utils import timezone

from enterprise.models import (
    AlertState,
    AuditEvent,
    CloudAccount,
    CloudIdentity,
    Delivery,
    DeliveryAttempt,
    DifferenceComponent,
    Duplicate,
    Enterprise,
    EnterpriseDomain,
    GitHubSyncStatus,
    MembershipVersion,
    RunLogLine,
    ServerInstance,
    ServerUserAccount,
    SyncRun,
)
from tests.access.world import ACME

# Out of an attribute, out of a script, a tag and a handler of its own.
EVIL = "'\" onx=1 ></script><x onx=1>{{7*7}}"
MARK = "<x onx=1>"

_CODE = "a code of ours, never anybody's text"
_SECRET = "encrypted, or a digest: nothing shows it"
_SHORT = "too short for a tag"

# Keys of JSON whose values are codes of ours.
CODES = {"kind", "unit", "action", "basis", "at", "since", "rule", "code", "alert", "state"}

# Columns that stay as they are, and why. By model and field; what has choices holds nothing else.
LEFT: dict[str, str] = {
    "Enterprise.slug": "checked to be a slug, and stands in addresses",
    "Enterprise.time_zone": "checked to be a zone",
    "Enterprise.currency": _SHORT,
    "CloudState.gaps": _CODE,
    "ServerInstance.applied_source": _CODE,
    "Credential.ciphertext": _SECRET,
    "ServerUserAccount.excluded": _CODE,
    "User.password": _SECRET,
    "User.language": _CODE,
    "User.time_zone": "checked to be a zone",
    "SignInLink.digest": _SECRET,
    "Webhook.ciphertext": _SECRET,
    "Webhook.language": _CODE,
    "Webhook.events": _CODE,
    "AlertRule.roles": _CODE,
    "Snapshot.totals": "numbers of ours",
    "Snapshot.difference": "numbers of ours",
    "Snapshot.changes": "numbers of ours",
    "PersonVersion.license_type": _CODE,
    "MembershipVersion.rule": _CODE,
    "CurrentPerson.license_type": _CODE,
    "DifferenceComponent.category": _CODE,
    "AuditBatch.digest": _SECRET,
    "AuditBatch.seal": _SECRET,
    "AuditBatch.signature": _SECRET,
    "AuditEvent.actor_kind": _CODE,
    "AuditDoor.reason": _CODE,
    "Delivery.error_code": _CODE,
    "DeliveryAttempt.error_code": _CODE,
    "Digest.roles": _CODE,
    "Duplicate.rules": _CODE,
    "DuplicateSearch.unavailable": _CODE,
    "DuplicateSearch.open": "numbers of ours",
    "DuplicateSearch.saves": "numbers of ours",
    "SyncRun.counts": "numbers of ours",
    "SyncRun.error_code": _CODE,
    "RunLogLine.code": _CODE,
    "RunChunk.cursor": "shown by nothing, and gone with its run",
    "ApiToken.digest": _SECRET,
    "ApiToken.scopes": _CODE,
}


def columns() -> list[tuple[type[models.Model], Any]]:
    """Every column that holds text and not one of some choices."""
    kinds = (models.CharField, models.TextField, models.JSONField)
    return [
        (model, field)
        for model in apps.get_app_config("enterprise").get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, kinds) and not field.choices
    ]


def name_of(model: type[models.Model], field: Any) -> str:
    return f"{model.__name__}.{field.name}"


def spoiled(text: str, longest: int | None = None) -> str:
    """The text with what is evil behind it, so that it sorts as before; ``HOST:ID`` stays one."""
    head, colon, number = text.rpartition(":")
    if re.fullmatch(r"[\d/]+", text):
        return text  # a number, or a share of a seat
    tail = f":{number}" if colon and number.isdigit() else ""
    room = None if longest is None else max(0, longest - len(EVIL) - len(tail))
    return ((head if tail else text)[:room] + EVIL + tail)[:longest]


def poisoned(value: Any, longest: int | None = None) -> Any:
    """The value with every text in it spoiled; JSON keeps its form, also where it is stored as text."""
    if isinstance(value, dict):
        return {key: each if key in CODES else poisoned(each) for key, each in value.items()}
    if isinstance(value, list):
        return [poisoned(each) for each in value]
    if not isinstance(value, str):
        return value
    if value[:1] in ("[", "{"):
        return json.dumps(poisoned(json.loads(value)))
    return spoiled(value, longest)


def poison() -> list[str]:
    """Fill every column that is not left, in all rows; the names of those of which there is no row."""
    empty: list[str] = []
    events: dict[int, dict[str, Any]] = {}
    for model, field in columns():
        if name_of(model, field) in LEFT:
            continue
        rows = list(model._default_manager.all())
        empty += [] if rows else [name_of(model, field)]
        for row in rows:
            new = poisoned(getattr(row, field.attname), getattr(field, "max_length", None))
            if model is AuditEvent:
                events.setdefault(row.pk, {})[field.attname] = new
            else:
                model._default_manager.filter(pk=row.pk).update(**{field.attname: new})
    for pk, values in events.items():  # which nobody may change
        event = AuditEvent.objects.get(pk=pk)
        event.pk = None
        for name, new in values.items():
            setattr(event, name, new)
        event.save(force_insert=True)
    return empty


class _Tags(HTMLParser):
    """Tags and attributes that no template of ours has."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "x" or any(name.startswith("onx") for name, _value in attrs):
            self.found.append(self.get_starttag_text() or tag)


def intruders(page: str) -> list[str]:
    """What became a part of the page."""
    parser = _Tags()
    parser.feed(page)
    parser.close()
    return parser.found


GITHUB_ROW = {"github_com_login": "", "enterprise_server_user_ids": ["ghes.example.com:1"]}
ALERT = {
    "alert": "sync",
    "threshold": None,
    "unit": "",
    "action": "raised",
    "state": "failing",
    "since": "2026-11-25T10:00:00+00:00",
    "rule": 1,
    "host": "x",
    "run": 1,
    "code": "x",
}
EVIDENCE = [
    {"rule": "plus_tag", "one": "a@b.example", "other": "a+x@b.example", "account": "x:1"}
    | {"weight": 50, "rivals": 1}
]
CHANGE = {"accounts": ["x:1"], "shared": ["x"], "email": "x", "verify": "x", "login": "x"}


def furnish(enterprise: Enterprise) -> None:
    """A row of each kind that the world of the access tests has not."""
    instance = ServerInstance.objects.get(pk=ACME)
    now = timezone.now()
    RunLogLine.objects.create(
        run=SyncRun.objects.get(pk=ACME),
        at=now,
        attempt=1,
        code="unexpected",
        params={"error": "x"},
    )
    SyncRun.objects.filter(pk=ACME).update(
        error_code="unexpected",
        error_params=dict.fromkeys(("detail", "error", "host", "status", "reason", "place"), "x"),
        warnings=[],
    )
    GitHubSyncStatus.objects.create(
        enterprise=enterprise,
        server_id="s",
        host_name=instance.host_name,
        status="failure",
        error="x",
    )
    EnterpriseDomain.objects.create(
        enterprise=enterprise, domain="example.com", verified=True, approved=False
    )
    CloudAccount.objects.create(
        enterprise=enterprise,
        key="x",
        kind="person",
        counts=True,
        matching="[]",
        report=json.dumps(GITHUB_ROW),
        digest=1,
    )
    CloudIdentity.objects.create(enterprise=enterprise, login_key="x", attribute=1, value="x")
    DifferenceComponent.objects.create(
        enterprise=enterprise, category="other", change=0, persons=[ACME], rows=["x"]
    )
    ServerUserAccount.objects.create(
        instance=instance, user_id=1, email="a@b.example", email_key="a@b.example", digest=1
    )
    MembershipVersion.objects.create(
        enterprise=enterprise,
        account=f"{instance.host_name}:1",
        number=ACME,
        rule="verified_email",
        value="a@b.example",
        candidates='["x"]',
        from_snapshot=ACME,
    )
    Duplicate.objects.filter(pk=ACME).update(
        evidence=json.dumps(EVIDENCE), change=json.dumps(CHANGE), rules="plus_tag"
    )
    AlertState.objects.create(rule_id=ACME, subject="x", params=ALERT, since=now, last_sent_at=now)
    DeliveryAttempt.objects.create(
        delivery_id=ACME,
        number=1,
        at=now,
        error_code="unexpected",
        error_params={"error": "x", "reason": "x", "status": "x"},
    )
    Delivery.objects.filter(pk=ACME).update(error_code="unexpected", error_params={"error": "x"})
