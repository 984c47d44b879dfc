"""The recount: match what is applied, and record what differs as a snapshot."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone

from enterprise.counting.match import Count, match
from enterprise.faults import Fault
from enterprise.models import CloudState, Enterprise, RunPhase, Snapshot
from enterprise.services.claims import Claim, run_succeed
from enterprise.services.count_inputs import Inputs
from enterprise.services.events import count_changed
from enterprise.services.ledger import (
    Changes,
    Written,
    github_row_ref,
    pack_anchors,
    person_digest,
    write_changes,
)
from enterprise.services.numbers import Numbers, read_current
from enterprise.services.person_rows import ENTERPRISE, VISUAL_STUDIO

READS = 3  # how often to read again when an apply lands in between


class _DataMovedError(Exception):
    """An apply landed since this recount began to read."""


def recount(claim: Claim) -> None:
    """Count anew and write the difference to the last snapshot, in one transaction.

    A recount that finds nothing different makes no snapshot. It sees one state of the data: if an
    apply lands before it ends, it reads again. Raises Fault ``data_moving`` if they never stop.
    """
    for _read in range(READS):
        try:
            with _no_cycle_collection():
                _recount_once(claim)
        except _DataMovedError:
            claim.log("recount_read_again")
        else:
            return
    raise Fault("data_moving", retry=True)


@contextmanager
def _no_cycle_collection() -> Iterator[None]:
    """Do without Python's cycle collector: it would walk millions of tuples time and again.

    None of them is in a cycle, so they are freed by their reference counts as ever.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _recount_once(claim: Claim) -> None:
    """One attempt on one state of the data. Raises _DataMovedError, nothing written, if it moved."""
    claim.phase(RunPhase.READING)
    enterprise = Enterprise.objects.get(pk=claim.run.enterprise_id)
    inputs = Inputs(enterprise, beat=claim.beat)
    claim.phase(RunPhase.MATCHING)
    count = match(inputs.cloud(), inputs.accounts, inputs.not_consuming)
    claim.phase(RunPhase.RECORDING, expected=len(count))
    found = _Findings(claim, enterprise, count, inputs)
    unmoved = Enterprise.objects.filter(pk=enterprise.pk, data_version=enterprise.data_version)
    with transaction.atomic():
        if not unmoved.exists():
            raise _DataMovedError
        changes = found.changes
        # Beats are not seen before the commit: the lease outlives the longest recording.
        busy_for = (len(changes.written) + len(changes.gone)) / 1000
        version = enterprise.data_version
        claim.update(busy_for=busy_for, done=len(count), data_version=version)
        _record(enterprise, found, count, inputs)
        if not unmoved.update(counted_version=version):
            raise _DataMovedError
        run_succeed(
            claim,
            counts={
                "read": inputs.rows_read,
                "persons": len(count),
                "added": len(changes.written) - len(changes.known),
                "changed": len(changes.known),
                "removed": len(changes.gone),
            },
        )


class _Findings:
    """One pass over the count: what differs from the open versions, the totals, and the anchors."""

    def __init__(self, claim: Claim, enterprise: Enterprise, count: Count, inputs: Inputs) -> None:
        current = read_current(enterprise.pk)
        numbers = Numbers(enterprise.pk, inputs.cloud_keys, inputs.accounts, current)
        digests = current.digests
        written: list[Written] = []
        known: set[int] = set()
        keys: list[str] = []
        license_types: Counter[str] = Counter()
        rules: Counter[str] = Counter()
        server_only = ambiguous = 0
        for place, person in enumerate(count):
            if not place % 5000:
                claim.beat(place)
            keys.append(person.key)
            server_only += person.cloud_ref is None
            ref = github_row_ref(person, inputs)
            license_types[VISUAL_STUDIO if ref in inputs.visual_studio else ENTERPRISE] += 1
            for membership in person.memberships:
                rules[membership.rule] += 1
                ambiguous += bool(membership.candidates)
            number = numbers.of(person)
            digest = person_digest(person, ref, inputs)
            before = digests.pop(number, None)
            if before != digest:
                written.append(Written(place, number, digest))
                if before is not None:
                    known.add(number)
        self.changes = Changes(written, list(digests), known)
        self.anchors = pack_anchors(keys)
        self.totals: dict[str, Any] = {
            **inputs.totals(),
            "cloud_persons": len(count) - server_only,
            "server_only_persons": server_only,
            "ambiguous": ambiguous,
            "by_license_type": dict(sorted(license_types.items())),
            **{f"rule_{rule}": accounts for rule, accounts in sorted(rules.items())},
        }


def _record(enterprise: Enterprise, found: _Findings, count: Count, inputs: Inputs) -> None:
    """Make a snapshot if anything differs from the last one: a person, a total, GitHub's number."""
    state = CloudState.objects.filter(enterprise=enterprise).first()
    last = Snapshot.objects.filter(enterprise=enterprise).order_by("-pk").first()
    github = (
        (state.total, state.purchased, state.listed) if state is not None else (None, None, None)
    )
    if (
        last is not None
        and not found.changes.written
        and not found.changes.gone
        and found.totals == last.totals
        and github == (last.github_total, last.github_purchased, last.github_listed)
    ):
        return
    snapshot = Snapshot.objects.create(
        enterprise=enterprise,
        taken_at=timezone.now(),
        data_version=enterprise.data_version,
        persons=len(count),
        totals=found.totals,
        github_total=github[0],
        github_purchased=github[1],
        github_listed=github[2],
        anchors=found.anchors,
    )
    write_changes(snapshot, found.changes, count, inputs)
    count_changed(snapshot, last)
