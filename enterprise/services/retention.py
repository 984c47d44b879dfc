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

RETENTION_CACHE_KEY = "licsync.retention"
ONCE_IN_SECONDS = 24 * 3600
_A_BATCH = 200


def retention_apply_due() -> int:
    """Do what is due once a day; how many runs went.

    The day is kept in the cache: losing it, or two beats, only means that nothing is found to do.
    """
    if cache.get(RETENTION_CACHE_KEY):
        return 0
    chunks_sweep()
    gone = runs_expire()
    if settings.LICSYNC_AUDIT_RETENTION_DAYS:
        audit_expire(days=settings.LICSYNC_AUDIT_RETENTION_DAYS)
    if settings.LICSYNC_SNAPSHOT_RETENTION_DAYS:
        snapshots_expire(days=settings.LICSYNC_SNAPSHOT_RETENTION_DAYS)
    if settings.LICSYNC_PERSON_RETENTION_DAYS:
        persons_expire(days=settings.LICSYNC_PERSON_RETENTION_DAYS)
    deliveries_expire()
    sessions_expire()
    SignInLink.objects.filter(expires_at__lt=timezone.now()).delete()
    if settings.LICSYNC_ALERT_RETENTION_DAYS:
        alerts_expire(days=settings.LICSYNC_ALERT_RETENTION_DAYS)
    cache.set(RETENTION_CACHE_KEY, 1, ONCE_IN_SECONDS)
    return gone


def runs_expire() -> int:
    """Delete runs that ended more than ``LICSYNC_RUN_RETENTION_DAYS`` ago, with their logs.

    The last success of each instance, of the cloud and of the count stays, and whatever still waits
    for somebody. A few are deleted at a time, so that no reader or worker waits long.
    """
    limit = timezone.now() - dt.timedelta(days=settings.LICSYNC_RUN_RETENTION_DAYS)
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


def deliveries_expire() -> int:
    """Delete deliveries that ended more than ``LICSYNC_DELIVERY_RETENTION_DAYS`` ago.

    Events go with their last delivery. How many deliveries went.
    """
    limit = timezone.now() - dt.timedelta(days=settings.LICSYNC_DELIVERY_RETENTION_DAYS)
    old = Delivery.objects.filter(state__in=ENDED, finished_at__lt=limit).order_by("pk")
    gone = 0
    while batch := list(old.values_list("pk", flat=True)[:_A_BATCH]):
        Delivery.objects.filter(pk__in=batch).delete()
        gone += len(batch)
    told = Event.objects.filter(at__lt=limit, deliveries=None).order_by("pk")
    while batch := list(told.values_list("pk", flat=True)[:_A_BATCH]):
        Event.objects.filter(pk__in=batch).delete()
    return gone


def alerts_expire(*, days: int) -> int:
    """Delete what was beyond a threshold and is over since more than ``days``; how many that were."""
    limit = timezone.now() - dt.timedelta(days=days)
    old = AlertState.objects.filter(over_at__lt=limit).order_by("pk")
    gone = 0
    while batch := list(old.values_list("pk", flat=True)[:_A_BATCH]):
        AlertState.objects.filter(pk__in=batch).delete()
        gone += len(batch)
    return gone


def chunks_sweep() -> int:
    """Delete what a worker staged for a run that has ended since; how many chunks those were."""
    return RunChunk.objects.filter(run__state__in=FINAL).delete()[0]
