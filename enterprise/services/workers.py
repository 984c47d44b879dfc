"""The one place that speaks to the broker, which only wakes workers."""

from __future__ import annotations

from celery import current_app

TASK = "enterprise.tasks.run_execute"  # by its name: the task module imports the services


def worker_wake(run_id: int, *, countdown: float) -> None:
    """Tell some worker, in ``countdown`` seconds, that a run may be claimed."""
    current_app.send_task(TASK, (run_id,), countdown=countdown)
