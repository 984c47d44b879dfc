"""Seats that could be freed, who is exempt, and plans whose effect the next sync shows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from enterprise.models.enterprise import Enterprise


class ReclaimCandidate(models.Model):
    """A person all of whose accounts are idle (``counting.reclaim``); made anew after each recount.

    ``accounts`` is a JSON array of ``HOST:ID``. ``last_active`` is as the instances give it, ``""``
    where it is not kept.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    number = models.BigIntegerField()
    accounts = models.TextField()
    last_active = models.CharField(max_length=40, blank=True)
    unknown = models.BooleanField()  # whether ``last_active`` is, to be sorted last

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enterprise", "number"], name="candidate_once"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["enterprise", "unknown", "last_active", "number"],
                name="candidate_by_activity",
            ),
        ]

    def __str__(self) -> str:
        return f"person {self.number}"


class ReclaimSearch(models.Model):
    """What the last look at dormant accounts found besides; there is one for each enterprise."""

    enterprise = models.OneToOneField(
        Enterprise, on_delete=models.CASCADE, primary_key=True, related_name="reclaim_search"
    )
    searched_at = models.DateTimeField()
    candidates = models.IntegerField()
    dormant_accounts = models.IntegerField()
    in_cloud = models.IntegerField()
    active_elsewhere = models.IntegerField()

    def __str__(self) -> str:
        return f"search in {self.enterprise_id}"


class ReclaimExemption(models.Model):
    """A person who keeps the seat until a day, and why. After that day it means nothing."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    number = models.BigIntegerField()
    reason = models.TextField()
    until = models.DateField()
    decided_by = models.CharField(max_length=200)  # as in the audit log
    decided_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enterprise", "number"], name="exemption_once"),
            models.CheckConstraint(condition=~Q(reason=""), name="exemption_with_reason"),
        ]

    def __str__(self) -> str:
        return f"person {self.number} until {self.until}"


class ReclaimPlan(models.Model):
    """What to suspend, to free so many seats. Nothing is suspended by this console.

    While it is open each recount looks at what became of its seats; an ended one keeps what it was.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    wanted = models.PositiveIntegerField()
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=200)
    checked_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["enterprise", "-id"], name="plan_newest")]

    def __str__(self) -> str:
        return f"plan {self.pk}"


class SeatState(models.TextChoices):
    PLANNED = "planned", _("Planned")
    NOT_DONE = "not_done", _("Not done")
    FREED = "freed", _("License freed")
    NOT_FREED = "not_freed", _("Done, license not freed")


class ReclaimSeat(models.Model):
    """A person of a plan, with the accounts to suspend (``HOST:ID``, a JSON array).

        planned ──synced since, an account still consumes──► not_done
           └──────────no account consumes any more──────────► freed, or not_freed if the person
                                                              counts by another account now

    ``open`` as long as the plan is: nobody is in two open plans. Who the person is, the ledger tells,
    so that who is erased there is nowhere else.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    plan = models.ForeignKey(ReclaimPlan, on_delete=models.CASCADE, related_name="seats")
    number = models.BigIntegerField()
    accounts = models.TextField()
    last_active = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=10, choices=SeatState, default=SeatState.PLANNED)
    open = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["enterprise", "number"],
                condition=Q(open=True),
                name="seat_in_one_open_plan",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["plan", "id"], name="seat_by_plan")]

    def __str__(self) -> str:
        return f"person {self.number} of plan {self.plan_id}"
