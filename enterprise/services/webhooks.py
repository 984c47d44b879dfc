"""Receivers of events: added, changed, tested, enabled again."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction

from enterprise.channels.webhook import check_receiver
from enterprise.faults import Fault, Refused
from enterprise.models import Enterprise, Event, EventKind, Webhook
from enterprise.models.delivery import SUBSCRIBABLE
from enterprise.outbound import tls_context
from enterprise.services.audit import Actor, audit_record
from enterprise.services.events import (
    deliveries_release,
    delivery_publish_next,
    event_record,
)
from enterprise.services.sealed import UnreadableError, seal, unseal

NAME_LENGTH = 100  # as the column
SECRET_LEAST, SECRET_MOST = 16, 200
MOST_WEBHOOKS = 20
SETTINGS = ("name", "events", "body", "language", "active", "ca_bundle")


class OpenedWebhook(NamedTuple):
    url: str
    secret: str


def webhook_open(webhook: Webhook) -> OpenedWebhook:
    """Address and secret. Raises Fault ``webhook_unreadable``."""
    try:
        plain = unseal(webhook.ciphertext)
        return OpenedWebhook(plain["webhook"], plain["secret"])
    except (UnreadableError, KeyError):
        pass
    raise Fault("webhook_unreadable")


def webhook_add(
    *,
    enterprise: Enterprise,
    actor: Actor,
    name: str,
    url: str,
    events: list[str],
    body: str = Webhook.Body.JSON,
    language: str = "en",
    secret: str = "",
    ca_bundle: str = "",
    active: bool = True,
) -> tuple[Webhook, str]:
    """Add a receiver: (webhook, its secret to show once). Without ``secret`` one is made.

    Raises Refused with the field at fault.
    """
    values = _checked(
        {
            "name": name,
            "events": events,
            "body": body,
            "language": language,
            "active": active,
            "ca_bundle": ca_bundle,
        }
    )
    origin = _checked_url(url)
    secret = _checked_secret(secret) if secret else secrets.token_urlsafe(32)
    if Webhook.objects.filter(enterprise=enterprise).count() >= MOST_WEBHOOKS:
        raise Refused("too_many_webhooks", most=MOST_WEBHOOKS)
    webhook = Webhook(
        enterprise=enterprise,
        origin=origin,
        ciphertext=_sealed(url.strip(), secret),
        **values,
    )
    with transaction.atomic():
        _save(webhook)
        audit_record(
            enterprise=enterprise,
            actor=actor,
            action="webhook.add",
            target=webhook.name,
            after={"origin": origin, "events": webhook.events, "body": webhook.body},
        )
    return webhook, secret


def webhook_edit(
    *, webhook: Webhook, actor: Actor, url: str = "", secret: str = "", **values: Any
) -> bool:
    """Change what is given; an empty ``url`` or ``secret`` stays as it is. False if nothing changed.

    ``values`` are of ``SETTINGS``. Raises Refused with the field at fault.
    """
    values = _checked(values)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name, value in values.items():
        if getattr(webhook, name) != value:
            before[name], after[name] = getattr(webhook, name), value
            setattr(webhook, name, value)
    if "ca_bundle" in after:  # long, and no secret, but of no use in a list of changes
        before["ca_bundle"], after["ca_bundle"] = bool(before["ca_bundle"]), bool(webhook.ca_bundle)
    if url or secret:
        _reseal(webhook, url.strip(), secret, before, after)
    if not after:
        return False
    with transaction.atomic():
        _save(webhook)
        audit_record(
            enterprise=webhook.enterprise,
            actor=actor,
            action="webhook.edit",
            target=webhook.name,
            before=before,
            after=after,
        )
    return True


def _reseal(
    webhook: Webhook, url: str, secret: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    origin = _checked_url(url) if url else webhook.origin
    if secret:
        _checked_secret(secret)
    opened = OpenedWebhook("", "")
    if not (url and secret):
        try:
            opened = webhook_open(webhook)
        except Fault as fault:
            raise Refused(fault.code, field="url") from None
    if secret and secret != opened.secret:
        after["secret_changed"] = True
    if url and url != opened.url:
        before["origin"], after["origin"] = webhook.origin, origin
    webhook.origin = origin
    webhook.ciphertext = _sealed(url or opened.url, secret or opened.secret)


def _sealed(url: str, secret: str) -> str:
    return seal({"webhook": url, "secret": secret})


def _save(webhook: Webhook) -> None:
    try:
        with transaction.atomic():
            # What deliveries find out of it meanwhile is theirs to write.
            fields = [*SETTINGS, "origin", "ciphertext"] if webhook.pk else None
            webhook.save(update_fields=fields)
    except IntegrityError:
        raise Refused("webhook_name_taken", field="name", name=webhook.name) from None


@transaction.atomic
def webhook_remove(*, webhook: Webhook, actor: Actor) -> None:
    """Delete a receiver with its deliveries."""
    audit_record(
        enterprise=webhook.enterprise,
        actor=actor,
        action="webhook.remove",
        target=webhook.name,
        before={"origin": webhook.origin},
    )
    webhook.delete()


@transaction.atomic
def webhook_enable(*, webhook: Webhook, actor: Actor) -> bool:
    """Send again to one that was disabled because it failed for too long. False if it was not."""
    enabled = Webhook.objects.filter(pk=webhook.pk, disabled_at__isnull=False).update(
        disabled_at=None, failures=0, failing_since=None
    )
    if enabled:
        deliveries_release(webhook_id=webhook.pk)
        delivery_publish_next(webhook.deliveries.all())
        audit_record(
            enterprise=webhook.enterprise, actor=actor, action="webhook.enable", target=webhook.name
        )
    return bool(enabled)


@transaction.atomic
def webhook_ping(*, webhook: Webhook, actor: Actor) -> Event:
    """Send a test to this one alone. Raises Refused if it is switched off or disabled."""
    event = event_record(
        enterprise_id=webhook.enterprise_id,
        kind=EventKind.PING,
        params={"webhook": webhook.pk, "name": webhook.name},
        webhooks={webhook.pk},
        subscribed=False,
    )
    if event is None:
        raise Refused("webhook_off", name=webhook.name)
    audit_record(
        enterprise=webhook.enterprise, actor=actor, action="webhook.ping", target=webhook.name
    )
    return event


# --- What may be entered -------------------------------------------------------------------------


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    values = dict(values)
    if "name" in values:
        values["name"] = values["name"].strip()
        if not values["name"]:
            raise Refused("name_needed", field="name")
        if len(values["name"]) > NAME_LENGTH:
            raise Refused("too_long", field="name", most=NAME_LENGTH)
    for event in values.get("events", ()):
        if event not in SUBSCRIBABLE:
            raise Refused("bad_event", field="events", value=str(event)[:50])
    if "events" in values:
        values["events"] = sorted(set(values["events"]))
    if values.get("body", Webhook.Body.JSON) not in Webhook.Body.values:
        raise Refused("bad_webhook_body", field="body", value=str(values["body"])[:50])
    if values.get("language", "en") not in dict(settings.LANGUAGES):
        raise Refused("bad_language", field="language", value=str(values["language"])[:50])
    if values.get("ca_bundle"):
        values["ca_bundle"] = values["ca_bundle"].strip()
        try:
            tls_context(values["ca_bundle"])
        except Fault as fault:
            raise Refused(fault.code, field="ca_bundle") from None
    return values


def _checked_url(url: str) -> str:
    try:
        return check_receiver(url.strip())
    except Fault as fault:
        raise Refused(fault.code, field="url") from None


def _checked_secret(secret: str) -> str:
    if not SECRET_LEAST <= len(secret) <= SECRET_MOST or not secret.isprintable():
        raise Refused("bad_secret", field="secret", least=SECRET_LEAST, most=SECRET_MOST)
    return secret
