"""The Celery application. Its settings are the ``CELERY_*`` ones of ``licsync.settings``.

A message only wakes a worker: it is acknowledged when it arrives, and what a dead worker leaves is
found by the run's lease in the database, on any broker.
"""

from __future__ import annotations

import contextlib
import gc
import os
import warnings
from pathlib import Path
from typing import Any

import structlog
from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import (
    setup_logging,
    task_postrun,
    task_prerun,
    worker_init,
    worker_process_init,
)
from django.conf import settings

from licsync.worker_seen import SignOfLife

# Celery warns of root since pickled messages could run anything; ours are JSON only.
warnings.filterwarnings("ignore", category=SecurityWarning, module="celery.platforms")

NICENESS = 10

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licsync.settings")

app = Celery("licsync")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add(SignOfLife)


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Django has set logging up already; Celery does so only where nobody listens here."""


@worker_init.connect
def _let_pages_go_first(**_: Any) -> None:
    """Where a worker shares a machine with the web server: nobody waits for a run as for a page.

    Being nice is not enough: a page hands over to the database and back twenty times, and each time
    may find all processors taken for some milliseconds. So some are left free of runs. Linux weighs
    sessions before the processes in them, where no container or service manager sets their shares.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))
    if hasattr(os, "sched_setaffinity"):  # Linux
        processors = sorted(os.sched_getaffinity(0))
        spared = min(settings.LICSYNC_SPARED_PROCESSORS, len(processors) - 1)
        os.sched_setaffinity(0, processors[spared:])


@worker_process_init.connect
def _spare_the_collector(**_: Any) -> None:
    """What is loaded by now lives as long as the process: garbage need not be looked for in it."""
    gc.freeze()


@task_prerun.connect
def _bind_task(task_id: str, task: Any, **_: Any) -> None:
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)


@task_postrun.connect
def _unbind_task(**_: Any) -> None:
    structlog.contextvars.clear_contextvars()
