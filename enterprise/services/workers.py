"""The one place that speaks to the broker, which only wakes workers."""

from __future__ import annotations

from typing import Any

import redis
from celery import current_app
from django.conf import settings
from kombu.exceptions import ChannelError, OperationalError

# By their names: the task module imports the services.
_RUN = "enterprise.tasks.run_execute"
_DELIVERY = "enterprise.tasks.delivery_send"

BROKER_AWAY = (OperationalError, ChannelError, redis.RedisError, OSError)
"""What says that the broker cannot be asked."""


def worker_wake(run_id: int, *, countdown: float) -> None:
    """Tell some worker, in ``countdown`` seconds, that a run may be claimed."""
    current_app.send_task(_RUN, (run_id,), countdown=countdown)


def delivery_wake(delivery_id: int, *, countdown: float) -> None:
    """Tell some worker, in ``countdown`` seconds, that a delivery may be claimed."""
    current_app.send_task(_DELIVERY, (delivery_id,), countdown=countdown)


def wakes_held() -> int:
    """How many messages of runs the broker holds that no worker has taken. Raises BROKER_AWAY."""
    with current_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1)
        channel: Any = connection.default_channel  # its published types lack what it has
        return int(channel.queue_declare(settings.CELERY_TASK_DEFAULT_QUEUE).message_count)
