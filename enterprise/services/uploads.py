"""Server usage that is sent to this console instead of read by it (domain.md section 6, "Uploads").

An upload is a run, done in the process that received the file (``receiving``), so that a fault in it
is told at once. A worker that finds such a run without its process ends it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO, NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from enterprise.faults import Fault, Refused
from enterprise.models import (
    Enterprise,
    RunKind,
    RunPhase,
    RunTrigger,
    ServerInstance,
    Source,
    SyncRun,
)
from enterprise.models.sync import ACTIVE
from enterprise.records import InstanceFacts, ServerAccount
from enterprise.services.account_stage import stage_accounts
from enterprise.services.audit import Actor, audit_record
from enterprise.services.claims import Claim, run_claim
from enterprise.services.sync import claim_work
from enterprise.services.sync_instance import hold_or_apply, reason_to_hold
from enterprise.sources.upload import Upload, UploadFormat, refuse_by_name
from enterprise.sources.usage_head import UsageHead

SAME_KEY = dt.timedelta(hours=24)
CLOCKS_DIFFER = dt.timedelta(minutes=10)
_STEP = 2**16
_HALF = 32  # hexadecimal digits: 128 bits


class Received(NamedTuple):
    """A file as it came. ``exported_at`` is what the sender says, for a format that does not.

    ``name`` is looked at only to recognize the instance's other reports.
    """

    file: BinaryIO
    name: str = ""
    exported_at: dt.datetime | None = None


def upload_take(
    *,
    enterprise: Enterprise,
    actor: Actor,
    trigger: RunTrigger,
    received: Received,
    instance: ServerInstance | None = None,
    hold: bool = False,
    idempotency_key: str = "",
) -> tuple[SyncRun, bool]:
    """Bring an upload to its ending: (run, whether it is new).

    It replaces what ``instance`` had; where none is given, the file names it. With ``hold``, it is
    held whatever it says, which is its preview. The same ``idempotency_key`` with the same file for
    the same instance within 24 hours gives the run of the first time, however that ended.

    What is wrong with the file fails the run, except where no instance is known: that is a Fault,
    as is a file of a report that undercounts. Raises Refused ``upload_instance_needed``,
    ``upload_instance_unknown``, ``upload_time_needed``, ``upload_from_future``,
    ``connect_disabled``, ``upload_run_active``, ``idempotency_key_reused``.
    """
    refuse_by_name(received.name)
    upload = Upload(received.file)
    is_report = _is_report(upload)
    if instance is None and is_report:
        raise Refused("upload_instance_needed", field="instance")
    if instance is None:
        instance = _instance_of(enterprise, upload.head())
    if received.exported_at is None and is_report:
        raise Refused("upload_time_needed", field="exported_at")
    if received.exported_at is not None and received.exported_at > timezone.now() + CLOCKS_DIFFER:
        raise Refused("upload_from_future", field="exported_at")
    key = _key(actor, idempotency_key, received.file) if idempotency_key else ""
    claim, known = _begin(instance, actor, trigger, key)
    if claim is None:
        return known, False
    claim_work(claim, lambda claim: _work(claim, upload, received.exported_at, hold=hold))
    known.refresh_from_db()
    return known, True


def _key(actor: Actor, idempotency_key: str, file: BinaryIO) -> str:
    """Half a digest of whose key it is, and half a digest of what came with it."""
    whose = sha256(f"{actor.label}\n{idempotency_key}".encode())
    content = sha256()
    file.seek(0)
    while chunk := file.read(_STEP):
        content.update(chunk)
    return whose.hexdigest()[:_HALF] + content.hexdigest()[:_HALF]


def _instance_of(enterprise: Enterprise, head: UsageHead) -> ServerInstance:
    """The instance a file is of: by GitHub's id of the server, else by its host name."""
    found = None
    if head.server_id:
        found = enterprise.instances.filter(server_id=head.server_id).first()
    found = found or enterprise.instances.filter(host_name=head.host_name).first()
    if found is None:
        raise Refused("upload_instance_unknown", host=head.host_name)
    return found


def _is_report(upload: Upload) -> bool:
    """Whether it needs the sender to say when it was exported; its faults are the run's to tell."""
    try:
        return upload.format() == UploadFormat.REPORT
    except Fault:
        return False


def _begin(
    instance: ServerInstance, actor: Actor, trigger: RunTrigger, key: str
) -> tuple[Claim | None, SyncRun]:
    """The claim of a new run, made and taken at once so that no worker comes between.

    Or None, and the earlier run with the same key.
    """
    with transaction.atomic():
        instance = (
            ServerInstance.objects.select_for_update(of=("self",))
            .select_related("enterprise")
            .get(pk=instance.pk)
        )
        runs = SyncRun.objects.filter(instance=instance, kind=RunKind.INSTANCE)
        now = timezone.now()
        if key:
            same = runs.filter(idempotency_key__startswith=key[:_HALF])
            earlier = same.filter(queued_at__gt=now - SAME_KEY).first()
            if earlier is not None and earlier.idempotency_key != key:
                raise Refused("idempotency_key_reused", run=earlier.pk)
            if earlier is not None:
                return None, earlier
        if not instance.connect_enabled:
            raise Refused("connect_disabled", host=instance.host_name)
        try:
            with transaction.atomic():
                run = SyncRun.objects.create(
                    enterprise=instance.enterprise,
                    instance=instance,
                    host_name=instance.host_name,
                    kind=RunKind.INSTANCE,
                    trigger=trigger,
                    actor=actor.label,
                    source=Source.UPLOAD,
                    idempotency_key=key,
                    queued_at=now,
                    not_before=now,
                )
        except IntegrityError:
            active = runs.filter(state__in=ACTIVE).values_list("pk", flat=True).first()
            raise Refused("upload_run_active", host=instance.host_name, run=active) from None
        audit_record(
            enterprise=instance.enterprise,
            actor=actor,
            action="server_usage.upload",
            target=instance.host_name,
            after={"run": run.pk},
        )
        return run_claim(run_id=run.pk), run


def _work(claim: Claim, upload: Upload, exported_at: dt.datetime | None, *, hold: bool) -> None:
    """Read, stage, check, hold or apply. Raises Fault, none of which trying again would help."""
    run, instance = claim.run, claim.run.instance
    if instance is None:
        raise Fault("instance_removed", host=run.host_name)
    facts = InstanceFacts()
    claim.phase(RunPhase.READING)
    is_report = upload.format() == UploadFormat.REPORT
    if is_report:
        accounts = upload.report(keep_logins=instance.keep_logins)
    else:
        head = upload.head()
        _refuse_another_instance(instance, head)
        exported_at = head.exported_at
        facts = InstanceFacts(version=head.version)
        accounts = upload.users()
    if exported_at is None:
        raise Fault("upload_time_needed")
    _refuse_other_time(instance, exported_at)
    claim.update(base_version=instance.applied_version, as_of=exported_at, facts=facts._asdict())
    seen = _Seen()
    difference = stage_accounts(claim, instance, seen.watch(accounts))
    claim.phase(RunPhase.CHECKING)
    held = reason_to_hold(instance, difference, facts)
    if is_report and not seen.inactive:
        claim.warn("upload_all_active")
        held = held or ("held_all_active", {})
    if hold:
        held = held or ("held_preview", {})
    hold_or_apply(claim, instance, difference, held)


def _refuse_another_instance(instance: ServerInstance, head: UsageHead) -> None:
    """By GitHub's id of the server where both are known, as a host may be renamed; else by name."""
    if head.server_id and instance.server_id:
        same = head.server_id == instance.server_id.lower()
        path = "server_id"
    else:
        same = head.host_name == instance.host_name
        path = "host_name"
    if not same:
        raise Fault(
            "upload_other_instance", path=path, stated=head.host_name, host=instance.host_name
        )


def _refuse_other_time(instance: ServerInstance, exported_at: dt.datetime) -> None:
    if exported_at > timezone.now() + CLOCKS_DIFFER:
        raise Fault("upload_from_future")
    if instance.applied_as_of is not None and exported_at < instance.applied_as_of:
        raise Fault(
            "upload_older",
            exported=_told(exported_at),
            applied=_told(instance.applied_as_of),
        )


def _told(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


class _Seen:
    """Whether a file has any account that the report of active users would leave out."""

    inactive = False

    def watch(self, accounts: Iterator[ServerAccount]) -> Iterator[ServerAccount]:
        for account in accounts:
            if account.dormant or account.suspended:
                self.inactive = True
                yield account
                break
            yield account
        yield from accounts
