"""What each instance and the cloud hold now, as last applied.

The columns ``digest`` hold the first eight bytes of a BLAKE2b hash of what was read, as a signed
integer: a sync reads (id, digest), compares while it streams, and writes only the difference.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from enterprise.models.enterprise import Enterprise
from enterprise.models.fields import ByteOrderedTextField
from enterprise.models.server import ServerInstance


class ServerUserAccount(models.Model):
    """One user account of an instance (GitHub's schema: EnterpriseServerUserAccount).

    ``email`` is the primary address as given, ``email_key`` the same normalized (rule 1), what the
    match compares. ``consumes`` is decided when it is written: not suspended and not excluded;
    whether "never signed in" counts is the enterprise's setting and decided when counting.
    """

    instance = models.ForeignKey(
        ServerInstance, on_delete=models.CASCADE, related_name="user_accounts"
    )
    user_id = models.BigIntegerField()
    email = models.TextField(blank=True)
    email_key = models.TextField(blank=True)
    other_emails = models.TextField(blank=True)  # one a line
    suspended = models.BooleanField(default=False)
    dormant = models.BooleanField(default=False)
    never_signed_in = models.BooleanField(null=True)
    excluded = models.CharField(max_length=20, blank=True)
    consumes = models.BooleanField(default=True)
    login = models.TextField(blank=True)
    last_active = models.TextField(blank=True)
    digest = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["instance", "user_id"], name="user_account_once"),
        ]

    def __str__(self) -> str:
        return f"{self.instance_id}:{self.user_id}"


class CloudAccount(models.Model):
    """One row of GHEC's ``consumed-licenses`` as last applied.

    ``key`` is the case-folded login, else the subscription e-mail, else the first ``HOST:ID``, with
    an ordinal where two rows share it. ``matching`` is what the recount needs of it, a JSON array
    (``services.cloud.MATCHING``); ``report`` is the whole row, a JSON object by GitHub's own names.
    """

    class Kind(models.TextChoices):
        PERSON = "person", _("Cloud account")
        SUBSCRIBER = "subscriber", _("Visual Studio subscriber")
        INVITATION = "invitation", _("Invitation")
        SERVER_ONLY = "server_only", _("Server only")

    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.CASCADE, related_name="cloud_accounts"
    )
    key = ByteOrderedTextField()
    kind = models.CharField(max_length=12, choices=Kind)
    counts = models.BooleanField()
    matching = models.TextField()
    report = models.TextField()
    digest = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enterprise", "key"], name="cloud_account_key_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class CloudIdentity(models.Model):
    """One linked SAML or SCIM value of a cloud account; ``login_key`` is the case-folded login."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="identities")
    login_key = models.TextField()
    attribute = models.PositiveSmallIntegerField()
    value = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["enterprise", "login_key", "attribute", "value"], name="identity_once"
            ),
        ]

    def __str__(self) -> str:
        return f"identity {self.pk}"


class EnterpriseDomain(models.Model):
    """A verified or approved domain of the enterprise, in A-labels."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=253)
    verified = models.BooleanField()
    approved = models.BooleanField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enterprise", "domain"], name="domain_once"),
        ]

    def __str__(self) -> str:
        return self.domain


class GitHubSyncStatus(models.Model):
    """GitHub's own last sync of one instance, as ``license-sync-status`` told it. GitHub's event."""

    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.CASCADE, related_name="github_sync_statuses"
    )
    server_id = models.CharField(max_length=100)
    host_name = models.CharField(max_length=253)
    last_sync_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["enterprise", "server_id", "host_name"], name="github_status_once"
            ),
        ]

    def __str__(self) -> str:
        return self.host_name
