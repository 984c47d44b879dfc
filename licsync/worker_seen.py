"""A sign of life of the workers of runs, left where the broker is: it shows while one is consuming.

Each worker renews it while it is connected to the broker and takes tasks; a worker that lost its
broker, hangs or died does not. Embedded, it is a file's time; on Redis, a key that runs out, so that
the clocks of several machines need not agree. Nothing is written to the database, which a long apply
may hold.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import structlog
from celery import Celery, bootsteps
from django.conf import settings
from kombu import Connection

log = structlog.stdlib.get_logger(__name__)

EVERY = 10.0  # seconds between two signs of one worker
LATE = 45  # seconds after which no worker counts as seen
PROBE = {"socket_connect_timeout": 1, "socket_timeout": 1}  # seconds for each answer of the broker
KEY = "licsync.worker"
FILE = "worker"


def worker_mark(app: Celery) -> None:
    """Say that a worker of ``app`` lives."""
    if settings.LICSYNC_EMBEDDED:
        _file().touch()
        return
    with app.connection_for_write() as broker:
        _redis(broker).set(KEY, "", ex=LATE)


def worker_age(app: Celery) -> float | None:
    """Seconds since a worker was last seen; None if that is too long ago, or never was.

    Raises what the broker raises if it does not answer.
    """
    if settings.LICSYNC_EMBEDDED:
        try:
            age = max(0.0, time.time() - _file().stat().st_mtime)
        except FileNotFoundError:
            return None
        return age if age <= LATE else None
    with app.connection_for_read(transport_options=PROBE) as broker:
        left: int = _redis(broker).pttl(KEY)
    return None if left < 0 else LATE - left / 1000


def _redis(broker: Connection) -> Any:
    """The client that kombu itself talks to Redis by; its published types lack it."""
    return broker.default_channel.client  # type: ignore[attr-defined]


def _file() -> Path:
    folder: Path = settings.LICSYNC_BROKER_DIR
    return folder / FILE


class SignOfLife(bootsteps.StartStopStep):
    """A part of Celery's consumer: it starts once tasks are taken, and stops with the connection."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._app: Celery = consumer.app
        self._entry: Any = None

    def include_if(self, consumer: Any) -> bool:
        """Only for those who take runs: of the quick worker the tick itself is the sign."""
        return settings.CELERY_TASK_DEFAULT_QUEUE in consumer.app.amqp.queues.consume_from

    def start(self, consumer: Any) -> None:
        self._mark()
        self._entry = consumer.timer.call_repeatedly(EVERY, self._mark)

    def stop(self, _consumer: Any) -> None:
        if self._entry is not None:
            self._entry.cancel()
            self._entry = None

    def _mark(self) -> None:
        try:
            worker_mark(self._app)
        except Exception as error:  # the work goes on; that no sign comes is seen elsewhere
            log.warning("no sign of life left", error=type(error).__name__)
