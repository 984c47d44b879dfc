"""The audit log in sealed batches, so that what is changed, taken out or put in shows.

A chain of SHA-256 over all batches of an enterprise, each seal signed with a key from the environment
(docs/security.md, "The audit log"). The tick seals what is new; its log line tells the new seal, so
that a copy of the logs elsewhere also shows when the end of the chain was cut off.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import orjson
import structlog
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from enterprise.models import AuditBatch, AuditEvent
from enterprise.services.audit import SYSTEM, audit_record
from enterprise.services.audit_door import audit_door

log = structlog.get_logger(__name__)

BATCH = 500  # events
FIRST = "0" * 64  # stands for the seal before the first


def events_digest(events: Iterable[AuditEvent]) -> tuple[str, int]:
    """The hash of events, in their order, and how many they are."""
    digest, count = sha256(), 0
    for event in events:
        digest.update(orjson.dumps(_content(event), option=orjson.OPT_SORT_KEYS) + b"\n")
        count += 1
    return digest.hexdigest(), count


def _content(event: AuditEvent) -> list[Any]:
    return [
        event.pk,
        event.enterprise_id,
        _utc(event.at),
        event.actor,
        event.actor_kind,
        event.via,
        event.ip_address or "",
        event.action,
        event.target,
        event.before,
        event.after,
    ]


def seal_of(batch: AuditBatch, previous: str) -> str:
    """The seal that a batch must have after the seal ``previous``."""
    parts = [previous, batch.enterprise_id, batch.number, _utc(batch.sealed_at), batch.events]
    return sha256(orjson.dumps([*parts, batch.digest])).hexdigest()


def signature_of(seal: str, key: str) -> str:
    return hmac.new(_signing_key(key), seal.encode(), sha256).hexdigest()


def signature_fits(batch: AuditBatch) -> bool:
    """Whether one of today's keys has signed the batch."""
    return any(
        hmac.compare_digest(signature_of(batch.seal, key), batch.signature)
        for key in settings.LICSYNC_CREDENTIAL_KEYS
    )


def _signing_key(key: str) -> bytes:
    """A key of its own, so that what signs never encrypts."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"licsync audit seal")
    return derived.derive(key.encode())


def _utc(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds")


def audit_seal() -> int:
    """Seal all events that are not sealed yet; how many they were.

    An event takes its place when it is seen, not by its id: one whose transaction took long is sealed
    in a later batch.
    """
    waiting = AuditEvent.objects.filter(batch=None).order_by()
    sealed = 0
    for enterprise_id in waiting.values_list("enterprise_id", flat=True).distinct():
        while count := _seal_next(enterprise_id):
            sealed += count
    return sealed


def _seal_next(enterprise_id: int | None) -> int:
    """Seal one batch of an enterprise's chain; 0 if there is nothing, or another process was first."""
    try:
        with transaction.atomic():
            batch = _make_batch(enterprise_id)
    except IntegrityError:
        return 0
    if batch is None:
        return 0
    log.info("audit_sealed", enterprise=enterprise_id, number=batch.number, seal=batch.seal)
    return batch.events


def _make_batch(enterprise_id: int | None) -> AuditBatch | None:
    waiting = AuditEvent.objects.filter(enterprise=enterprise_id, batch=None)
    events = list(waiting.order_by("pk")[:BATCH])
    if not events:
        return None
    last = AuditBatch.objects.filter(enterprise=enterprise_id).order_by("-number").first()
    batch = AuditBatch(
        enterprise_id=enterprise_id,
        number=last.number + 1 if last else 1,
        sealed_at=timezone.now(),
    )
    batch.digest, batch.events = events_digest(events)
    batch.seal = seal_of(batch, last.seal if last else FIRST)
    batch.signature = signature_of(batch.seal, settings.LICSYNC_CREDENTIAL_KEYS[0])
    batch.save()
    taken = waiting.filter(pk__in=[event.pk for event in events]).update(batch=batch)
    if taken != len(events):
        raise IntegrityError("another process sealed some of these events")
    return batch


def audit_sign_anew() -> tuple[int, int]:
    """Sign every batch with the first key: (how many were, how many no key of today has signed).

    Those are left as they are: signing them would hide what ``verify_audit`` has to tell.
    """
    first = settings.LICSYNC_CREDENTIAL_KEYS[0]
    signed = foreign = 0
    for batch in AuditBatch.objects.order_by("pk").iterator():
        signature = signature_of(batch.seal, first)
        if batch.signature == signature:
            continue
        if not signature_fits(batch):
            foreign += 1
            continue
        with audit_door("rotate_keys"):
            AuditBatch.objects.filter(pk=batch.pk).update(signature=signature)
        signed += 1
    return signed, foreign


def audit_expire(*, days: int, as_of: dt.datetime) -> int:
    """Let the events go that, by ``as_of``, had been sealed for ``days``; how many went.

    Their batches stay with their seals, so that the chain holds; an event in it tells how far.
    """
    limit = as_of - dt.timedelta(days=days)
    old = AuditBatch.objects.filter(expired_at=None, sealed_at__lt=limit).order_by("number")
    gone = 0
    for enterprise_id in list(old.order_by().values_list("enterprise_id", flat=True).distinct()):
        count = 0
        with audit_door("retention"):
            batches = list(old.filter(enterprise=enterprise_id))
            for batch in batches:
                count += AuditEvent.objects.filter(batch=batch).delete()[0]
            pks = [batch.pk for batch in batches]
            AuditBatch.objects.filter(pk__in=pks).update(expired_at=timezone.now())
            audit_record(
                enterprise=batches[-1].enterprise,
                actor=SYSTEM,
                action="audit.expire",
                after={"through_batch": batches[-1].number, "events": count},
            )
        gone += count
    return gone
