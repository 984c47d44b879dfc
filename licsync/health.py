"""``/healthz``: this process answers. ``/readyz``: database, broker, worker and beat do too.

Answered before host names are checked and TLS is demanded, since probes come by address; they tell
nothing but the state of each part.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from licsync.celery import app
from licsync.worker_seen import LATE, PROBE, worker_age

log = structlog.stdlib.get_logger(__name__)

TICK_KEY = (
    "licsync.tick"  # epoch seconds of the last tick: beat sent it and the quick worker took it
)


class NotReadyError(Exception):
    """A part answers, but not as it should."""


def check_database() -> None:
    """It answers, and the last migrations of this version are done; those of a later one do no harm."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        missing = _last_migrations() - set(cursor.fetchall())
    if missing:
        raise NotReadyError(f"{len(missing)} migrations are missing")


@functools.cache
def _last_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def check_broker() -> None:
    if settings.LICSYNC_EMBEDDED:
        if not os.access(settings.LICSYNC_BROKER_DIR / "messages", os.W_OK):
            raise NotReadyError("the broker's folder is missing or not ours to write")
        return
    with app.connection_for_write(transport_options=PROBE) as broker:
        broker.ensure_connection(max_retries=1, timeout=3)


def check_worker() -> None:
    """Any one worker will do."""
    if worker_age(app) is None:
        raise NotReadyError(f"no worker was seen for {LATE} s")


def check_beat() -> None:
    """Three periods without a tick is too long; a new process has had none yet."""
    age = tick_age()
    if age is None or age > 3 * settings.LICSYNC_TICK_SECONDS + 5:
        raise NotReadyError("no tick of late")


def tick_age() -> float | None:
    """Seconds since the last tick: sent by beat, done by the quick worker. None if there was none."""
    last = cache.get(TICK_KEY)
    return None if last is None else time.time() - last


CHECKS: dict[str, Callable[[], None]] = {
    "database": check_database,
    "broker": check_broker,
    "worker": check_worker,
    "beat": check_beat,
}


def readiness() -> dict[str, bool]:
    """Each part's name and whether it is ready; why not is logged."""
    ready = {}
    for name, check in CHECKS.items():
        try:
            check()
        except Exception as error:  # any failure is an answer here
            log.warning("not ready", part=name, error=f"{type(error).__name__}: {error}")
            ready[name] = False
        else:
            ready[name] = True
    return ready


class HealthMiddleware:
    """Answer the two addresses, and nothing else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == "/healthz":
            return self._uncached(HttpResponse("ok\n", content_type="text/plain"))
        if request.path == "/readyz":
            ready = readiness()
            body = {name: "ok" if fine else "failing" for name, fine in ready.items()}
            return self._uncached(JsonResponse(body, status=200 if all(ready.values()) else 503))
        return self.get_response(request)

    @staticmethod
    def _uncached(response: HttpResponse) -> HttpResponse:
        response["Cache-Control"] = "no-store"
        return response
