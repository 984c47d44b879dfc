"""A receiver of events over HTTP."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from enterprise.models.enterprise import Enterprise


class Webhook(models.Model):
    """Where events of an enterprise are sent (docs/webhooks.md).

    ``ciphertext`` holds the whole address and the secret that signs, since the address of a chat
    service is a secret of its own; ``origin`` is all of it that is ever shown. ``events`` are kinds
    of events, sorted. ``failures`` counts attempts without a success between, ``failing_since`` is
    the first of them; one that fails for too long is disabled, which an owner undoes.
    """

    class Body(models.TextChoices):
        JSON = "json", _("JSON, signed")
        SLACK = "slack", _("Slack-compatible text")

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="webhooks")
    name = models.CharField(_("Name"), max_length=100)
    origin = models.CharField(max_length=300)
    ciphertext = models.TextField()
    ca_bundle = models.TextField(_("Certificate authority (PEM)"), blank=True)
    body = models.CharField(_("Body"), max_length=10, choices=Body, default=Body.JSON)
    language = models.CharField(_("Language"), max_length=12, default="en")
    events = models.JSONField(default=list)
    active = models.BooleanField(_("Active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enterprise", "name"], name="webhook_name_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.origin})"
