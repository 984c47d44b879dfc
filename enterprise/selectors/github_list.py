"""GHEC's own list of consumed licenses, as the last cloud run that was applied read it."""

from __future__ import annotations

from enterprise.models import CloudAccount, CloudState, Enterprise


class ListMoved(Exception):
    """A cloud run was applied: the list that this version numbered is gone."""


def github_list(enterprise: Enterprise) -> CloudState | None:
    """The list's state, with totals and ``applied_version``; None if it was never read."""
    return CloudState.objects.filter(enterprise=enterprise, read_at__isnull=False).first()


def github_rows(state: CloudState, *, page: int, per_page: int) -> list[str]:
    """One page of the rows, in key order, each a JSON object as text.

    There is one list, not one per snapshot. Raises ListMoved if it is no longer that of ``state``.
    """
    rows = CloudAccount.objects.filter(enterprise_id=state.enterprise_id).order_by("key")
    start = (page - 1) * per_page
    reports: list[str] = []
    # The place is found in the index alone: the skipped rows themselves are not read.
    for first in rows.values_list("key", flat=True)[start : start + 1]:
        reports = list(rows.filter(key__gte=first).values_list("report", flat=True)[:per_page])
    if not CloudState.objects.filter(pk=state.pk, applied_version=state.applied_version).exists():
        raise ListMoved
    return reports
