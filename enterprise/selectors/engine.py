"""How the engine stands, for one enterprise: what waits, and what a dead worker left."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from django.db.models import Count, Min, Q

from enterprise.models import Enterprise, RunState, SyncRun
from enterprise.models.sync import ACTIVE


class Waiting(NamedTuple):
    """Active runs of one kind in one state.

    ``due`` is since when the oldest of the queued ones might have been claimed. ``lost`` are running
    ones whose lease has run out: the next sweep takes them up.
    """

    kind: str
    state: str
    runs: int
    due: dt.datetime
    lost: int


def runs_waiting(enterprise: Enterprise, now: dt.datetime) -> list[Waiting]:
    """There is at most one active run per instance, and per kind beside; so this is short."""
    found = (
        SyncRun.objects.filter(enterprise=enterprise, state__in=ACTIVE)
        .values("kind", "state")
        .annotate(
            runs=Count("pk"),
            due=Min("not_before"),
            lost=Count("pk", filter=Q(state=RunState.RUNNING, lease_until__lte=now)),
        )
        .order_by("kind", "state")
    )
    return [Waiting(**row) for row in found]
