"""Applying a held result that an owner has looked at."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from enterprise.faults import Fault, Refused
from enterprise.models import RunKind, RunState, SyncRun
from enterprise.services.audit import Actor, audit_record
from enterprise.services.claims import supersede_held
from enterprise.services.cloud_apply import apply_cloud
from enterprise.services.events import run_ended
from enterprise.services.recounts import recount_request
from enterprise.services.sync_instance import apply_accounts


def run_apply_held(*, run: SyncRun, actor: Actor) -> None:
    """Apply a held result onto the data it was compared with, and ask for a recount.

    Raises Refused ``run_not_held``, or ``data_changed`` if other data is applied by now.
    """
    try:
        with transaction.atomic():
            ended = SyncRun.objects.filter(pk=run.pk, state=RunState.HELD).update(
                state=RunState.SUCCEEDED,
                finished_at=timezone.now(),
                error_code="",
                error_params={},
            )
            if not ended:
                raise Refused("run_not_held", run=run.pk)
            if run.kind == RunKind.CLOUD:
                apply_cloud(run, run.counts)
            elif run.instance is None:
                raise Refused("instance_removed", host=run.host_name)
            else:
                apply_accounts(run, run.instance, run.counts)
            run.chunks.all().delete()
            supersede_held(run)
            run.refresh_from_db(fields=["state", "error_code", "error_params"])
            run_ended(run)
            audit_record(
                enterprise=run.enterprise,
                actor=actor,
                action="run.apply",
                target=str(run.pk),
                after=run.counts,
            )
    except Fault as fault:
        raise Refused(fault.code, **fault.params) from None
    recount_request(enterprise=run.enterprise)
