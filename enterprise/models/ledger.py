"""The ledger by versions: who consumes a license, since when, and why.

A row is valid as of snapshot S if ``from_snapshot <= S AND (to_snapshot IS NULL OR to_snapshot >
S)``. A recount closes and inserts only the difference, so storage grows with change. Changes
between two snapshots are a query, not a table.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from enterprise.models.enterprise import Enterprise
from enterprise.models.fields import ByteOrderedTextField


class Snapshot(models.Model):
    """The count at one moment. Ids rise within an enterprise, and order it in time.

    ``anchors`` is every 100th person key, compressed (``services.ledger``): page N seeks its anchor.
    ``totals`` are the counts by name, see ``services.ledger.Totals``. ``github_total``,
    ``github_purchased`` and ``github_listed`` are GitHub's numbers as last read at that time.
    ``difference`` is our total less the rows that GitHub lists, by category (``counting.compare``),
    with ``not_listed``; None until it is computed. ``changes`` are how many persons joined, left and
    so on since the snapshot before (``selectors.changes.KINDS``); None for the first, and until then.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="snapshots")
    taken_at = models.DateTimeField()
    data_version = models.BigIntegerField()
    persons = models.IntegerField()
    totals = models.JSONField(default=dict)
    github_total = models.IntegerField(null=True)
    github_purchased = models.IntegerField(null=True)
    github_listed = models.IntegerField(null=True)
    difference = models.JSONField(null=True)
    changes = models.JSONField(null=True)
    anchors = models.BinaryField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["enterprise", "-id"], name="snapshot_by_enterprise"),
        ]

    def __str__(self) -> str:
        return f"snapshot {self.pk}"


class PersonVersion(models.Model):
    """A person as of some snapshots. ``number`` carries identity over time; ``key`` orders reports.

    ``digest`` is of everything the person is made of; ``report`` is the person's row of the
    consumed-license report as a JSON object in GitHub's REST names, ready to be sent.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    number = models.BigIntegerField()
    key = ByteOrderedTextField()
    cloud_key = models.TextField(blank=True)  # of the CloudAccount, "" for server-only persons
    license_type = models.CharField(max_length=20)
    accounts = models.PositiveIntegerField()
    digest = models.BigIntegerField()
    report = models.TextField()
    from_snapshot = models.BigIntegerField()
    to_snapshot = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["enterprise", "number"],
                condition=Q(to_snapshot=None),
                name="person_number_current_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["enterprise", "key", "from_snapshot"], name="person_by_key"),
            models.Index(fields=["enterprise", "number", "from_snapshot"], name="person_by_number"),
            models.Index(
                fields=["enterprise", "to_snapshot"],
                condition=Q(to_snapshot__isnull=False),
                name="person_closed",
            ),
            models.Index(fields=["enterprise", "from_snapshot"], name="person_opened"),
        ]

    def __str__(self) -> str:
        return f"person {self.number}"


class MembershipVersion(models.Model):
    """One server account in one person as of some snapshots, with the rule that put it there.

    ``account`` is ``HOST:ID``. ``rule`` and ``attribute`` are codes of ``counting.match``; ``value``
    is the normalized value that matched; ``candidates`` is a JSON array of the keys of all
    candidates where there was more than one (an ambiguity), else ``""``.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    account = models.TextField()
    number = models.BigIntegerField()
    rule = models.CharField(max_length=20)
    attribute = models.PositiveSmallIntegerField(default=0)
    value = models.TextField(blank=True)
    candidates = models.TextField(blank=True)
    from_snapshot = models.BigIntegerField()
    to_snapshot = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["enterprise", "account"],
                condition=Q(to_snapshot=None),
                name="membership_account_current_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["enterprise", "number", "from_snapshot"], name="membership_by_number"
            ),
            models.Index(
                fields=["enterprise", "account", "from_snapshot"], name="membership_by_account"
            ),
            models.Index(fields=["enterprise", "from_snapshot"], name="membership_opened"),
            models.Index(
                fields=["enterprise", "to_snapshot"],
                condition=Q(to_snapshot__isnull=False),
                name="membership_closed",
            ),
        ]

    def __str__(self) -> str:
        return self.account


class CurrentPerson(models.Model):
    """The narrow table that search, filters and sorting read: current persons only.

    ``words`` is login, name and e-mails in lower case, one a line; ``public_words`` is the same
    without e-mails, for auditors, who can neither search nor sort by e-mail.
    """

    class Kind(models.TextChoices):
        CLOUD = "cloud", "cloud"
        CLOUD_AND_SERVER = "cloud_and_server", "cloud and server"
        SERVER = "server", "server"
        INVITATION = "invitation", "invitation"

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    number = models.BigIntegerField()
    key = ByteOrderedTextField()
    kind = models.CharField(max_length=16, choices=Kind)
    license_type = models.CharField(max_length=20)
    accounts = models.PositiveIntegerField()
    ambiguous = models.BooleanField(default=False)
    words = models.TextField()
    public_words = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enterprise", "number"], name="current_person_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["enterprise", "key"], name="current_person_by_key"),
            models.Index(fields=["enterprise", "accounts", "key"], name="current_person_by_size"),
        ]

    def __str__(self) -> str:
        return f"person {self.number}"


class DifferenceComponent(models.Model):
    """Persons of ours and rows of GitHub's that belong together and differ in number.

    Of the newest snapshot compared only; older ones keep the totals per category. ``persons`` are
    person numbers, ``rows`` keys of ``CloudAccount``; ``change`` is persons less rows.
    """

    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.CASCADE, related_name="difference_components"
    )
    category = models.CharField(max_length=20)
    change = models.IntegerField()
    persons = models.JSONField(default=list)
    rows = models.JSONField(default=list)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["enterprise", "category", "id"], name="difference_by_category"),
        ]

    def __str__(self) -> str:
        return f"{self.category} {self.change:+d}"
