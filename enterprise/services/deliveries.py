"""Telling the receivers: a worker claims a delivery, sends, and notes what came of it.

At least once: what was sent and not noted, because the worker was killed between, is sent again under
the same delivery id.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
import traceback
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from enterprise.channels.webhook import post, signature
from enterprise.faults import Fault, Refused
from enterprise.models import Delivery, DeliveryAttempt, DeliveryState, Webhook
from enterprise.models.delivery import ENDED
from enterprise.services.audit import SYSTEM, Actor, audit_record
from enterprise.services.database_away import DATABASE_AWAY
from enterprise.services.event_bodies import event_body
from enterprise.services.events import (
    deliveries_release,
    delivery_publish,
    delivery_publish_next,
)
from enterprise.services.mail import mail_send
from enterprise.services.webhooks import webhook_open
from licsync import smtp

log = structlog.get_logger(__name__)

TRIES = 8  # with the default base of 5 seconds, over nearly eight hours
PATIENCE = 10.0  # seconds; a receiver takes an event first and works on it later
LONGEST_WAIT = 6 * 3600.0
DISABLED_AFTER = dt.timedelta(days=3)
LEAST_FAILURES = 8  # before it is disabled, however few events there are

# All letters go to one server, which may be slow: of the threads of a worker some are left for the
# tick and for webhooks.
LETTERS_AT_ONCE = 2
_letters_under_way = threading.BoundedSemaphore(LETTERS_AT_ONCE)


def delivery_send(*, delivery_id: int) -> DeliveryState | None:
    """Make one attempt. None if the delivery is not to be had now; else the state it was brought to."""
    letters = Delivery.objects.filter(webhook=None)
    if not letters.filter(pk=delivery_id).exists():
        return _attempt(delivery_id)
    if not _letters_under_way.acquire(blocking=False):
        return None  # one of those under way wakes the next when it is done
    try:
        state = _attempt(delivery_id)
    finally:
        _letters_under_way.release()
    delivery_publish_next(letters)
    return state


def _attempt(delivery_id: int) -> DeliveryState | None:
    delivery = _claim(delivery_id)
    if delivery is None:
        return None
    started = time.monotonic()
    fault: Fault | None = None
    status: int | None = None
    try:
        if delivery.webhook is not None:
            status = _post(delivery)
        else:
            mail_send(delivery)
    except Fault as caught:
        fault = caught
    except DATABASE_AWAY:
        raise  # the lease runs out, and another worker takes it up
    except Exception as error:
        # The message may quote an address: only where it was.
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("delivery_crashed", error=type(error).__name__, frames=frames)  # noqa: TRY400
        fault = Fault("internal_error", error=type(error).__name__)
    took = round((time.monotonic() - started) * 1000)
    if not _note(delivery, fault, status, took):
        log.info("delivery_taken_over", delivery=delivery_id, attempt=delivery.attempt)
        return None
    return DeliveryState(delivery.state)


def _claim(delivery_id: int) -> Delivery | None:
    """Take a queued delivery by one conditional UPDATE; another to the same webhook waits its turn."""
    now = timezone.now()
    delivery = (
        Delivery.objects.select_related("event__enterprise", "webhook", "user")
        .filter(pk=delivery_id, state=DeliveryState.QUEUED, not_before__lte=now)
        .first()
    )
    if delivery is None:
        return None
    fields = {
        "state": DeliveryState.SENDING,
        "attempt": delivery.attempt + 1,
        "lease_until": now + lease_of(delivery),
    }
    try:
        with transaction.atomic():
            taken = Delivery.objects.filter(
                pk=delivery_id, state=DeliveryState.QUEUED, attempt=delivery.attempt
            ).update(**fields)
    except IntegrityError:
        return None  # the one under way wakes the next when it is done
    if not taken:
        return None
    for name, value in fields.items():
        setattr(delivery, name, value)
    return delivery


def lease_of(delivery: Delivery) -> dt.timedelta:
    """Longer than an attempt can take: what is taken over while it is sent arrives twice."""
    letter = delivery.webhook_id is None
    patience = smtp.SESSION_SECONDS if letter else settings.LICSYNC_HTTP_TIMEOUT_SECONDS
    return dt.timedelta(seconds=settings.LICSYNC_LEASE_SECONDS + 2 * patience)


def _post(delivery: Delivery) -> int:
    hook = delivery.webhook
    assert hook is not None  # noqa: S101 - its caller looked
    if hook.disabled_at is not None:
        raise Fault("webhook_disabled")
    if not hook.active:
        raise Fault("webhook_inactive")
    opened = webhook_open(hook)
    body = event_body(delivery, hook)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "licsync-webhook",
        "X-Licsync-Event": delivery.event.kind,
        "X-Licsync-Delivery": str(delivery.guid),
        "X-Hub-Signature-256": signature(opened.secret, body),
    }
    return post(
        opened.url,
        body,
        headers,
        timeout=min(PATIENCE, float(settings.LICSYNC_HTTP_TIMEOUT_SECONDS)),
        ca_bundle=hook.ca_bundle,
        allow_loopback=settings.LICSYNC_ALLOW_LOOPBACK,
        admitted=settings.LICSYNC_WEBHOOK_NETWORKS,
    )


def _note(delivery: Delivery, fault: Fault | None, status: int | None, took: int) -> bool:
    """Write what came of the attempt, if it is still ours; False if another worker has it."""
    now = timezone.now()
    tries = delivery.tries + 1
    failures = delivery.webhook.failures if delivery.webhook else delivery.tries
    again = fault is not None and fault.retry and tries < TRIES
    wait = max(fault.after or 0.0, _back_off(failures)) if fault is not None else 0.0
    retry_at = now + dt.timedelta(seconds=min(wait, LONGEST_WAIT))
    fields: dict[str, Any] = {"tries": tries, "lease_until": None, "finished_at": now}
    if fault is None:
        fields |= {"state": DeliveryState.DELIVERED, "error_code": "", "error_params": {}}
    else:
        params = dict(fault.params)
        status = params.get("status", status)
        fields |= {"error_code": fault.code, "error_params": params, "state": DeliveryState.FAILED}
    if again:
        fields |= {"state": DeliveryState.QUEUED, "not_before": retry_at, "finished_at": None}
    fields["status"] = status
    with transaction.atomic():
        written = Delivery.objects.filter(
            pk=delivery.pk, state=DeliveryState.SENDING, attempt=delivery.attempt
        ).update(**fields)
        if not written:
            return False
        for name, value in fields.items():
            setattr(delivery, name, value)
        attempt_record(delivery, at=now, milliseconds=took)
        if delivery.webhook is not None:
            _hook_heard(delivery, delivery.webhook, fault, now, retry_at)
        if again:
            delivery_publish(delivery.pk, countdown=wait)
    return True


def attempt_record(delivery: Delivery, *, at: dt.datetime, milliseconds: int | None) -> None:
    """Keep what came of a try, as the delivery has it."""
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=delivery.attempt,
        at=at,
        milliseconds=milliseconds,
        status=delivery.status,
        error_code=delivery.error_code,
        error_params=delivery.error_params,
    )


def _back_off(failures: int) -> float:
    base: float = settings.LICSYNC_RETRY_BASE_SECONDS
    return float(min(base * 4 ** min(failures, 12), LONGEST_WAIT))


_NOT_THE_RECEIVERS = ("webhook_inactive", "webhook_disabled")


def _hook_heard(
    delivery: Delivery,
    hook: Webhook,
    fault: Fault | None,
    now: dt.datetime,
    retry_at: dt.datetime,
) -> None:
    """Keep how the receiver fares, and wake what waited for its turn.

    While it fails, whatever else is queued for it waits as long: one attempt finds out for all.
    """
    hooks = Webhook.objects.filter(pk=hook.pk)
    waiting = Delivery.objects.filter(webhook=hook, state=DeliveryState.QUEUED)
    if fault is None:
        if hooks.exclude(failures=0).update(failures=0, failing_since=None):
            deliveries_release(webhook_id=hook.pk)
    elif fault.code not in _NOT_THE_RECEIVERS:
        hooks.update(failures=F("failures") + 1)
        hooks.filter(failing_since=None).update(failing_since=now)
        if fault.retry:
            waiting.filter(not_before__lt=retry_at).update(not_before=retry_at)
        limit = now - DISABLED_AFTER
        gone = hooks.filter(
            failing_since__lte=limit, failures__gte=LEAST_FAILURES, disabled_at=None
        )
        if gone.update(disabled_at=now):
            audit_record(
                enterprise=hook.enterprise,
                actor=SYSTEM,
                action="webhook.disable",
                target=hook.name,
                after={"code": fault.code},
            )
    delivery_publish_next(waiting.exclude(pk=delivery.pk))


# --- What an owner asks for ----------------------------------------------------------------------


def delivery_redeliver(*, delivery: Delivery, actor: Actor) -> None:
    """Send an ended delivery once more, under its id. Refused while it waits or is being sent."""
    now = timezone.now()
    with transaction.atomic():
        moved = Delivery.objects.filter(pk=delivery.pk, state__in=ENDED).update(
            state=DeliveryState.QUEUED,
            tries=0,
            not_before=now,
            finished_at=None,
        )
        if not moved:
            raise Refused("delivery_not_ended")
        audit_record(
            enterprise=delivery.event.enterprise,
            actor=actor,
            action="delivery.redeliver",
            target=delivery.webhook.name if delivery.webhook else "",
            after={"delivery": str(delivery.guid), "event": delivery.event.kind},
        )
        delivery_publish(delivery.pk)
