"""Writing a cloud run's staged result; to be called inside the transaction that ends the run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import F
from django.utils import timezone

from enterprise.emails import normalize
from enterprise.faults import Fault
from enterprise.models import (
    CloudAccount,
    CloudIdentity,
    CloudState,
    EnterpriseDomain,
    GitHubSyncStatus,
    ServerInstance,
    SyncRun,
)
from enterprise.services.bulk import bulk_execute, bulk_insert, bulk_read
from enterprise.services.recounts import data_version_raise
from enterprise.services.staging import ADD, CHANGE, REMOVE, staged
from enterprise.sources.values import moment_of

IDENTITY, DOMAIN = 4, 5  # what a staged record is, beside an account's (``staging``)


def apply_cloud(run: SyncRun, counts: dict[str, int]) -> None:
    """Write rows, identities, domains, totals and GitHub's sync status.

    Raises Fault ``data_changed`` if the run was compared with other data than is applied now.
    """
    now = timezone.now()
    facts = run.facts
    enterprise_id = run.enterprise_id
    # Before anything is written: rows of other data would meet the constraints first.
    before = CloudState.objects.select_for_update().get(enterprise_id=enterprise_id)
    if before.applied_version != (run.base_version or 0):
        raise Fault("data_changed")
    changed = bool(counts["added"] + counts["changed"] + counts["removed"])
    if changed:
        _apply_rows(run)
    if "identities" in facts:
        changed |= _apply_identities(run)
    if "domains" in facts:
        changed |= _apply_domains(run)
    changed |= _apply_sync_status(run)
    totals = {name: facts[name] for name in ("total", "purchased", "listed", "gaps")}
    changed |= any(getattr(before, name) != value for name, value in totals.items())
    CloudState.objects.filter(pk=before.pk).update(
        applied_version=F("applied_version") + (1 if changed else 0),
        read_at=run.as_of,
        last_success_at=now,
        **totals,
    )
    if changed or before.read_at is None:
        data_version_raise(run=run)


def _apply_rows(run: SyncRun) -> None:
    bulk_execute(
        "DELETE FROM enterprise_cloudaccount WHERE enterprise_id = %s AND key = %s",
        ((run.enterprise_id, record[1]) for record in staged(run) if record[0] in (REMOVE, CHANGE)),
    )
    bulk_insert(
        CloudAccount,
        ("enterprise", "key", "kind", "counts", "matching", "report", "digest"),
        ((run.enterprise_id, *record[1:]) for record in staged(run) if record[0] in (ADD, CHANGE)),
    )


def staged_identities(run: SyncRun) -> set[tuple[str, int, str]]:
    """The identities that a run read, as they are stored."""
    return {
        (login, attribute, value)
        for login, attribute, raw in _records(run, IDENTITY)
        if login and (value := normalize(raw))
    }


def identities_stay(run: SyncRun) -> bool:
    """Whether no stored identity goes, though it was not read again.

    Of which organization a value was read is not kept: none goes while one of them is unread.
    """
    return any(gap["part"] in ("identities", "organizations") for gap in run.facts["gaps"])


def _apply_identities(run: SyncRun) -> bool:
    read = staged_identities(run)
    stay = identities_stay(run)
    gone: list[tuple[Any, ...]] = []
    for stored in bulk_read(
        "SELECT login_key, attribute, value FROM enterprise_cloudidentity WHERE enterprise_id = %s",
        [run.enterprise_id],
    ):
        if stored in read:
            read.discard(stored)
        elif not stay:
            gone.append(stored)
    bulk_execute(
        "DELETE FROM enterprise_cloudidentity"
        " WHERE enterprise_id = %s AND login_key = %s AND attribute = %s AND value = %s",
        ((run.enterprise_id, *row) for row in gone),
    )
    bulk_insert(
        CloudIdentity,
        ("enterprise", "login_key", "attribute", "value"),
        ((run.enterprise_id, *row) for row in sorted(read)),
    )
    return bool(gone or read)


def _apply_domains(run: SyncRun) -> bool:
    read = {domain: (verified, approved) for domain, verified, approved in _records(run, DOMAIN)}
    stored = {
        domain: (verified, approved)
        for domain, verified, approved in EnterpriseDomain.objects.filter(
            enterprise_id=run.enterprise_id
        ).values_list("domain", "verified", "approved")
    }
    if read == stored:
        return False
    EnterpriseDomain.objects.filter(enterprise_id=run.enterprise_id).delete()
    EnterpriseDomain.objects.bulk_create(
        EnterpriseDomain(
            enterprise_id=run.enterprise_id, domain=domain, verified=verified, approved=approved
        )
        for domain, (verified, approved) in sorted(read.items())
    )
    return True


def _records(run: SyncRun, operation: int) -> Iterable[list[Any]]:
    return (record[1:] for record in staged(run) if record[0] == operation)


def _apply_sync_status(run: SyncRun) -> bool:
    """Replace GitHub's own states, and learn each instance's ``server_id`` from them."""
    read = sorted(
        {
            (
                status["server_id"],
                status["host_name"].lower(),
                moment_of(status["date"]),
                status["status"],
                status["error"],
            )
            for status in run.facts["sync_status"]
        },
        key=str,
    )
    learned = _learn_server_ids(run, read)
    statuses = GitHubSyncStatus.objects.filter(enterprise_id=run.enterprise_id)
    columns = ("server_id", "host_name", "last_sync_at", "status", "error")
    if read == sorted(statuses.values_list(*columns), key=str):
        return learned
    statuses.delete()
    once = {row[:2]: row for row in read}
    GitHubSyncStatus.objects.bulk_create(
        GitHubSyncStatus(enterprise_id=run.enterprise_id, **dict(zip(columns, row, strict=True)))
        for row in once.values()
    )
    return True


def _learn_server_ids(run: SyncRun, read: Iterable[tuple[Any, ...]]) -> bool:
    """Give each id to one instance, the first of GitHub's that has none; whether any was learned.

    An instance may be registered later than its status was read; two hosts may have one id, as a
    renamed or a restored server does.
    """
    instances = ServerInstance.objects.filter(enterprise_id=run.enterprise_id)
    known = set(instances.exclude(server_id="").values_list("server_id", flat=True))
    before = len(known)
    for server_id, host_name, *_rest in read:
        if server_id and server_id not in known:
            unknown = instances.filter(host_name=host_name, server_id="")
            if unknown.update(server_id=server_id):
                known.add(server_id)
    return len(known) > before
