"""Who changed what, from where. Rows are only ever added."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from enterprise.models.enterprise import Enterprise


class AuditEvent(models.Model):
    """One change. ``action`` is ``<entity>.<verb>``; ``before`` and ``after`` never hold a secret."""

    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, null=True, related_name="audit_events"
    )
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    actor_kind = models.CharField(max_length=10)  # user, token, system, command
    ip_address = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=300, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["enterprise", "-id"], name="audit_by_enterprise"),
        ]

    def __str__(self) -> str:
        return self.action
