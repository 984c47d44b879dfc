"""What a staged result would do to the count, found out in memory and written nowhere."""

from __future__ import annotations

from enterprise.counting.match import match
from enterprise.models import Enterprise, ServerInstance
from enterprise.records import AccountInput
from enterprise.services.claims import Claim
from enterprise.services.count_inputs import Inputs
from enterprise.services.staging import ADD, REMOVE, SEEN, staged

_MATCHED_A_SECOND = 5000  # persons, on a slow machine that does two matches


def count_effect(claim: Claim, instance: ServerInstance) -> tuple[int, int]:
    """Persons now, and persons if the staged difference of the run were applied.

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
    return before, len(match(cloud, consuming, others))
