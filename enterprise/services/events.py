"""Recording what happened, in the transaction in which it happens, with a delivery per receiver.

That is the outbox: a kill loses the event together with what it tells, or neither. What nobody is to
be told of is not kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from enterprise.models import (
    Delivery,
    DeliveryState,
    Event,
    EventKind,
    RunKind,
    RunState,
    ServerInstance,
    Snapshot,
    Source,
    SyncRun,
    Webhook,
)
from enterprise.services.workers import delivery_wake


@transaction.atomic
def event_record(
    *,
    enterprise_id: int,
    kind: EventKind,
    params: dict[str, Any],
    webhooks: Collection[int] | None = None,
    users: Iterable[int] = (),
    subscribed: bool = True,
) -> Event | None:
    """Keep an event for the webhooks that listen to its kind, for ``webhooks`` and ``users`` by id.

    With ``subscribed`` False only those named are told. None if there is nobody. ``params`` never hold
    an e-mail address, a token or a body.
    """
    named = set(webhooks or ())
    hooks = [
        hook.pk
        for hook in Webhook.objects.filter(
            enterprise=enterprise_id, active=True, disabled_at=None
        ).only("pk", "events")
        if hook.pk in named or (subscribed and kind in hook.events)
    ]
    people = sorted(set(users))
    if not hooks and not people:
        return None
    now = timezone.now()
    event = Event.objects.create(enterprise_id=enterprise_id, kind=kind, at=now, params=params)
    receivers: list[dict[str, int]] = [{"webhook_id": pk} for pk in hooks]
    receivers += [{"user_id": pk} for pk in people]
    made = Delivery.objects.bulk_create(
        Delivery(event=event, created_at=now, not_before=now, **receiver) for receiver in receivers
    )
    for delivery in made:
        delivery_publish(delivery.pk)
    return event


def delivery_publish(delivery_id: int, *, countdown: float = 0) -> None:
    """Wake a worker once the transaction is committed. A lost message is published by the tick."""
    transaction.on_commit(lambda: delivery_wake(delivery_id, countdown=countdown), robust=True)


def deliveries_release(*, webhook_id: int) -> None:
    """Let go what waits for a receiver that failed: it answers again, or an owner says that it will."""
    now = timezone.now()
    waiting = Delivery.objects.filter(webhook=webhook_id, state=DeliveryState.QUEUED)
    waiting.filter(not_before__gt=now).update(not_before=now)


def delivery_publish_next(waiting: QuerySet[Delivery]) -> None:
    """Wake a worker for the one of ``waiting`` that is due for the longest; it wakes the next."""
    due = waiting.filter(state=DeliveryState.QUEUED, not_before__lte=timezone.now())
    following = due.order_by("not_before", "pk").first()
    if following is not None:
        delivery_publish(following.pk)


# --- What happened -------------------------------------------------------------------------------

_RUN_KINDS = {
    RunState.SUCCEEDED: EventKind.RUN_SUCCEEDED,
    RunState.FAILED: EventKind.RUN_FAILED,
    RunState.HELD: EventKind.RUN_HELD,
}


def run_ended(run: SyncRun) -> None:
    """Tell that a run succeeded, failed or is held; called in the transaction that ends it.

    Of a recount that succeeded nothing is told but what it changed (``count_changed``). A run that
    succeeded and was an upload is told as an upload, too.
    """
    kind = _RUN_KINDS.get(RunState(run.state))
    if kind is None or (run.kind == RunKind.RECOUNT and kind == EventKind.RUN_SUCCEEDED):
        return
    params = {
        "run": run.pk,
        "kind": run.kind,
        "trigger": run.trigger,
        "host": run.host_name,
        "state": run.state,
        "counts": run.counts,
        "as_of": run.as_of.isoformat() if run.as_of else None,
        "code": run.error_code,
        "params": run.error_params,
    }
    event_record(enterprise_id=run.enterprise_id, kind=kind, params=params)
    if kind == EventKind.RUN_SUCCEEDED and run.source == Source.UPLOAD:
        event_record(enterprise_id=run.enterprise_id, kind=EventKind.UPLOAD_APPLIED, params=params)


def instance_overdue(instance: ServerInstance) -> None:
    """Tell that an instance was not read for longer than its rhythm and a day."""
    last = instance.last_success_at
    event_record(
        enterprise_id=instance.enterprise_id,
        kind=EventKind.RUN_OVERDUE,
        params={
            "instance": instance.pk,
            "host": instance.host_name,
            "rhythm": instance.rhythm,
            "last_success_at": last.isoformat() if last else None,
        },
    )


def count_changed(snapshot: Snapshot, before: Snapshot | None) -> None:
    """Tell that a recount found another number of persons, or that GitHub states another total."""
    now, then = _numbers(snapshot), _numbers(before) if before is not None else None
    if now != then:
        event_record(
            enterprise_id=snapshot.enterprise_id,
            kind=EventKind.COUNT_CHANGED,
            params={
                "snapshot": snapshot.pk,
                "now": now,
                "before": then,
                "before_snapshot": before.pk if before is not None else None,
            },
        )


def _numbers(snapshot: Snapshot) -> dict[str, int | None]:
    return {
        "persons": snapshot.persons,
        "github_total": snapshot.github_total,
        "github_purchased": snapshot.github_purchased,
    }
