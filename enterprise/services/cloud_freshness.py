"""When the cloud side is due beside an instance's run."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from enterprise.models import CloudState, Credential, Enterprise, RunKind, RunTrigger
from enterprise.services.runs import run_request


def cloud_request_if_stale(*, enterprise: Enterprise) -> None:
    """Queue a cloud run if its last success is older than the enterprise's setting (24 hours).

    Neither waits for nor fails with the other (section 5). Without a GHEC token there is none.
    """
    if not Credential.objects.filter(enterprise=enterprise, instance=None).exists():
        return
    limit = timezone.now() - dt.timedelta(hours=enterprise.cloud_max_age_hours)
    if CloudState.objects.filter(enterprise=enterprise, last_success_at__gte=limit).exists():
        return
    run_request(enterprise=enterprise, kind=RunKind.CLOUD, trigger=RunTrigger.SCHEDULE)
