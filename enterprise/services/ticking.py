"""The tick: a short beat entry over due columns. Losing the beat's state loses nothing."""

from __future__ import annotations

import datetime as dt
import time

import structlog
from django.core.cache import cache
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import Enterprise, RunKind, RunTrigger, ServerInstance, Source
from enterprise.services.alert_checks import alerts_check_all
from enterprise.services.allocation import allocations_refresh_due
from enterprise.services.audit_seal import audit_seal
from enterprise.services.database_away import DATABASE_AWAY
from enterprise.services.delivery_sweep import deliveries_sweep
from enterprise.services.difference import differences_refresh_due
from enterprise.services.digests import digests_send_due
from enterprise.services.insights import insights_refresh_due
from enterprise.services.overdue import overdue_tell
from enterprise.services.recounts import recounts_request_due
from enterprise.services.retention import retention_apply_due
from enterprise.services.runs import run_request, runs_sweep
from enterprise.services.scheduling import cloud_next, instance_next
from enterprise.services.snapshot_changes import changes_refresh_due

log = structlog.get_logger(__name__)

FURTHEST_WINDOW = dt.timedelta(days=9)  # a week, the offset, and a change of the zone
TICK_CACHE_KEY = "licsync.tick"  # epoch seconds of the last tick, for /readyz


def tick() -> None:
    """Sweep lost runs, start due ones, ask for due recounts, forget what is old, seal the log.

    A tick that meets a database that is locked or gone leaves the rest to the next one.
    """
    parts = (
        runs_sweep,
        clouds_start_due,  # first: a run of an instance that finds the cloud stale asks for it, too
        instances_start_due,
        overdue_tell,
        alerts_check_all,
        digests_send_due,
        deliveries_sweep,
        recounts_request_due,
        differences_refresh_due,
        changes_refresh_due,
        allocations_refresh_due,
        insights_refresh_due,
        retention_apply_due,
        audit_seal,
    )
    for part in parts:
        try:
            part()
        except DATABASE_AWAY as error:
            log.warning("tick_postponed", part=part.__name__, error=type(error).__name__)
    cache.set(TICK_CACHE_KEY, time.time(), None)


def instances_start_due() -> int:
    """Queue a run for each instance whose window has come; one that was missed runs once, now."""
    now = timezone.now()
    started = 0
    for instance in ServerInstance.objects.select_related("enterprise").filter(
        _has_come(now), license_sync_enabled=True
    ):
        with transaction.atomic():
            # Two beats may meet here: only one moves the window on.
            moved = ServerInstance.objects.filter(
                pk=instance.pk, next_sync_at=instance.next_sync_at, license_sync_enabled=True
            ).update(next_sync_at=instance_next(instance, now))
            if not moved or instance.source == Source.UPLOAD:
                continue
            try:
                run_request(
                    enterprise=instance.enterprise,
                    kind=RunKind.INSTANCE,
                    instance=instance,
                    trigger=RunTrigger.SCHEDULE,
                )
            except Refused as refusal:  # switched off since it was read
                log.info("schedule_refused", instance=instance.pk, code=refusal.code)
                continue
        started += 1
    return started


def clouds_start_due() -> int:
    """Queue a cloud run for each enterprise whose own weekly window has come."""
    now = timezone.now()
    started = 0
    for enterprise in Enterprise.objects.filter(_has_come(now)):
        with transaction.atomic():
            moved = Enterprise.objects.filter(
                pk=enterprise.pk, next_sync_at=enterprise.next_sync_at
            ).update(next_sync_at=cloud_next(enterprise, now))
            if not moved:
                continue
            try:
                run_request(enterprise=enterprise, kind=RunKind.CLOUD, trigger=RunTrigger.SCHEDULE)
            except Refused as refusal:
                log.info("schedule_refused", enterprise=enterprise.pk, code=refusal.code)
                continue
        started += 1
    return started


def _has_come(now: dt.datetime) -> Q:
    """Windows that have come, and those that only a clock that was wrong can have put so far off."""
    return Q(next_sync_at__lte=now) | Q(next_sync_at__gt=now + FURTHEST_WINDOW)
