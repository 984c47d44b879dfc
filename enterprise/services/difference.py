"""GitHub's list beside ours, computed for the newest snapshot and kept (domain.md section 3)."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
from django.db import transaction
from django.db.models import F

from enterprise.counting.compare import Facts, GitHubRow, OurPerson, compare
from enterprise.models import (
    CloudAccount,
    CloudState,
    DifferenceComponent,
    Enterprise,
    GitHubSyncStatus,
    Snapshot,
)
from enterprise.services.bulk import bulk_read
from enterprise.services.cloud_rows import Matching
from enterprise.services.count_inputs import Hosts


def differences_refresh_due(*, enterprise_id: int | None = None) -> int:
    """Compare every enterprise that was counted since it was last compared; how many they were.

    Also where the count made no snapshot: GitHub's rows may have changed without changing a person.
    """
    enterprises = Enterprise.objects.filter(
        compared_version__lt=F("counted_version"), data_version=F("counted_version")
    )
    if enterprise_id is not None:
        enterprises = enterprises.filter(pk=enterprise_id)
    return sum(difference_refresh(enterprise=enterprise) for enterprise in enterprises)


def difference_refresh(*, enterprise: Enterprise) -> bool:
    """Compare the newest snapshot with GitHub's list as last read, and keep the result.

    False if there is nothing to compare, or if newer data was counted meanwhile: then that is
    compared in its turn.
    """
    snapshot = Snapshot.objects.filter(enterprise=enterprise).order_by("-pk").first()
    state = CloudState.objects.filter(enterprise=enterprise).first()
    if snapshot is None or state is None or state.read_at is None:
        Enterprise.objects.filter(pk=enterprise.pk).update(
            compared_version=enterprise.counted_version
        )
        return False
    hosts = Hosts(enterprise.pk)
    cloud_keys: dict[str, int] = {}
    emails: dict[str, str] = dict(_emails(enterprise))
    changed: set[str] = set()
    rows = list(_rows(enterprise, hosts, cloud_keys, emails, changed))
    persons = list(_persons(enterprise, cloud_keys))
    facts = Facts(
        hosts_read={host for host in hosts.registered if hosts.is_read(host)},
        new=_new_accounts(enterprise, hosts),
        email_changed=changed,
    )
    result = compare(persons, rows, facts, state.total)
    keys = {ref: key for key, ref in cloud_keys.items()}
    with transaction.atomic():
        moved = Enterprise.objects.filter(
            pk=enterprise.pk,
            data_version=enterprise.data_version,
            counted_version=enterprise.counted_version,
        ).update(compared_version=enterprise.counted_version, compared_snapshot=snapshot.pk)
        if not moved:
            return False
        Snapshot.objects.filter(pk=snapshot.pk).update(
            difference={
                **result.by_category,
                "ours": result.ours,
                "listed": result.listed,
                "not_listed": result.not_listed,
            }
        )
        DifferenceComponent.objects.filter(enterprise=enterprise).delete()
        DifferenceComponent.objects.bulk_create(
            (
                DifferenceComponent(
                    enterprise=enterprise,
                    category=component.category,
                    change=component.difference,
                    persons=component.persons,
                    rows=[keys[ref] for ref in component.rows],
                )
                for component in result.components
            ),
            batch_size=1000,
        )
    return True


def _rows(
    enterprise: Enterprise,
    hosts: Hosts,
    cloud_keys: dict[str, int],
    emails: dict[str, str],
    changed: set[str],
) -> Iterator[GitHubRow]:
    """GitHub's rows; fills ``cloud_keys`` and notes in ``changed`` accounts with another e-mail.

    An account's e-mail has changed since GitHub's sync if GitHub's row shows server e-mails and the
    one that the account has here is not among them.
    """
    query = (
        "SELECT id, key, kind, counts, matching FROM enterprise_cloudaccount"
        " WHERE enterprise_id = %s"
    )
    for ref, key, kind, counts, text in bulk_read(query, [enterprise.pk]):
        row = Matching._make(orjson.loads(text))
        cloud_keys[key] = ref
        accounts = tuple(map(hosts.resolve_ref, row.server_refs))
        if row.server_emails:
            changed.update(
                account
                for account in accounts
                if emails.get(account, row.server_emails[0]) not in row.server_emails
            )
        unlinked = kind == CloudAccount.Kind.SUBSCRIBER and not counts
        yield GitHubRow(ref, accounts, unlinked)


def _emails(enterprise: Enterprise) -> Iterator[tuple[str, str]]:
    """Each counted account with its normalized primary e-mail."""
    yield from bulk_read(
        "SELECT account, value FROM enterprise_membershipversion"
        " WHERE enterprise_id = %s AND to_snapshot IS NULL",
        [enterprise.pk],
    )


def _persons(enterprise: Enterprise, cloud_keys: dict[str, int]) -> Iterator[OurPerson]:
    accounts: dict[int, list[str]] = {}
    for account, number in bulk_read(
        "SELECT account, number FROM enterprise_membershipversion"
        " WHERE enterprise_id = %s AND to_snapshot IS NULL",
        [enterprise.pk],
    ):
        accounts.setdefault(number, []).append(account)
    for number, cloud_key in bulk_read(
        "SELECT number, cloud_key FROM enterprise_personversion"
        " WHERE enterprise_id = %s AND to_snapshot IS NULL",
        [enterprise.pk],
    ):
        ref = cloud_keys.get(cloud_key) if cloud_key else None
        yield OurPerson(number, ref, tuple(accounts.get(number, ())))


def _new_accounts(enterprise: Enterprise, hosts: Hosts) -> set[str]:
    """Accounts that no snapshot before GitHub's last sync of their instance had."""
    synced_at = {
        hosts.resolve(status.host_name): status.last_sync_at
        for status in GitHubSyncStatus.objects.filter(enterprise=enterprise)
    }
    known: dict[str, int] = {}
    for host_name in hosts.registered:
        moment = synced_at.get(host_name)
        if moment is not None:
            before = Snapshot.objects.filter(enterprise=enterprise, taken_at__lte=moment)
            newest = before.order_by("-pk").values_list("pk", flat=True).first()
            known[host_name] = newest or 0
    query = (
        "SELECT account, MIN(from_snapshot) FROM enterprise_membershipversion"
        " WHERE enterprise_id = %s GROUP BY account"
    )
    return {
        account
        for account, first in bulk_read(query, [enterprise.pk])
        if first > known.get(account.rpartition(":")[0], 0)
    }
