"""The documented curl lines against the real web server, and what a large file costs it."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.console import ROOT, Console
from tests.uploads.conftest import HEADER, HOST, body, line, usage, users

TOKEN = "lsc_" + "t" * 40
PROVISION = f"""
[enterprise]
slug = "acme"
name = "Acme"
[[instance]]
host_name = "{HOST}"
source = "upload"
connect = true
license_sync = true
[[token]]
name = "{HOST}"
scopes = ["write:server_usage", "admin:enterprise"]
token_env = "UPLOAD_TOKEN"
"""


class Web(Console):
    """A console's web server alone, and curl."""

    def start_web(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        log = (self.folder / "web.log").open("ab")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "-c", "python:licsync.gunicorn"),
                *("-b", f"127.0.0.1:{self.port}", "licsync.wsgi"),
            ],
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        assert self.wait(self._answers, seconds=30), (self.folder / "web.log").read_text()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def curl(self, *arguments: str, query: str = "", sent: bytes | None = None) -> Any:
        """(status, JSON) of a POST with the token."""
        address = f"http://127.0.0.1:{self.port}/api/v1/enterprises/acme/server-usage{query}"
        done = subprocess.run(
            [
                *("curl", "-sS", "-X", "POST", "-w", "\n%{http_code}"),
                *("-H", f"Authorization: Bearer {TOKEN}", *arguments, address),
            ],
            input=sent,
            capture_output=True,
            check=True,
        )
        text, _, status = done.stdout.decode().rpartition("\n")
        return int(status), json.loads(text)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path)
    web.environment["UPLOAD_TOKEN"] = TOKEN
    file = tmp_path / "provision.toml"
    file.write_text(PROVISION)
    web.manage("migrate", "--verbosity", "0")
    web.manage("provision", str(file))
    web.start_web()
    try:
        yield web
    finally:
        os.killpg(web.process.pid, signal.SIGKILL)
        web.process.wait()


def test_the_documented_lines_work(web: Web, tmp_path: Path) -> None:
    report = tmp_path / "all_users.csv"
    report.write_text(HEADER + line(1, "a@example.com", dormant=True) + line(2, "b@example.com"))
    packed = tmp_path / "usage.json.gz"
    packed.write_bytes(gzip.compress(body(usage(*users(3), exported_at="2026-10-06T00:00:00Z"))))

    query = f"?instance={HOST}&exported_at=2026-10-05T02:00:00Z"
    status, run = web.curl("-T", str(report), query=query)
    assert (status, run["counts"]["added"]) == (201, 2)
    status, run = web.curl("--data-binary", f"@{packed}")
    assert (status, run["counts"]["read"]) == (201, 3)
    # From a pipe, curl sends chunks and no length.
    later = body(usage(*users(4), exported_at="2026-10-07T00:00:00Z"))
    status, run = web.curl("-T", "-", sent=later)
    assert (status, run["counts"]["read"]) == (201, 4)

    assert [row[0] for row in web.rows("SELECT COUNT(*) FROM enterprise_serveruseraccount")] == [4]
    assert b"@example.com" not in (tmp_path / "web.log").read_bytes()


def test_a_client_that_goes_away_leaves_nothing(web: Web) -> None:
    content = body(usage(*users(100)))
    before = files_of(web)
    with socket.create_connection(("127.0.0.1", web.port)) as connection:
        connection.sendall(
            b"POST /api/v1/enterprises/acme/server-usage HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            + f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            + content[:-500]
        )
    status, _ = web.curl("-T", "-", sent=b"{")  # nor is anything in the way of the next one

    assert status == 422
    assert web.wait(lambda: files_of(web) == before, seconds=10)
    assert web.rows("SELECT COUNT(*) FROM enterprise_syncrun") == [(0,)]


def files_of(web: Web) -> set[str]:
    """What lies in the folder, but for what SQLite makes and removes beside its file."""
    return {name for name in os.listdir(web.folder) if not name.startswith("licsync.sqlite3-")}


def test_a_large_file_needs_no_more_memory_to_be_read_than_a_small_one(tmp_path: Path) -> None:
    """The accounts apart: only their user IDs are remembered, to notice one that comes twice."""

    def peak(count: int) -> int:
        file = tmp_path / f"{count}.json"
        with file.open("wb") as out:
            subprocess.run(
                [sys.executable, "-c", _WRITE, str(count)], cwd=ROOT, stdout=out, check=True
            )
        done = subprocess.run(
            [sys.executable, "-c", _READ, str(file)], cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
        read, peak = map(int, done.stdout.split())
        assert read == count
        return peak

    assert peak(150_000) - peak(10_000) < 150_000 * 120 // 1024  # KiB: 120 bytes an ID


_WRITE = """
import datetime as dt, sys
from enterprise.records import ServerAccount
from enterprise.sources.server_usage import write_usage
from enterprise.sources.usage_head import UsageHead
head = UsageHead("", "ghes1.example.com", "", False, dt.datetime.now(dt.UTC))
users = (ServerAccount(n, f"user{n}@example.com") for n in range(int(sys.argv[1])))
for piece in write_usage(head, ([user] for user in users)):
    sys.stdout.buffer.write(piece)
"""
_READ = """
import resource, sys
from enterprise.sources.upload import Upload
with open(sys.argv[1], "rb") as file:
    upload = Upload(file)
    upload.head()
    read = sum(1 for _ in upload.users())
print(read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
