"""Noticing an instance that was not read for longer than its rhythm and a day, once each time."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from enterprise.models import ServerInstance
from enterprise.services.events import instance_overdue
from enterprise.services.scheduling import rhythm_length

GRACE = dt.timedelta(days=1)


def overdue_tell() -> int:
    """Tell of each instance that has become overdue since the last tick; how many those are."""
    now = timezone.now()
    over = ServerInstance.objects.filter(overdue_since__isnull=False)
    over.filter(license_sync_enabled=False).update(overdue_since=None)
    over.filter(last_success_at__gt=F("overdue_since")).update(overdue_since=None)
    told = 0
    candidates = ServerInstance.objects.filter(
        license_sync_enabled=True,
        overdue_since=None,
        last_success_at__lt=now - GRACE - dt.timedelta(days=1),  # the shortest rhythm
    )
    for instance in candidates:
        assert instance.last_success_at is not None  # noqa: S101 - the filter above
        if now - instance.last_success_at <= rhythm_length(instance) + GRACE:
            continue
        with transaction.atomic():
            # Two beats may meet here: only one notices.
            noticed = ServerInstance.objects.filter(
                pk=instance.pk, overdue_since=None, last_success_at=instance.last_success_at
            ).update(overdue_since=now)
            if noticed:
                instance_overdue(instance)
                told += 1
    return told
