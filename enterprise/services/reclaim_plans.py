"""What people decide about seats: who is exempt, and a plan to free so many."""

from __future__ import annotations

import datetime as dt

from django.db import IntegrityError, transaction
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import (
    Enterprise,
    ReclaimExemption,
    ReclaimPlan,
    ReclaimSeat,
    SeatState,
)
from enterprise.services.audit import Actor, audit_record
from enterprise.services.bulk import bulk_insert
from enterprise.services.reclaim import candidates_free

REASON_LENGTH = 500
MOST_SEATS = 100_000
FURTHEST = dt.timedelta(days=5 * 366)


@transaction.atomic
def exemption_set(
    *, enterprise: Enterprise, number: int, reason: str, until: dt.date, actor: Actor
) -> None:
    """Let a person keep the seat until a day. Raises Refused for a bad reason or day."""
    reason = reason.replace("\0", "").strip()
    if not reason:
        raise Refused("exemption_reason_needed", field="reason")
    if len(reason) > REASON_LENGTH:
        raise Refused("too_long", field="reason", most=REASON_LENGTH)
    today = enterprise.today
    if not today <= until <= today + FURTHEST:
        raise Refused("exemption_bad_end", field="until")
    ReclaimExemption.objects.update_or_create(
        enterprise=enterprise,
        number=number,
        defaults={
            "reason": reason,
            "until": until,
            "decided_by": actor.label,
            "decided_at": timezone.now(),
        },
    )
    audit_record(
        enterprise=enterprise,
        actor=actor,
        action="exemption.set",
        target=str(number),
        after={"until": until.isoformat()},
    )


@transaction.atomic
def exemption_end(*, enterprise: Enterprise, number: int, actor: Actor) -> bool:
    """Take an exemption back. False if there is none."""
    gone, _ = ReclaimExemption.objects.filter(enterprise=enterprise, number=number).delete()
    if gone:
        audit_record(enterprise=enterprise, actor=actor, action="exemption.end", target=str(number))
    return bool(gone)


def plan_make(*, enterprise: Enterprise, seats: int, actor: Actor) -> ReclaimPlan:
    """Plan to free so many seats: of those longest not active, who are in no open plan nor exempt.

    Fewer if there are not so many. Raises Refused ``out_of_range``, ``nobody_to_reclaim``, or
    ``plan_contended`` if another plan was made at the same moment.
    """
    if not 1 <= seats <= MOST_SEATS:
        raise Refused("out_of_range", field="seats", value=seats, least=1, most=MOST_SEATS)
    try:
        with transaction.atomic():
            chosen = list(candidates_free(enterprise)[:seats])
            if not chosen:
                raise Refused("nobody_to_reclaim", field="seats")
            plan = ReclaimPlan.objects.create(
                enterprise=enterprise, wanted=seats, made_at=timezone.now(), made_by=actor.label
            )
            bulk_insert(
                ReclaimSeat,
                ("enterprise", "plan", "number", "accounts", "last_active", "state", "open"),
                (
                    (
                        *(enterprise.pk, plan.pk, each.number, each.accounts, each.last_active),
                        *(SeatState.PLANNED.value, True),
                    )
                    for each in chosen
                ),
            )
            audit_record(
                enterprise=enterprise,
                actor=actor,
                action="plan.make",
                target=str(plan.pk),
                after={"wanted": seats, "seats": len(chosen)},
            )
    except IntegrityError:
        raise Refused("plan_contended", field="seats") from None
    return plan


@transaction.atomic
def plan_end(*, plan: ReclaimPlan, actor: Actor) -> None:
    """End a plan: it keeps what became of its seats, which others may plan anew.

    Raises Refused ``plan_ended``.
    """
    ended = ReclaimPlan.objects.filter(pk=plan.pk, ended_at=None).update(ended_at=timezone.now())
    if not ended:
        raise Refused("plan_ended", plan=plan.pk)
    ReclaimSeat.objects.filter(plan=plan).update(open=False)
    audit_record(enterprise=plan.enterprise, actor=actor, action="plan.end", target=str(plan.pk))
