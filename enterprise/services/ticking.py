"""The tick: a short beat entry over due columns. Losing the beat's state loses nothing."""

from __future__ import annotations

import time

import structlog
from django.core.cache import cache
from django.db import OperationalError, transaction
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import Enterprise, RunKind, RunTrigger, ServerInstance, Source
from enterprise.services.difference import differences_refresh_due
from enterprise.services.recounts import recounts_request_due
from enterprise.services.runs import run_request, runs_sweep
from enterprise.services.scheduling import cloud_next, instance_next

log = structlog.get_logger(__name__)

TICK_CACHE_KEY = "licsync.tick"  # epoch seconds of the last tick, for /readyz


def tick() -> None:
    """Sweep lost runs, start due ones, ask for due recounts.

    A tick that meets a locked database leaves the rest to the next one.
    """
    parts = (
        runs_sweep,
        instances_start_due,
        clouds_start_due,
        recounts_request_due,
        differences_refresh_due,
    )
    for part in parts:
        try:
            part()
        except OperationalError as error:
            log.warning("tick_postponed", part=part.__name__, error=type(error).__name__)
    cache.set(TICK_CACHE_KEY, time.time(), None)


def instances_start_due() -> int:
    """Queue a run for each instance whose window has come; one that was missed runs once, now."""
    now = timezone.now()
    started = 0
    for instance in ServerInstance.objects.select_related("enterprise").filter(
        license_sync_enabled=True, next_sync_at__lte=now
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
    for enterprise in Enterprise.objects.filter(next_sync_at__lte=now):
        with transaction.atomic():
            moved = Enterprise.objects.filter(
                pk=enterprise.pk, next_sync_at=enterprise.next_sync_at
            ).update(next_sync_at=cloud_next(enterprise, now))
            if moved:
                run_request(enterprise=enterprise, kind=RunKind.CLOUD, trigger=RunTrigger.SCHEDULE)
                started += 1
    return started
