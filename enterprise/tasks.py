"""Celery's door to the services: messages carry only an id, and may arrive twice, late or never."""

from __future__ import annotations

from celery import shared_task

from enterprise.services import deliveries, sync, ticking


@shared_task(name="enterprise.tasks.tick")
def tick() -> None:
    """Start what is due and take up what was lost."""
    ticking.tick()


@shared_task(name="enterprise.tasks.run_execute")
def run_execute(run_id: int) -> None:
    """Do one run's work, if it is still to be had."""
    sync.run_execute(run_id=run_id)


@shared_task(name="enterprise.tasks.delivery_send")
def delivery_send(delivery_id: int) -> None:
    """Tell one receiver of one event, if that is still to be done."""
    deliveries.delivery_send(delivery_id=delivery_id)
