"""The supervisor over small programs, and the real ``manage.py up``."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from licsync import env, processes
from licsync.management.commands.up import Command
from tests.licsync.programs import (
    BACKGROUND,
    ENVIRONMENT,
    alive,
    free_port,
    processes_of,
    wait_until,
)

ROOT = settings.BASE_DIR
# A child that starts one of its own, tells both numbers, and ends at SIGTERM as it is told to.
CHILD = """
import os, signal, subprocess, sys, time
folder, name, manner = sys.argv[1:]
grandchild = subprocess.Popen(["sleep", "300"])
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
elif manner == "orderly":
    def finish(*_):
        time.sleep(0.3)
        open(f"{folder}/{name}.finished", "w").close()
        grandchild.kill()
        sys.exit(0)
    signal.signal(signal.SIGTERM, finish)
with open(f"{folder}/{name}.pids", "a") as file:
    sigint = int(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    file.write(f"{os.getpid()} {grandchild.pid} {sigint}\\n")
if manner == "mortal":
    sys.exit(7)
time.sleep(300)
"""
SUPERVISOR = """
import sys
from licsync.processes import Supervisor
folder, grace, *manners = sys.argv[1:]
Supervisor(
    {m: [sys.executable, f"{folder}/child.py", folder, m, m] for m in manners},
    environment={},
    say=lambda *told: print(*told, flush=True),
    grace=float(grace),
).run()
"""


@pytest.fixture
def supervise(tmp_path):
    """Start a supervisor over children of the given manners; returns it when all have started."""
    (tmp_path / "child.py").write_text(textwrap.dedent(CHILD), encoding="utf-8")
    started = []

    def supervise(*manners, grace=10.0):
        supervisor = subprocess.Popen(
            [*BACKGROUND, sys.executable, "-c", SUPERVISOR, str(tmp_path), str(grace), *manners],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(supervisor)
        wait_until(lambda: len(pids(tmp_path)) >= 2 * len(manners))
        return supervisor

    yield supervise
    for supervisor in started:
        supervisor.kill()
        supervisor.wait()
        supervisor.stdout.close()
    for pid in pids(tmp_path):
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def rows(folder):
    return [
        [int(word) for word in line.split()]
        for file in folder.glob("*.pids")
        for line in file.read_text().splitlines()
    ]


def pids(folder):
    return [pid for row in rows(folder) for pid in row[:2]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_children_finish_and_leaves_nothing(supervise, tmp_path, number):
    supervisor = supervise("orderly", "plain")
    supervisor.send_signal(number)
    assert supervisor.wait(10) == 0
    assert (tmp_path / "orderly.finished").exists()
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []


def test_a_child_that_does_not_end_is_killed_after_the_grace(supervise, tmp_path):
    supervisor = supervise("stubborn", grace=0.5)
    began = time.monotonic()
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(10) == 0
    assert time.monotonic() - began >= 0.5
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []


def test_a_second_signal_cuts_the_grace_short(supervise, tmp_path):
    supervisor = supervise("stubborn", grace=60.0)
    supervisor.send_signal(signal.SIGINT)
    time.sleep(0.3)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(10) == 0
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []


def test_what_dies_starts_again_after_a_pause_that_grows(supervise, tmp_path):
    supervisor = supervise("mortal")
    told = [supervisor.stdout.readline().split() for _ in range(2)]
    assert told == [["mortal", "7", "1.0"], ["mortal", "7", "2.0"]]
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(10) == 0
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []


def test_children_end_when_the_supervisor_is_killed(supervise, tmp_path):
    supervisor = supervise("orderly", "plain")
    supervisor.kill()
    children = [row[0] for row in rows(tmp_path)]
    wait_until(lambda: not any(alive(pid) for pid in children))


def test_children_take_sigint_also_where_the_shell_ignored_it(supervise, tmp_path):
    supervise("plain")
    assert [row[2] for row in rows(tmp_path)] == [1]


def test_compose_runs_the_same_commands():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert services["web"]["command"] == " ".join((*processes.WEB, "-b", "0.0.0.0:8000"))
    assert services["worker"]["command"] == " ".join(processes.WORKER)
    assert services["quick"]["command"] == " ".join(processes.QUICK)
    assert services["beat"]["command"] == " ".join(processes.BEAT)


# --- manage.py up -------------------------------------------------------------------------------


class Console:
    """A running ``manage.py up``; everything it starts carries a mark in its environment."""

    def __init__(self, folder, environment):
        self.mark = f"TEST_MARK={folder}"
        self.log = folder / "log"
        self.var = folder / "var"
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", f"127.0.0.1:{port}"],
                cwd=ROOT,
                env={
                    **ENVIRONMENT,
                    "TEST_MARK": str(folder),
                    "LICSYNC_VAR_DIR": str(self.var),
                    "LICSYNC_TICK_SECONDS": "1",
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def readiness(self):
        """What /readyz says when all is well, None before."""
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=5) as answer:
                return json.load(answer)
        except OSError:  # not listening yet, or 503
            return None

    def left(self):
        return processes_of(self.mark)

    def stop(self, number):
        self.process.send_signal(number)
        assert self.process.wait(30) == 0
        assert self.left() == []


@pytest.fixture
def up(tmp_path):
    """Start ``manage.py up`` with further variables."""
    consoles = []

    def up(**environment):
        consoles.append(Console(tmp_path, environment))
        return consoles[-1]

    yield up
    for console in consoles:
        console.process.kill()
        console.process.wait()
        for pid in console.left():
            os.kill(pid, signal.SIGKILL)


def test_up_runs_the_console_and_ctrl_c_leaves_nothing(up):
    console = up()
    assert set(wait_until(console.readiness, 60).values()) == {"ok"}
    with urllib.request.urlopen(f"{console.address}/accounts/login/", timeout=10) as answer:
        assert answer.status == 200
    assert len(console.left()) > 4
    console.stop(signal.SIGINT)
    written = console.log.read_text()
    assert re.search(rf"{console.address}/\S+", written), "the first owner's link"
    assert f"licsync is ready at {console.address}" in written
    assert "Traceback" not in written
    assert list((console.var / "tmp").iterdir()) == []


def test_a_killed_worker_is_started_again(up):
    console = up(LICSYNC_TICK_SECONDS="0.5")
    wait_until(console.readiness, 60)
    workers = [
        pid for pid in console.left() if b"licsync@" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(min(workers), signal.SIGKILL)
    wait_until(lambda: "worker ended with status -9" in console.log.read_text())
    assert [pid for pid in workers if alive(pid)] == []  # its pool too
    time.sleep(7)  # until the ticks from before are too old
    wait_until(console.readiness, 30)
    console.stop(signal.SIGTERM)


def test_what_up_starts_takes_a_public_address_from_a_file(monkeypatch, tmp_path, settings):
    file = tmp_path / "public_url"
    file.write_text("http://localhost:8123\n")
    monkeypatch.setenv("LICSYNC_PUBLIC_URL_FILE", str(file))
    settings.LICSYNC_PUBLIC_URL = "http://localhost:8123"
    command = Command()
    command._publish("127.0.0.1", 8123)
    monkeypatch.setattr(os, "environ", command._environment())
    assert env.text("LICSYNC_PUBLIC_URL") == "http://localhost:8123"


@pytest.mark.postgres
@pytest.mark.redis
def test_up_runs_on_postgresql_and_redis(up, postgres_url, redis_url):
    console = up(
        CELERY_BROKER_URL=redis_url,
        LICSYNC_CACHE_URL=redis_url,
        DATABASE_URL=postgres_url,
        LICSYNC_SECRET_KEY="s" * 50,
        LICSYNC_CREDENTIAL_KEYS="a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        LICSYNC_PUBLIC_URL="http://localhost:8000",
    )
    assert set(wait_until(console.readiness, 60).values()) == {"ok"}
    console.stop(signal.SIGINT)


def test_an_address_in_use_is_said_before_anything_starts(up):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "manage.py", "up", f"127.0.0.1:{port}"],
            cwd=ROOT,
            env={**ENVIRONMENT, "LICSYNC_VAR_DIR": str(settings.LICSYNC_VAR_DIR / "taken")},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert f"Cannot listen at 127.0.0.1:{port}: Address already in use." in done.stderr
