"""The enterprise account on GHEC, and what was last read of it."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class BillingModel(models.TextChoices):
    VOLUME = "volume", _("Volume licensing")
    METERED = "metered", _("Metered billing")


class Enterprise(models.Model):
    """One GHEC enterprise account whose licenses are counted.

    ``data_version`` rises with every apply, in its transaction; ``counted_version`` is the one that
    the last recount saw. A recount is due while they differ (domain.md section 5), and a comparison
    with GitHub's list while ``compared_version`` is behind ``counted_version``; so is the work-list,
    and who can be reclaimed, by ``insights_version``.
    """

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(_("Name"), max_length=200)
    api_url = models.CharField(_("API address"), max_length=300, default="https://api.github.com")
    billing_model = models.CharField(
        _("Billing model"), max_length=10, choices=BillingModel, default=BillingModel.VOLUME
    )
    time_zone = models.CharField(_("Time zone"), max_length=64, default="UTC")
    created_at = models.DateTimeField(auto_now_add=True)

    data_version = models.BigIntegerField(default=0)
    counted_version = models.BigIntegerField(default=0)
    compared_version = models.BigIntegerField(default=0)  # the one whose difference is known
    compared_snapshot = models.BigIntegerField(default=0)  # the snapshot that it is kept with

    # The first rises with each change of the mapping; the split was made with the second, of the third.
    cost_centers_version = models.BigIntegerField(default=0, db_default=0)
    allocated_version = models.BigIntegerField(default=0, db_default=0)
    allocated_snapshot = models.BigIntegerField(default=0, db_default=0)
    insights_version = models.BigIntegerField(default=0, db_default=0)

    exclude_never_signed_in = models.BooleanField(default=False)
    guard_share = models.PositiveSmallIntegerField(default=20)  # per cent of the accounts applied
    guard_minimum = models.PositiveIntegerField(default=10)  # so many may always go
    cloud_max_age_hours = models.PositiveIntegerField(default=24)

    # What the forecast compares with: the day until which seats are bought, and what one more costs.
    renewal_on = models.DateField(null=True)
    seat_price = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, blank=True, default="", db_default="")  # ISO 4217

    # The cloud side's own weekly schedule, from the day its token is saved (as on ServerInstance).
    schedule_weekday = models.PositiveSmallIntegerField(null=True)
    schedule_time = models.TimeField(null=True)
    next_sync_at = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        return self.slug

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def today(self) -> dt.date:
        """The day in the enterprise's own zone, whoever asks and from wherever."""
        return timezone.localdate(timezone=self.zone)


class CloudState(models.Model):
    """What the last cloud run that was applied said of the enterprise as a whole.

    ``total`` and ``purchased`` are GitHub's own numbers; ``listed`` is how many rows it listed.
    ``gaps`` are optional parts that could not be read, as [{"part", "code", "params"}]: shown to the
    owner, since a count without SAML identities may be too high. ``applied_version`` rises with each
    apply, so that a held run can tell whether the data it was compared with is still there.
    """

    enterprise = models.OneToOneField(
        Enterprise, on_delete=models.CASCADE, primary_key=True, related_name="cloud"
    )
    applied_version = models.BigIntegerField(default=0)
    read_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    total = models.IntegerField(null=True)
    purchased = models.IntegerField(null=True)
    listed = models.IntegerField(null=True)
    gaps = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"cloud of {self.enterprise_id}"
