"""An instance's run: read its users, stage the difference, check it, apply it in one transaction."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from enterprise.faults import Fault
from enterprise.models import (
    RunPhase,
    ServerInstance,
    ServerUserAccount,
    Source,
    SyncRun,
)
from enterprise.records import InstanceFacts
from enterprise.services import clients
from enterprise.services.account_stage import STAGED_FIELDS, Difference, stage_accounts
from enterprise.services.bulk import bulk_execute, bulk_insert
from enterprise.services.claims import Claim, run_hold, run_succeed
from enterprise.services.cloud_copy import stage_cloud_copy
from enterprise.services.cloud_freshness import cloud_request_if_stale
from enterprise.services.guard import (
    first_read_is_plausible,
    guard_allows,
    guard_share,
)
from enterprise.services.preview import instance_effect
from enterprise.services.recounts import data_version_raise
from enterprise.services.scim_check import scim_compare
from enterprise.services.staging import ADD, CHANGE, REMOVE, staged

Reason = tuple[str, dict[str, Any]]
"""Why a result is held: a code of ``wording`` and its parameters."""


def sync_instance(claim: Claim) -> None:
    """Do an instance's run. Raises Fault for what ends or postpones it."""
    run = claim.run
    instance = run.instance
    if instance is None:
        raise Fault("instance_removed", host=run.host_name)
    if run.source == Source.UPLOAD:
        raise Fault("upload_interrupted")  # its file went with the process that received it
    cloud_request_if_stale(enterprise=run.enterprise)
    # What a walk found inconsistent is no place to go on from.
    resume = run.base_version == instance.applied_version and run.error_code != "inconsistent_walk"
    claim.update(
        base_version=instance.applied_version, as_of=timezone.now(), source=instance.source
    )
    claim.phase(RunPhase.READING)
    facts = InstanceFacts()
    if instance.source == Source.CLOUD_COPY:
        difference = stage_cloud_copy(claim, instance, resume=resume)
    else:
        facts, accounts = clients.read_instance(instance, claim)
        claim.update(facts=facts._asdict(), expected=facts.total_users)
        difference = stage_accounts(claim, instance, accounts)
    claim.phase(RunPhase.CHECKING)
    _warn_of_gaps(claim, facts, difference.counts)
    scim_compare(claim, instance, facts, consuming=difference.counts["consuming"])
    hold_or_apply(claim, instance, difference, reason_to_hold(instance, difference, facts))


def hold_or_apply(
    claim: Claim, instance: ServerInstance, difference: Difference, held: Reason | None
) -> None:
    """End the run: ``held`` for that reason, with what it would do to the count, else applied."""
    run = claim.run
    if held is not None:
        code, params = held
        counts = difference.counts | instance_effect(claim, instance)
        run_hold(claim, reason=code, counts=counts, **params)
        return
    claim.phase(RunPhase.APPLYING)
    with transaction.atomic():
        # The fence comes first; the lease outlives the longest apply.
        claim.update(busy_for=difference.changes / 2000)
        apply_accounts(run, instance, difference.counts)
        run_succeed(claim, counts=difference.counts)


def _warn_of_gaps(claim: Claim, facts: InstanceFacts, counts: dict[str, int]) -> None:
    """A gap between the report and the instance's own totals is a warning (section 6, Cross-checks)."""
    if facts.total_users is not None and facts.total_users != counts["read"]:
        claim.warn("user_total_gap", stated=facts.total_users, read=counts["read"])
    if facts.seats_used is not None and facts.seats_used != counts["consuming"]:
        claim.warn("seats_used_gap", stated=facts.seats_used, consuming=counts["consuming"])


def reason_to_hold(
    instance: ServerInstance, difference: Difference, facts: InstanceFacts
) -> Reason | None:
    """Why a result must wait for an owner; None if it may be applied.

    The first result after a switch of source replaces what another source gave, however alike.
    """
    share = guard_share(instance.enterprise, instance)
    if not difference.applied:
        read = difference.counts["read"]
        if first_read_is_plausible(share=share, read=read, stated=facts.total_users):
            return None
        return "held_first_read", {"read": read, "stated": facts.total_users or 0}
    if instance.applied_source not in ("", instance.source):
        return "held_replacement", {"before": instance.applied_source, "after": instance.source}
    if guard_allows(
        enterprise=instance.enterprise,
        share=share,
        applied=difference.applied,
        loss=difference.loss,
    ):
        return None
    return "held_loss", {**difference.loss._asdict(), "applied": difference.applied}


def apply_accounts(run: SyncRun, instance: ServerInstance, counts: dict[str, int]) -> None:
    """Write the staged difference of ``run``; to be called inside the transaction that ends the run.

    Raises Fault ``data_changed`` if it was compared with other data than is applied now, or
    ``connect_disabled`` if GitHub Connect was switched off meanwhile.
    """
    now = timezone.now()
    changes = counts["added"] + counts["changed"] + counts["removed"]
    facts = InstanceFacts(**run.facts) if run.facts else InstanceFacts()
    written = ServerInstance.objects.filter(
        pk=instance.pk, applied_version=run.base_version or 0, connect_enabled=True
    ).update(
        applied_version=F("applied_version") + (1 if changes else 0),
        applied_as_of=run.as_of,
        applied_source=F("source"),
        last_success_at=now,
        **_fact_columns(facts, now.date()),
    )
    if not written:
        current = ServerInstance.objects.filter(pk=instance.pk).first()
        if current is None:
            raise Fault("instance_removed", host=run.host_name)
        if not current.connect_enabled:
            raise Fault("connect_disabled", host=run.host_name)
        raise Fault("data_changed")
    if not changes and instance.applied_as_of is not None:
        return
    if counts["changed"] or counts["removed"]:
        delete = "DELETE FROM enterprise_serveruseraccount WHERE instance_id = %s AND user_id = %s"
        gone = ((instance.pk, rec[1]) for rec in staged(run) if rec[0] in (CHANGE, REMOVE))
        bulk_execute(delete, gone)
    bulk_insert(
        ServerUserAccount,
        ("instance", *STAGED_FIELDS),
        ((instance.pk, *record[1:]) for record in staged(run) if record[0] in (ADD, CHANGE)),
    )
    data_version_raise(run=run)


def _fact_columns(facts: InstanceFacts, today: dt.date) -> dict[str, Any]:
    """The instance's columns for what it told of itself; what it did not tell stays as it was."""
    columns: dict[str, Any] = {}
    if facts.version:
        columns["version"] = facts.version
    if facts.seats_used is not None:
        columns |= {
            "seats": facts.seats,
            "seats_unlimited": facts.seats_unlimited,
            "seats_used": facts.seats_used,
            "license_kind": facts.license_kind,
        }
    if facts.expires_in_days is not None:
        columns["license_expires_on"] = today + dt.timedelta(days=facts.expires_in_days)
    return columns
