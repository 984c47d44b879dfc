"""What happened, and each telling of it: the outbox of webhooks and e-mail."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from enterprise.models.enterprise import Enterprise
from enterprise.models.webhook import Webhook


class EventKind(models.TextChoices):
    RUN_SUCCEEDED = "run.succeeded", _("A sync run succeeded")
    RUN_FAILED = "run.failed", _("A sync run failed")
    RUN_HELD = "run.held", _("A sync run is held")
    RUN_OVERDUE = "run.overdue", _("An instance is overdue")
    UPLOAD_APPLIED = "upload.applied", _("An upload was applied")
    COUNT_CHANGED = "count.changed", _("The count changed")
    THRESHOLD_CROSSED = "threshold.crossed", _("A threshold was crossed, or is no longer")
    PING = "ping", _("A test")
    DIGEST = "digest", _("The digest")


SUBSCRIBABLE = tuple(kind for kind in EventKind if kind not in (EventKind.PING, EventKind.DIGEST))


class Event(models.Model):
    """Something that somebody is told of, written in the transaction of what it tells.

    ``params`` are codes, names and numbers, never an e-mail address; bodies are made of them when
    they are sent, the same ones at every attempt.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=EventKind)
    at = models.DateTimeField()
    params = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class DeliveryState(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    SENDING = "sending", _("Sending")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Failed")


ENDED = (DeliveryState.DELIVERED, DeliveryState.FAILED)


class Delivery(models.Model):
    """Telling one receiver of one event: a webhook, or a person by e-mail.

        (new) ──► queued ──claim──► sending ──► delivered ─┐
                   ▲ ▲                │ │                  │
                   │ └─ retry, lease ─┘ └─────► failed ────┤
                   └───────────────────── redeliver ───────┘

    Every other arrow is refused. ``attempt`` is the fencing token, as on a run. Only one delivery to
    a webhook is under way at a time, so that a receiver that hangs takes one worker at the most.
    ``guid`` is told to the receiver and stays the same at every attempt: a worker that dies between
    sending and noting it sends once more.
    """

    guid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, null=True, related_name="deliveries"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="deliveries"
    )
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)  # since it was queued or redelivered
    created_at = models.DateTimeField()
    not_before = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)  # of the last answer
    error_code = models.CharField(max_length=50, blank=True)
    error_params = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "webhook"], name="delivery_once_per_webhook"),
            models.UniqueConstraint(fields=["event", "user"], name="delivery_once_per_person"),
            models.CheckConstraint(
                condition=Q(webhook=None, user__isnull=False) | Q(webhook__isnull=False, user=None),
                name="delivery_has_one_receiver",
            ),
            models.UniqueConstraint(
                fields=["webhook"], condition=Q(state="sending"), name="delivery_one_at_a_time"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["webhook", "-id"], name="delivery_by_webhook"),
            models.Index(
                fields=["state", "not_before"],
                condition=Q(state__in=["queued", "sending"]),
                name="delivery_active",
            ),
            models.Index(fields=["state", "finished_at"], name="delivery_ended"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.guid} ({self.state})"


class DeliveryAttempt(models.Model):
    """One try: when, how long, and what came of it. No body is kept."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    error_code = models.CharField(max_length=50, blank=True)
    error_params = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delivery", "number"], name="delivery_attempt_once"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.delivery_id}"
