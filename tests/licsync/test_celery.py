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
def test_a_worker_is_nice_and_leaves_a_processor_to_the_pages() -> None:
    nice, *processors = map(
        int, subprocess.check_output([sys.executable, "-c", WORKER], text=True).split()
    )
    first, *others = sorted(os.sched_getaffinity(0))
    assert nice == min(os.nice(0) + 10, 19)
    assert processors == (others or [first])
