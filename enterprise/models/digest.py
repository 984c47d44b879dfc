"""A letter with the numbers, what changed, and what needs attention, every week or month."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from enterprise.models.enterprise import Enterprise
from enterprise.models.member import Membership


class DigestRhythm(models.TextChoices):
    OFF = "off", _("Off")
    WEEKLY = "weekly", _("Weekly")
    MONTHLY = "monthly", _("Monthly")


class Digest(models.Model):
    """Of one enterprise: when and to whom (docs/alerts.md).

    Wall-clock time in the enterprise's zone, on ``weekday`` (Monday 0) or ``month_day``, which is at
    most 28 so that every month has it. ``next_at`` is what the tick looks at; ``last_snapshot`` is
    what the next one compares with.
    """

    enterprise = models.OneToOneField(
        Enterprise, on_delete=models.CASCADE, primary_key=True, related_name="digest"
    )
    rhythm = models.CharField(
        _("Rhythm"), max_length=10, choices=DigestRhythm, default=DigestRhythm.OFF
    )
    weekday = models.PositiveSmallIntegerField(
        _("Weekday"), default=0, validators=[MaxValueValidator(6)]
    )
    month_day = models.PositiveSmallIntegerField(
        _("Day of the month"), default=1, validators=[MinValueValidator(1), MaxValueValidator(28)]
    )
    time = models.TimeField(_("Time"), default=dt.time(8, 0))
    roles = models.JSONField(default=list)
    people = models.ManyToManyField(Membership, related_name="digests")
    attach_csv = models.BooleanField(default=False)
    next_at = models.DateTimeField(null=True, db_index=True)
    last_at = models.DateTimeField(null=True)
    last_snapshot = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(weekday__lte=6, month_day__gte=1, month_day__lte=28),
                name="digest_day_exists",
            ),
        ]

    def __str__(self) -> str:
        return f"digest of {self.enterprise_id}"
