"""The recount: match what is applied, and record what differs as a snapshot."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from enterprise.counting.match import match
from enterprise.faults import Fault
from enterprise.models import CloudState, CurrentPerson, Enterprise, RunPhase, Snapshot
from enterprise.services.claims import Claim, run_succeed
from enterprise.services.count_inputs import Inputs, read_inputs
from enterprise.services.ledger import (
    Changes,
    assign_numbers,
    pack_anchors,
    person_digest,
    read_current,
    write_changes,
)

READS = 3  # how often to read again when an apply lands in between


def recount(claim: Claim) -> None:
    """Count anew and write the difference to the last snapshot, in one transaction.

    A recount that finds nothing different makes no snapshot. It sees one state of the data: if an
    apply lands while it reads, it reads again. Raises Fault ``data_moving`` if they never stop.
    """
    enterprise_id = claim.run.enterprise_id
    claim.phase(RunPhase.READING)
    for _read in range(READS):
        enterprise = Enterprise.objects.get(pk=enterprise_id)
        inputs = read_inputs(enterprise, beat=claim.beat)
        if Enterprise.objects.filter(
            pk=enterprise_id, data_version=enterprise.data_version
        ).exists():
            break
        claim.log("recount_read_again")
    else:
        raise Fault("data_moving", retry=True)

    rows = len(inputs.accounts) + len(inputs.cloud)
    long = rows / 5000  # the match makes no beat: the lease outlives it
    claim.update(phase=RunPhase.MATCHING, done=0, expected=rows, busy_for=long)
    count = match(inputs.cloud, inputs.accounts)
    claim.update(phase=RunPhase.RECORDING, busy_for=long)
    current = read_current(enterprise_id)
    numbers = assign_numbers(enterprise_id, count, inputs, current)
    changes = Changes([], [], set())
    keys: list[str] = []
    kinds: Counter[str] = Counter()
    gone = dict(current.digests)
    for number, person in zip(numbers, count, strict=True):
        keys.append(person.key)
        kinds["server_only_persons" if person.cloud_ref is None else "cloud_persons"] += 1
        for membership in person.memberships:
            kinds[f"rule_{membership.rule}"] += 1
            kinds["ambiguous"] += bool(membership.candidates)
        digest = person_digest(person, inputs)
        before = gone.pop(number, None)
        if before != digest:
            changes.written.append((number, digest, person))
            if before is not None:
                changes.known.add(number)
    changes.gone.extend(gone)
    with transaction.atomic():
        claim.update(busy_for=long * 3, done=rows)
        _record(enterprise, inputs, changes, keys, {**inputs.totals, **kinds})
        Enterprise.objects.filter(pk=enterprise_id).update(counted_version=enterprise.data_version)
        known = len(changes.known)
        run_succeed(
            claim,
            counts={
                "read": rows,
                "persons": len(keys),
                "added": len(changes.written) - known,
                "changed": known,
                "removed": len(changes.gone),
            },
        )


def _record(
    enterprise: Enterprise,
    inputs: Inputs,
    changes: Changes,
    keys: list[str],
    totals: dict[str, Any],
) -> None:
    """Make a snapshot if anything differs from the last one: a person, a total, GitHub's number."""
    state = CloudState.objects.filter(enterprise=enterprise).first()
    last = Snapshot.objects.filter(enterprise=enterprise).order_by("-pk").first()
    github = (
        (state.total, state.purchased, state.listed) if state is not None else (None, None, None)
    )
    if (
        last is not None
        and not changes.written
        and not changes.gone
        and totals == {name: last.totals.get(name) for name in totals}
        and github == (last.github_total, last.github_purchased, last.github_listed)
    ):
        return
    snapshot = Snapshot.objects.create(
        enterprise=enterprise,
        taken_at=timezone.now(),
        data_version=enterprise.data_version,
        persons=len(keys),
        totals=totals,
        github_total=github[0],
        github_purchased=github[1],
        github_listed=github[2],
        anchors=pack_anchors(keys),
    )
    write_changes(snapshot, changes, inputs)
    snapshot.totals = {**totals, "by_license_type": _by_license_type(enterprise)}
    snapshot.save(update_fields=["totals"])


def _by_license_type(enterprise: Enterprise) -> dict[str, int]:
    return dict(
        CurrentPerson.objects.filter(enterprise=enterprise)
        .values_list("license_type")
        .annotate(models.Count("pk"))
        .order_by("license_type")
    )
