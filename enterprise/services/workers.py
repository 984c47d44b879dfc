"""The one place that speaks to the broker, which only wakes workers."""

from __future__ import annotations

from celery import current_app

# By their names: the task module imports the services.
_RUN = "enterprise.tasks.run_execute"
_DELIVERY = "enterprise.tasks.delivery_send"


def worker_wake(run_id: int, *, countdown: float) -> None:
    """Tell some worker, in ``countdown`` seconds, that a run may be claimed."""
    current_app.send_task(_RUN, (run_id,), countdown=countdown)


def delivery_wake(delivery_id: int, *, countdown: float) -> None:
    """Tell some worker, in ``countdown`` seconds, that a delivery may be claimed."""
    current_app.send_task(_DELIVERY, (delivery_id,), countdown=countdown)
