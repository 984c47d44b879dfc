"""The work-list: persons that are probably one, as found after each recount."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from enterprise.models.enterprise import Enterprise


class DuplicateState(models.TextChoices):
    OPEN = "open", _("Open")
    DISMISSED = "dismissed", _("Not the same person")
    CLOSED = "closed", _("Closed")


class DuplicateEnding(models.TextChoices):
    JOINED = "joined", _("They count as one person now.")
    ELSEWHERE = "elsewhere", _("One of them counts as somebody else now.")
    LEFT = "left", _("One of them consumes no license any more.")
    FADED = "faded", _("Nothing speaks for it any more.")


class Duplicate(models.Model):
    """Two persons, by number, of whom ``one`` is on servers only and would join ``other``.

        (found) ──► open ──not the same──► dismissed ──reopen──► open
                     ▲ └──joined, gone, or nothing speaks for it──► closed
                     └───────────────────found again──────────────────┘

    Found anew after each recount; only people dismiss and reopen, only a recount closes. ``evidence``
    (``counting.duplicates.Evidence``), ``accounts`` of each person and ``change`` (what to change
    where) are JSON texts; evidence and change go when it is closed. Logins of servers are in none of
    them. ``group`` is the smallest number of those who would be one with all that is open,
    ``group_saves`` the seats that would save. ``saved`` is what its own end has saved.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="duplicates")
    one = models.BigIntegerField()
    other = models.BigIntegerField()
    with_cloud = models.BooleanField()  # whether ``other`` has a cloud row
    state = models.CharField(max_length=10, choices=DuplicateState, default=DuplicateState.OPEN)
    confidence = models.PositiveSmallIntegerField()
    group = models.BigIntegerField()
    group_saves = models.PositiveIntegerField()
    rules = models.CharField(max_length=120)  # codes, a blank around each
    hosts = models.TextField()  # of both persons' accounts, a blank around each
    evidence = models.TextField(blank=True)
    accounts = models.TextField()
    change = models.TextField(blank=True)
    found_at = models.DateTimeField()
    found_snapshot = models.BigIntegerField()

    decided_by = models.CharField(max_length=200, blank=True)  # as in the audit log
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)

    ending = models.CharField(max_length=10, choices=DuplicateEnding, blank=True)
    closed_at = models.DateTimeField(null=True)
    saved = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["enterprise", "one", "other"], name="duplicate_pair_once"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="dismissed", reason=""),
                name="duplicate_dismissed_with_reason",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["enterprise", "state", "-confidence", "-group_saves", "id"],
                name="duplicate_by_confidence",
            ),
            models.Index(
                fields=["enterprise", "state", "-group_saves", "-confidence", "id"],
                name="duplicate_by_saves",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.one} = {self.other}?"


class DuplicateSearch(models.Model):
    """How the last search for duplicates went; there is one for each enterprise.

    ``unavailable`` are the rules whose data is not there, by code, with the code of the reason.
    ``saves`` is how many seats it would save to join everything open of at least so many per cent,
    by the step; ``open`` how many those are. What is dismissed is in neither.
    """

    enterprise = models.OneToOneField(
        Enterprise, on_delete=models.CASCADE, primary_key=True, related_name="duplicate_search"
    )
    snapshot = models.BigIntegerField()
    searched_at = models.DateTimeField()
    unavailable = models.JSONField(default=dict)
    open = models.JSONField(default=dict)
    saves = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"search in {self.enterprise_id}"
