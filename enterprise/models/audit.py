"""Who changed what, from where. Rows are only ever added, and sealed in batches.

Triggers refuse everything else (migration 0004): an event is never changed but for the batch that it
is given once, and goes only through ``services.audit_door``, with the batches past their retention.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from enterprise.models.enterprise import Enterprise


class AuditBatch(models.Model):
    """Some events of one enterprise, sealed together.

    ``digest`` is a hash of the events in the order of their ids, ``seal`` one of the batch and of the
    seal before it: batches are numbered from 1 without a gap, so that whatever is changed, taken out
    or put in shows. ``signature`` is made of the seal with a key from the environment, so that who can
    write the database alone cannot make a chain anew. A batch stays when its events go
    (``expired_at``). ``enterprise`` is null for what belongs to no enterprise.
    """

    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, null=True, related_name="audit_batches"
    )
    number = models.PositiveBigIntegerField()
    sealed_at = models.DateTimeField()
    events = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    seal = models.CharField(max_length=64)
    signature = models.CharField(max_length=64)
    expired_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["enterprise", "number"],
                condition=Q(enterprise__isnull=False),
                name="audit_batch_number_once",
            ),
            models.UniqueConstraint(
                fields=["number"],
                condition=Q(enterprise=None),
                name="audit_batch_number_once_console",
            ),
        ]

    def __str__(self) -> str:
        return f"audit batch {self.number}"


class AuditEvent(models.Model):
    """One change or download. ``action`` is ``<entity>.<verb>``; ``before`` and ``after`` never hold a
    secret. ``via`` tells sessions or tokens of one actor apart: a digest, or the token's prefix.
    """

    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, null=True, related_name="audit_events"
    )
    batch = models.ForeignKey(
        AuditBatch, on_delete=models.PROTECT, null=True, related_name="sealed", db_index=False
    )
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    actor_kind = models.CharField(max_length=10)  # user, token, system, command
    via = models.CharField(max_length=40, blank=True, default="", db_default="")
    ip_address = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=300, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["enterprise", "-id"], name="audit_by_enterprise"),
            models.Index(fields=["batch", "id"], name="audit_by_batch"),
            models.Index(fields=["id"], condition=Q(batch=None), name="audit_unsealed"),
        ]

    def __str__(self) -> str:
        return self.action


class AuditDoor(models.Model):
    """While a row stands here, the triggers let events go (``services.audit_door``).

    It is written and taken away in one transaction, so that nobody else ever finds the door open.
    """

    reason = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.reason
