"""The web server over an application of its own: what clients that stand still hold of it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.licsync.programs import ENVIRONMENT, free_port, wait_until

LIMIT = 2  # seconds, where production has a minute
SETTINGS = f"""
from licsync import gunicorn
gunicorn.CLIENT_SECONDS = {LIMIT}
from licsync.gunicorn import *
"""
APPLICATION = """
def application(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x" * 2**20] * (64 if environ["PATH_INFO"] == "/large" else 1)
"""
SENDS_NO_MORE = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx"
READS_NO_MORE = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "settings.py").write_text(SETTINGS)
    (tmp_path / "still.py").write_text(APPLICATION)
    port = free_port()
    command = ["-m", "gunicorn", "-c", str(tmp_path / "settings.py"), "--pythonpath", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, *command, "-b", f"127.0.0.1:{port}", "still:application"],
        env=ENVIRONMENT | {"LICSYNC_VAR_DIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert wait_until(lambda: answers(port), 30)
            yield port
        finally:
            process.terminate()


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5 * LIMIT)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.mark.parametrize("asked", [SENDS_NO_MORE, READS_NO_MORE])
def test_clients_that_stand_still_hold_no_thread_for_longer_than_the_limit(
    port: int, asked: bytes
) -> None:
    with ExitStack() as stack:
        for _ in range(8):  # as many as there are threads
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(asked)
        began = time.monotonic()

        assert answers(port)
        assert time.monotonic() - began > LIMIT / 2  # they did hold them all
