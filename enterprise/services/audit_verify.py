"""Looking whether the audit log is as it was sealed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import F

from enterprise.models import AuditBatch, AuditEvent, Enterprise
from enterprise.services.audit_seal import FIRST, events_digest, seal_of, signature_fits

CODES = (
    "batch_missing",
    "batch_changed",
    "events_missing",
    "events_added",
    "events_changed",
    "signature_unknown",
    "expired_unexplained",
    "events_astray",
)


class Finding(NamedTuple):
    """What is wrong, by a code of CODES, with the number of the batch."""

    code: str
    number: int


class ChainState(NamedTuple):
    """One enterprise's chain; ``enterprise`` is None for what belongs to none.

    ``seal`` is that of the newest batch, "" before the first; ``unsealed`` are events that wait for
    the next tick.
    """

    enterprise: Enterprise | None
    batches: int
    events: int
    unsealed: int
    seal: str
    findings: list[Finding]


def audit_verify() -> Iterator[ChainState]:
    """The state of each chain, that of no enterprise last."""
    for enterprise in [*Enterprise.objects.order_by("slug"), None]:
        yield chain_verify(enterprise)


def chain_verify(enterprise: Enterprise | None) -> ChainState:
    events = AuditEvent.objects.filter(enterprise=enterprise)
    findings: list[Finding] = []
    previous, expected, sealed = FIRST, 1, 0
    explained = _expired_through(enterprise)
    for batch in AuditBatch.objects.filter(enterprise=enterprise).order_by("number").iterator():
        if batch.number != expected:
            findings.append(Finding("batch_missing", expected))
        elif batch.seal != seal_of(batch, previous):
            findings.append(Finding("batch_changed", batch.number))
        if not signature_fits(batch):
            findings.append(Finding("signature_unknown", batch.number))
        digest, count = events_digest(AuditEvent.objects.filter(batch=batch).order_by("pk"))
        if batch.expired_at is not None:
            if batch.number > explained or count:
                findings.append(Finding("expired_unexplained", batch.number))
        elif count != batch.events:
            code = "events_missing" if count < batch.events else "events_added"
            findings.append(Finding(code, batch.number))
        elif digest != batch.digest:
            findings.append(Finding("events_changed", batch.number))
        previous, expected, sealed = batch.seal, batch.number + 1, sealed + count
    astray = events.exclude(batch=None).exclude(batch__enterprise=F("enterprise"))
    if enterprise is None:
        astray = events.exclude(batch=None).exclude(batch__enterprise=None)
    findings += [Finding("events_astray", event.pk) for event in astray[:20]]
    return ChainState(
        enterprise=enterprise,
        batches=expected - 1,
        events=sealed,
        unsealed=events.filter(batch=None).count(),
        seal=previous if expected > 1 else "",
        findings=findings,
    )


def _expired_through(enterprise: Enterprise | None) -> int:
    """Up to which batch the log itself says that its events went."""
    told = AuditEvent.objects.filter(enterprise=enterprise, action="audit.expire")
    return max((event.after.get("through_batch", 0) for event in told), default=0)
