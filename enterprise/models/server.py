"""A GHES instance, how it is reached, and whether it is synced."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from enterprise.models.enterprise import Enterprise


class Source(models.TextChoices):
    """Where an instance's users are read (domain.md section 6)."""

    SITE_ADMIN_REPORT = "site_admin_report", _("Site-admin report")
    CLOUD_COPY = "cloud_copy", _("The cloud's copy")
    UPLOAD = "upload", _("Upload only")


class Rhythm(models.TextChoices):
    WEEKLY = "weekly", _("Weekly")
    DAILY = "daily", _("Daily")


class ServerInstance(models.Model):
    """One GHES instance of an enterprise (GitHub's schema: EnterpriseServerInstallation).

    Two switches, in this order, as on GitHub's settings page: ``connect_enabled`` (GitHub Connect),
    then ``license_sync_enabled`` (license sync); the second without the first is refused by the
    database too. ``host_name`` is GitHub's name of it, lower case, as in ``HOST:ID``;
    ``server_id`` is GitHub's, once its sync status has told it.

    The schedule is wall-clock time in the enterprise's zone plus a small fixed offset, anchored when
    license sync was enabled; ``next_sync_at`` is what the tick looks at.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="instances")
    host_name = models.CharField(_("Host name"), max_length=253)
    url = models.CharField(_("Address"), max_length=300)
    server_id = models.CharField(max_length=100, blank=True)
    source = models.CharField(
        _("Source"), max_length=20, choices=Source, default=Source.SITE_ADMIN_REPORT
    )
    enterprise_slug = models.CharField(
        _("Slug on the instance"), max_length=100, blank=True, default="", db_default=""
    )  # of the instance's own enterprise account; empty: as registered here
    proxy = models.CharField(_("Proxy"), max_length=300, blank=True)
    ca_bundle = models.TextField(_("Certificate authority (PEM)"), blank=True)
    plain_http_confirmed = models.BooleanField(default=False)
    keep_logins = models.BooleanField(default=False)
    guard_share = models.PositiveSmallIntegerField(null=True, blank=True)

    connect_enabled = models.BooleanField(default=False)
    license_sync_enabled = models.BooleanField(default=False)
    added_at = models.DateTimeField(auto_now_add=True)

    rhythm = models.CharField(_("Rhythm"), max_length=10, choices=Rhythm, default=Rhythm.WEEKLY)
    schedule_weekday = models.PositiveSmallIntegerField(null=True)
    schedule_time = models.TimeField(null=True)
    next_sync_at = models.DateTimeField(null=True, db_index=True)

    # What is applied now.
    applied_version = models.BigIntegerField(default=0)
    applied_as_of = models.DateTimeField(null=True)  # when the source was read or exported
    applied_source = models.CharField(max_length=20, blank=True)  # what ``source`` said then
    last_success_at = models.DateTimeField(null=True)  # last run that succeeded, changed or not
    overdue_since = models.DateTimeField(null=True)  # when that was noticed, and told
    version = models.CharField(max_length=50, blank=True)
    seats = models.IntegerField(null=True)
    seats_unlimited = models.BooleanField(default=False)
    seats_used = models.IntegerField(null=True)
    license_kind = models.CharField(max_length=50, blank=True)
    license_expires_on = models.DateField(null=True)
    certificate_expires_at = models.DateTimeField(null=True)  # of its TLS, as last seen

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enterprise", "host_name"], name="instance_host_once"),
            models.UniqueConstraint(
                fields=["enterprise", "server_id"],
                condition=~Q(server_id=""),
                name="instance_server_id_once",
            ),
            models.CheckConstraint(
                condition=Q(connect_enabled=True) | Q(license_sync_enabled=False),
                name="instance_connect_before_license_sync",
            ),
        ]

    def __str__(self) -> str:
        return self.host_name

    @property
    def slug_there(self) -> str:
        """The slug of the instance's own enterprise account, which no API of GHES tells."""
        return self.enterprise_slug or self.enterprise.slug


class Credential(models.Model):
    """A GitHub token, encrypted, bound to the scheme, host and port that it was saved for.

    ``instance`` is null for the enterprise's own GHEC token. The ciphertext holds the origin too, so
    that a row moved to another instance by hand does not open (domain.md section 5).
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="credentials")
    instance = models.OneToOneField(
        ServerInstance, on_delete=models.CASCADE, null=True, related_name="credential"
    )
    username = models.CharField(max_length=150, blank=True)
    origin = models.CharField(max_length=300)
    ciphertext = models.TextField()
    saved_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)  # as GitHub last told; None if it never does

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["enterprise"], condition=Q(instance=None), name="credential_cloud_once"
            ),
        ]

    def __str__(self) -> str:
        return f"credential for {self.origin}"
