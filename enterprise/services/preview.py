"""What a staged result would do to the count, found out in memory and written nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from enterprise.counting.match import match
from enterprise.models import Enterprise, ServerInstance
from enterprise.records import AccountInput
from enterprise.services.claims import Claim
from enterprise.services.cloud_apply import identities_stay, staged_identities
from enterprise.services.count_inputs import CloudRecord, Identity, Inputs
from enterprise.services.staging import ADD, CHANGE, REMOVE, SEEN, staged

_MATCHED_A_SECOND = 5000  # persons, on a slow machine that does two matches


def instance_effect(claim: Claim, instance: ServerInstance) -> dict[str, int]:
    """Persons now, and persons if the staged difference of an instance's run were applied.

    Both are counted from what is applied at this moment, so that they differ by this run alone,
    even while a recount is due.
    """
    enterprise = Enterprise.objects.get(pk=instance.enterprise_id)
    inputs = Inputs(enterprise, beat=lambda _rows: claim.beat())
    cloud = list(inputs.cloud())
    # A match makes no beat: the lease outlives both.
    claim.update(busy_for=(len(cloud) + len(inputs.accounts)) / _MATCHED_A_SECOND)
    before = len(match(cloud, inputs.accounts, inputs.not_consuming))
    exclude_never = enterprise.exclude_never_signed_in
    touched: set[str] = set()
    consuming: list[AccountInput] = []
    others: list[AccountInput] = []
    for kind, user_id, *values in staged(claim.run):
        account = f"{instance.host_name}:{user_id}"
        if kind == SEEN:
            continue
        if kind != ADD:
            touched.add(account)
        if kind == REMOVE:
            continue
        _email, email_key, _others, _suspended, _dormant, never, _excluded, consumes = values[:8]
        if consumes and not (never and exclude_never):
            consuming.append(AccountInput(account, email_key))
        elif email_key:
            others.append(AccountInput(account, email_key))
    consuming += [each for each in inputs.accounts if each.account not in touched]
    others += [each for each in inputs.not_consuming if each.account not in touched]
    claim.update(busy_for=(len(cloud) + len(consuming)) / _MATCHED_A_SECOND)
    return _effect(before, len(match(cloud, consuming, others)))


def cloud_effect(claim: Claim) -> dict[str, int]:
    """As ``instance_effect``, of a cloud run."""
    inputs = Inputs(claim.run.enterprise, beat=lambda _rows: claim.beat())
    cloud = list(inputs.cloud())
    claim.update(busy_for=(len(cloud) + len(inputs.accounts)) / _MATCHED_A_SECOND)
    before = len(match(cloud, inputs.accounts, inputs.not_consuming))
    cloud = list(inputs.cloud_of(_rows_then(claim, inputs), _identities_then(claim, inputs)))
    claim.update(busy_for=(len(cloud) + len(inputs.accounts)) / _MATCHED_A_SECOND)
    return _effect(before, len(match(cloud, inputs.accounts, inputs.not_consuming)))


def _rows_then(claim: Claim, inputs: Inputs) -> Iterator[CloudRecord]:
    touched = {record[1] for record in staged(claim.run) if record[0] in (CHANGE, REMOVE)}
    yield from (row for row in inputs.cloud_rows() if row[1] not in touched)
    for number, record in enumerate(staged(claim.run), start=1):
        if record[0] in (ADD, CHANGE):
            key, kind, counts, matching, _report, digest = record[1:]
            yield -number, key, kind, counts, digest, matching


def _identities_then(claim: Claim, inputs: Inputs) -> set[Identity]:
    read: set[Identity] = {*staged_identities(claim.run)}
    return read | {*inputs.identities()} if identities_stay(claim.run) else read


def _effect(before: int, after: int) -> dict[str, int]:
    return {
        "persons_before": before,
        "persons_after": after,
        "persons_change": after - before,
    }
