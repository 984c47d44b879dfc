"""Tokens of this console's own API."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from enterprise.models.enterprise import Enterprise


class ApiToken(models.Model):
    """A token for ``/api``: random, shown once, kept as its SHA-256. ``scopes`` is a sorted list."""

    class Scope(models.TextChoices):
        READ_ENTERPRISE = "read:enterprise", _("Read everything, with e-mail addresses")
        WRITE_SERVER_USAGE = "write:server_usage", _("Upload server usage")
        ADMIN_ENTERPRISE = "admin:enterprise", _("Everything an owner can do")
        READ_METRICS = "read:metrics", _("Read metrics")

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("Name"), max_length=100)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["enterprise", "name"],
                condition=models.Q(revoked_at=None),
                name="token_name_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
