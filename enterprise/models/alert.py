"""Thresholds that an owner sets, and what has crossed them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from enterprise.models.enterprise import Enterprise
from enterprise.models.member import Membership
from enterprise.models.webhook import Webhook


class AlertKind(models.TextChoices):
    FREE_SEATS = "free_seats", _("Few free licenses")
    COUNT_JUMP = "count_jump", _("Jump in the count")
    SYNC = "sync", _("Our sync failed, is held or overdue")
    GITHUB_SYNC = "github_sync", _("GitHub's own sync failed, is overdue or never happened")
    LICENSE_EXPIRY = "license_expiry", _("A license file expires")
    TOKEN_EXPIRY = "token_expiry", _("A token expires")
    CERTIFICATE_EXPIRY = "certificate_expiry", _("A certificate expires")
    UPLOAD_OLD = "upload_old", _("An upload is old")


class AlertUnit(models.TextChoices):
    NUMBER = "number", _("persons")
    PERCENT = "percent", _("per cent")
    DAYS = "days", _("days")


UNITS: dict[str, tuple[str, ...]] = {
    AlertKind.FREE_SEATS: (AlertUnit.NUMBER, AlertUnit.PERCENT),
    AlertKind.COUNT_JUMP: (AlertUnit.NUMBER, AlertUnit.PERCENT),
    AlertKind.SYNC: (),
    AlertKind.GITHUB_SYNC: (),
    AlertKind.LICENSE_EXPIRY: (AlertUnit.DAYS,),
    AlertKind.TOKEN_EXPIRY: (AlertUnit.DAYS,),
    AlertKind.CERTIFICATE_EXPIRY: (AlertUnit.DAYS,),
    AlertKind.UPLOAD_OLD: (AlertUnit.DAYS,),
}
"""The units that a kind's threshold may have; without one it has no threshold."""


class AlertRule(models.Model):
    """What an owner wants to be told of, whom it is told to, and how often (docs/alerts.md).

    ``roles`` are the roles whose people get e-mail, beside ``people``; ``webhooks`` are told besides
    those that listen to ``threshold.crossed``. ``repeat_days`` 0 reminds never.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="alert_rules")
    kind = models.CharField(_("Alert"), max_length=20, choices=AlertKind)
    threshold = models.PositiveIntegerField(_("Threshold"), null=True)
    unit = models.CharField(_("Unit"), max_length=10, choices=AlertUnit, blank=True)
    repeat_days = models.PositiveSmallIntegerField(_("Again after"), default=7)
    roles = models.JSONField(default=list)
    people = models.ManyToManyField(Membership, related_name="alert_rules")
    webhooks = models.ManyToManyField(Webhook, related_name="alert_rules")
    active = models.BooleanField(_("Active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(threshold=None, unit="") | Q(threshold__isnull=False) & ~Q(unit=""),
                name="alert_threshold_has_its_unit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.threshold} {self.unit}"


class AlertState(models.Model):
    """One subject of a rule that is, or was, beyond its threshold.

    ``params`` are of ``wording.alert_sentence`` when it was last sent. Only one that is not over may
    exist per subject: of two ticks at once one sends.
    """

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="states")
    subject = models.CharField(max_length=300)
    params = models.JSONField(default=dict)
    since = models.DateTimeField()
    last_sent_at = models.DateTimeField()
    over_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["rule", "subject"], condition=Q(over_at=None), name="alert_open_once"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["rule", "-id"], name="alert_state_by_rule")]

    def __str__(self) -> str:
        return f"{self.subject} since {self.since}"
