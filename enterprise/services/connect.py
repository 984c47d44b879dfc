"""The two switches of the GitHub Connect page, in GitHub's order."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import Credential, Rhythm, ServerInstance, Source
from enterprise.services.audit import Actor, audit_record
from enterprise.services.credentials import credential_delete
from enterprise.services.runs import runs_cancel_for
from enterprise.services.scheduling import instance_anchor, instance_next, schedule_checked

SCHEDULE = ("rhythm", "schedule_weekday", "schedule_time")


def _locked(instance: ServerInstance) -> ServerInstance:
    """The instance as it is now, its row locked to the end of the transaction."""
    return (
        ServerInstance.objects.select_for_update(of=("self",))
        .select_related("enterprise")
        .get(pk=instance.pk)
    )


@transaction.atomic
def connect_enable(*, instance: ServerInstance, actor: Actor) -> bool:
    """Enable GitHub Connect. False if it already is.

    Raises Refused ``connect_needs_token`` while no credentials are stored that its source needs.
    """
    instance = _locked(instance)
    if instance.connect_enabled:
        return False
    needs_token = instance.source == Source.SITE_ADMIN_REPORT
    if needs_token and not Credential.objects.filter(instance=instance).exists():
        raise Refused("connect_needs_token", host=instance.host_name)
    instance.connect_enabled = True
    instance.save(update_fields=["connect_enabled"])
    _audit_switch(
        instance, actor, "connect", action="instance.connect_enable", before=False, after=True
    )
    return True


@transaction.atomic
def connect_disable(*, instance: ServerInstance, actor: Actor) -> bool:
    """Disable GitHub Connect: license sync goes off, active runs end, the credentials are deleted.

    The last data stays, marked as of its date (section 5). A token that was saved since another owner
    disabled it goes, too. False if there was nothing to disable or delete.
    """
    instance = _locked(instance)
    enabled = instance.connect_enabled
    erased = credential_delete(enterprise=instance.enterprise, instance=instance)
    if not enabled and not erased:
        return False
    instance.license_sync_enabled = False
    instance.connect_enabled = False
    instance.next_sync_at = None
    instance.save(update_fields=["license_sync_enabled", "connect_enabled", "next_sync_at"])
    runs_cancel_for(instance=instance, code="connect_disabled")
    _audit_switch(
        instance, actor, "connect", action="instance.connect_disable", before=enabled, after=False
    )
    return True


@transaction.atomic
def license_sync_set(*, instance: ServerInstance, enabled: bool, actor: Actor) -> bool:
    """Set "Server can sync user license count and usage" to Enabled or Disabled.

    Enabling anchors the weekly schedule at this moment, unless it has one from before. False if
    nothing changed. Raises Refused ``connect_first`` while GitHub Connect is off.
    """
    instance = _locked(instance)
    if instance.license_sync_enabled == enabled:
        return False
    if enabled and not instance.connect_enabled:
        raise Refused("connect_first", host=instance.host_name)
    instance.license_sync_enabled = enabled
    if enabled:
        instance_anchor(instance, timezone.now())
    else:
        instance.next_sync_at = None
    instance.save(
        update_fields=[
            "license_sync_enabled",
            "schedule_weekday",
            "schedule_time",
            "next_sync_at",
        ]
    )
    _audit_switch(
        instance,
        actor,
        "license_sync",
        action="instance.license_sync_enable" if enabled else "instance.license_sync_disable",
        before=not enabled,
        after=enabled,
    )
    return True


@transaction.atomic
def schedule_set(*, instance: ServerInstance, actor: Actor, **values: Any) -> list[str]:
    """Choose of SCHEDULE what is given; the names that changed. The next sync follows at once.

    Raises Refused ``bad_rhythm``, ``out_of_range`` or ``bad_time``.
    """
    wanted = schedule_checked(values)
    if wanted.get("rhythm", Rhythm.WEEKLY) not in Rhythm.values:
        raise Refused("bad_rhythm", field="rhythm", value=str(wanted["rhythm"])[:50])
    instance = _locked(instance)
    before = {name: getattr(instance, name) for name in wanted}
    changed = [name for name in SCHEDULE if name in wanted and wanted[name] != before[name]]
    if not changed:
        return []
    for name in changed:
        setattr(instance, name, wanted[name])
    if instance.license_sync_enabled:
        instance.next_sync_at = instance_next(instance, timezone.now())
    instance.save(update_fields=[*changed, "next_sync_at"])
    audit_record(
        enterprise=instance.enterprise,
        actor=actor,
        action="instance.schedule",
        target=instance.host_name,
        before=_told({name: before[name] for name in changed}),
        after=_told({name: wanted[name] for name in changed}),
    )
    return changed


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """A schedule as the audit log keeps it."""
    return {
        name: value.isoformat("minutes") if isinstance(value, dt.time) else value
        for name, value in values.items()
    }


def _audit_switch(
    instance: ServerInstance, actor: Actor, name: str, *, action: str, before: object, after: object
) -> None:
    audit_record(
        enterprise=instance.enterprise,
        actor=actor,
        action=action,
        target=instance.host_name,
        before={name: before},
        after={name: after},
    )
