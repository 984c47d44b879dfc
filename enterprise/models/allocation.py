"""Whose seats are whose: the owner's cost centers and targets, and the split kept with a snapshot."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from enterprise.models.enterprise import Enterprise
from enterprise.models.ledger import Snapshot


class Dimension(models.TextChoices):
    """By what seats are split."""

    ORGANIZATION = "organization", _("Organization")
    INSTANCE = "instance", _("Instance")
    COST_CENTER = "cost_center", _("Cost center")


class CostCenterEntry(models.Model):
    """A line of the owner's mapping: whose seat a cost center pays.

    ``identifier`` is an e-mail address, an account as ``HOST:ID`` or a cloud login, in the form of
    ``sources.cost_centers.identifier_key``. It is personal data: nothing else of a person is kept
    here, and the whole mapping goes at once when an owner erases it.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    identifier = models.TextField()
    cost_center = models.CharField(max_length=200)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enterprise", "identifier"], name="cost_center_once"),
        ]

    def __str__(self) -> str:
        return f"cost center entry {self.pk}"


class SeatTarget(models.Model):
    """So many seats an organization should have at most; nothing is refused beyond it.

    ``organization`` is in lower case, as GitHub's names are the same in any case.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="targets")
    organization = models.CharField(max_length=100)
    seats = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enterprise", "organization"], name="target_once"),
        ]

    def __str__(self) -> str:
        return f"{self.organization}: {self.seats}"


class Allocation(models.Model):
    """The seats of one snapshot by one dimension, split by ``counting.allocate``.

    ``parts`` are [name, persons, shared, exact share as a fraction's text, whole seats] in the order
    of the report; a name is ``""`` for whoever is in none. No person is in it.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="allocations")
    dimension = models.CharField(max_length=20, choices=Dimension)
    parts = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["snapshot", "dimension"], name="allocation_once"),
        ]

    def __str__(self) -> str:
        return f"{self.dimension} of snapshot {self.snapshot_id}"
