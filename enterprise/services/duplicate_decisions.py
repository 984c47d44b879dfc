"""What people decide of the work-list: not the same person, or look again."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import Duplicate, DuplicateState
from enterprise.services.audit import Actor, audit_record
from enterprise.services.duplicates import duplicates_sum_up

REASON_LENGTH = 500


def duplicate_dismiss(*, duplicate: Duplicate, reason: str, actor: Actor) -> None:
    """Remember that two persons are not the same; they are not told as duplicates any more.

    Raises Refused ``reason_needed``, ``too_long``, or ``duplicate_not_open``.
    """
    reason = reason.replace("\0", "").strip()
    if not reason:
        raise Refused("reason_needed", field="reason")
    if len(reason) > REASON_LENGTH:
        raise Refused("too_long", field="reason", most=REASON_LENGTH)
    _decide(
        duplicate,
        actor,
        was=DuplicateState.OPEN,
        action="duplicate.dismiss",
        state=DuplicateState.DISMISSED,
        reason=reason,
        decided_by=actor.label,
        decided_at=timezone.now(),
    )


def duplicate_reopen(*, duplicate: Duplicate, actor: Actor) -> None:
    """Put a dismissed pair back on the list. Raises Refused ``duplicate_not_dismissed``."""
    _decide(
        duplicate,
        actor,
        was=DuplicateState.DISMISSED,
        action="duplicate.reopen",
        state=DuplicateState.OPEN,
        reason="",
        decided_by="",
        decided_at=None,
    )


def _decide(
    duplicate: Duplicate, actor: Actor, *, was: DuplicateState, action: str, **columns: object
) -> None:
    """Two deciding at once, or a recount between: the first wins, and the other is told.

    The reason is free text, in which an e-mail may stand, so the audit log does not repeat it.
    """
    with transaction.atomic():
        moved = Duplicate.objects.filter(pk=duplicate.pk, state=was).update(**columns)
        if not moved:
            raise Refused(f"duplicate_not_{was.value}")
        audit_record(
            enterprise=duplicate.enterprise,
            actor=actor,
            action=action,
            target=f"{duplicate.one} = {duplicate.other}",
        )
        duplicates_sum_up(enterprise=duplicate.enterprise)
