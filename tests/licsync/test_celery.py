"""A worker beside the web server on one machine."""

import os
import subprocess
import sys

import pytest

WORKER = """
import os
from celery.signals import worker_init
import licsync.celery
worker_init.send(None)
print(os.nice(0), *sorted(os.sched_getaffinity(0)))
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors are chosen on Linux")
@pytest.mark.parametrize("spared", [0, 1, 64])
def test_a_worker_is_nice_and_leaves_processors_to_the_pages(spared: int) -> None:
    told = subprocess.check_output(
        [sys.executable, "-c", WORKER],
        env={**os.environ, "LICSYNC_SPARED_PROCESSORS": str(spared)},
        text=True,
    )
    nice, *processors = map(int, told.split())
    everyone = sorted(os.sched_getaffinity(0))
    assert nice == max(os.nice(0), 10)
    assert processors == everyone[spared:] or processors == everyone[-1:]
