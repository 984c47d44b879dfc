"""How long what is done with stays: runs with their logs, deliveries, alerts; lost chunks go at once."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.core.cache import cache
from django.db.models import Max
from django.utils import timezone

from enterprise.models import AlertState, Delivery, Event, RunChunk, RunState, SignInLink, SyncRun
from enterprise.models.delivery import ENDED
from enterprise.models.sync import FINAL
from enterprise.services.audit_seal import audit_expire
from enterprise.services.erasure import persons_expire
from enterprise.services.snapshot_expiry import snapshots_expire
from licsync.sessions import sessions_expire

RETENTION_CACHE_KEY = "licsync.retention.done"  # when it was last done, and as of which moment
ONCE_IN = dt.timedelta(days=1)
FURTHEST = dt.timedelta(days=7)  # that time goes on from one to the next, whatever a clock says
_A_BATCH = 200


def retention_apply_due() -> int:
    """Do what is due once a day; how many runs went.

    The day is kept in the cache: losing it, or two beats, only means that nothing is found to do.
    """
    now = timezone.now()
    done_at, as_of = cache.get(RETENTION_CACHE_KEY) or (None, _last_success())
    if done_at is not None and done_at <= now < done_at + ONCE_IN:
        return 0
    # What goes is gone for good, and the clock may be wrong.
    as_of = now if as_of is None else min(now, as_of + FURTHEST)
    chunks_sweep()
    gone = runs_expire(as_of=as_of)
    if settings.LICSYNC_AUDIT_RETENTION_DAYS:
        audit_expire(days=settings.LICSYNC_AUDIT_RETENTION_DAYS, as_of=as_of)
    if settings.LICSYNC_SNAPSHOT_RETENTION_DAYS:
        snapshots_expire(days=settings.LICSYNC_SNAPSHOT_RETENTION_DAYS, as_of=as_of)
    if settings.LICSYNC_PERSON_RETENTION_DAYS:
        persons_expire(days=settings.LICSYNC_PERSON_RETENTION_DAYS, as_of=as_of)
    deliveries_expire(as_of=as_of)
    sessions_expire()
    SignInLink.objects.filter(expires_at__lt=now).delete()
    if settings.LICSYNC_ALERT_RETENTION_DAYS:
        alerts_expire(days=settings.LICSYNC_ALERT_RETENTION_DAYS, as_of=as_of)
    cache.set(RETENTION_CACHE_KEY, (now, as_of), None)
    return gone


def _last_success() -> dt.datetime | None:
    """What tells the time where the cache was lost: a clock that went wrong has had no success yet."""
    successes = SyncRun.objects.filter(state=RunState.SUCCEEDED)
    newest: dt.datetime | None = successes.aggregate(newest=Max("finished_at"))["newest"]
    return newest


def runs_expire(*, as_of: dt.datetime) -> int:
    """Delete runs that had ended for ``LICSYNC_RUN_RETENTION_DAYS`` by ``as_of``, with their logs.

    The last success of each instance, of the cloud and of the count stays, and whatever still waits
    for somebody. A few are deleted at a time, so that no reader or worker waits long.
    """
    limit = as_of - dt.timedelta(days=settings.LICSYNC_RUN_RETENTION_DAYS)
    successes = SyncRun.objects.filter(state=RunState.SUCCEEDED)
    last = successes.values("enterprise", "kind", "instance").annotate(newest=Max("pk"))
    old = (
        SyncRun.objects.filter(state__in=FINAL, finished_at__lt=limit)
        .exclude(pk__in=last.values("newest"))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    gone = 0
    while batch := list(old[:_A_BATCH]):
        SyncRun.objects.filter(pk__in=batch).delete()
        gone += len(batch)
    return gone


def deliveries_expire(*, as_of: dt.datetime) -> int:
    """Delete deliveries that had ended for ``LICSYNC_DELIVERY_RETENTION_DAYS`` by ``as_of``.

    Events go with their last delivery. How many deliveries went.
    """
    limit = as_of - dt.timedelta(days=settings.LICSYNC_DELIVERY_RETENTION_DAYS)
    old = Delivery.objects.filter(state__in=ENDED, finished_at__lt=limit).order_by("pk")
    gone = 0
    while batch := list(old.values_list("pk", flat=True)[:_A_BATCH]):
        Delivery.objects.filter(pk__in=batch).delete()
        gone += len(batch)
    told = Event.objects.filter(at__lt=limit, deliveries=None).order_by("pk")
    while batch := list(told.values_list("pk", flat=True)[:_A_BATCH]):
        Event.objects.filter(pk__in=batch).delete()
    return gone


def alerts_expire(*, days: int, as_of: dt.datetime) -> int:
    """Delete what was beyond a threshold and, by ``as_of``, over for ``days``; how many that were."""
    limit = as_of - dt.timedelta(days=days)
    old = AlertState.objects.filter(over_at__lt=limit).order_by("pk")
    gone = 0
    while batch := list(old.values_list("pk", flat=True)[:_A_BATCH]):
        AlertState.objects.filter(pk__in=batch).delete()
        gone += len(batch)
    return gone


def chunks_sweep() -> int:
    """Delete what a worker staged for a run that has ended since; how many chunks those were."""
    return RunChunk.objects.filter(run__state__in=FINAL).delete()[0]
