"""A whole console in processes of its own: real worker and beat, real broker, real database."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import redis

from sandbox.server import Fleet
from tests.system.servers import free_port

ROOT = Path(__file__).resolve().parents[2]


class Console:
    """Commands, a worker and a beat on one data folder; nothing of it outlives ``stop``.

    ``code`` is the checkout that runs: this one, or another version's on the same data.
    """

    def __init__(
        self, folder: Path, *, database: str = "", broker: str = "", code: Path = ROOT
    ) -> None:
        self.folder = folder
        self._code = code
        self._database = database
        self.web = ""
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("LICSYNC_")
            and name not in ("DATABASE_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE")
        } | {
            "LICSYNC_VAR_DIR": str(folder),
            "LICSYNC_ALLOW_LOOPBACK": "1",
            "LICSYNC_TICK_SECONDS": "1",
            "LICSYNC_LEASE_SECONDS": "3",
            "LICSYNC_RETRY_BASE_SECONDS": "0.1",
            "LICSYNC_SPARED_PROCESSORS": "0",  # nobody waits for a page here
        }
        if database:
            self.environment["DATABASE_URL"] = database
        if broker:
            self.environment |= {"CELERY_BROKER_URL": broker, "LICSYNC_CACHE_URL": broker}
            self.environment["LICSYNC_PUBLIC_URL"] = "http://127.0.0.1:8000"
            self.environment["LICSYNC_SECRET_KEY"] = "s" * 60
            self.environment["LICSYNC_CREDENTIAL_KEYS"] = "A" * 43 + "="

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self._code,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def module(self, name: str, *arguments: str) -> str:
        """Run ``python -m name`` in the console's environment to its end; what it printed."""
        command = [sys.executable, "-m", name, *arguments]
        done = subprocess.run(
            command,
            cwd=self._code,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    def provision(self, fleet: Fleet, *more: str) -> None:
        """Register the fleet's enterprise with everything enabled; ``more`` lines of the file."""
        lines = [
            "[enterprise]",
            f'slug = "{fleet.world.slug}"',
            f'name = "{fleet.world.name}"',
            f'api_url = "{fleet.ghec.url}"',
            'token_env = "GHEC_TOKEN"',
        ]
        self.environment["GHEC_TOKEN"] = fleet.ghec.token
        for number, (host_name, site) in enumerate(fleet.instances.items()):
            self.environment[f"GHES_TOKEN_{number}"] = site.token
            lines += [
                "[[instance]]",
                f'host_name = "{host_name}"',
                f'url = "{site.url}"',
                f'username = "{site.username}"',
                f'token_env = "GHES_TOKEN_{number}"',
                "connect = true",
                "license_sync = true",
            ]
        lines += more
        file = self.folder / "provision.toml"
        file.write_text("\n".join(lines))
        self.manage("migrate", "--verbosity", "0")
        self.manage("createcachetable")
        self.manage("provision", str(file))

    def start(self, name: str, *arguments: str) -> None:
        """Start ``celery -A licsync …``."""
        self.start_module(name, "celery", "-A", "licsync", *arguments)

    def start_module(self, name: str, *command: str, within: Sequence[str] = ()) -> None:
        """Start ``python -m COMMAND`` as a process group of its own, as the argument of ``within``."""
        log = (self.folder / f"{name}.log").open("ab")
        self._processes[name] = subprocess.Popen(
            [*within, sys.executable, "-m", *command],
            cwd=self._code,
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def start_worker(
        self, name: str = "worker", *, concurrency: int = 2, within: Sequence[str] = ()
    ) -> None:
        slots = ("-c", str(concurrency), "-n", f"{name}@test")
        worker = ("celery", "-A", "licsync", "worker", *slots, "--loglevel", "WARNING")
        self.start_module(name, *worker, within=within)

    def start_beat(self, name: str = "beat") -> None:
        self.start(name, "beat", "--loglevel", "WARNING")

    def start_web(self, name: str = "web") -> None:
        """The web server as it runs for a company, on a free port."""
        self.web = f"127.0.0.1:{free_port()}"
        gunicorn = ("gunicorn", "-c", "python:licsync.gunicorn", "-b", self.web, "licsync.wsgi")
        self.start_module(name, *gunicorn)
        assert self.wait(lambda: self.answers("/healthz"), seconds=60)

    def answers(self, path: str) -> bool:
        """Whether the web server answers 200."""
        try:
            with urllib.request.urlopen(f"http://{self.web}{path}", timeout=30) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def kill(self, name: str) -> None:
        """kill -9 the whole group: the worker and its children at once."""
        process = self._processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def terminate(self, name: str) -> None:
        """Ask a process to end, as a deploy does, and wait until it has."""
        process = self._processes.pop(name)
        process.terminate()
        process.wait(timeout=60)

    def lose_messages(self) -> None:
        """Take every message from the broker, and all that it knows of queues."""
        if broker := self.environment.get("CELERY_BROKER_URL"):
            with redis.Redis.from_url(broker) as server:
                server.flushdb()
        else:
            shutil.rmtree(self.folder / "broker", ignore_errors=True)

    def stop(self) -> None:
        for name in list(self._processes):
            self.kill(name)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives on the console's own database."""
        if self._database:
            with psycopg.connect(self._database) as server:
                return server.execute(query).fetchall()
        with contextlib.closing(sqlite3.connect(self.folder / "licsync.sqlite3")) as file:
            return file.execute(query).fetchall()

    def execute(self, statement: str) -> None:
        """Change the console's own database, as no page would."""
        if self._database:
            with psycopg.connect(self._database) as server:
                server.execute(statement)
            return
        file = sqlite3.connect(self.folder / "licsync.sqlite3", timeout=20)
        with contextlib.closing(file), file:
            file.execute(statement)

    def wait(self, condition: Callable[[], bool], *, seconds: float) -> bool:
        """Whether the condition came true in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(0.05)
        return condition()

    def active_runs(self) -> int:
        query = "SELECT COUNT(*) FROM enterprise_syncrun WHERE state IN ('queued', 'running')"
        return int(self.rows(query)[0][0])

    def runs(self) -> list[tuple[Any, ...]]:
        """All runs that did not just succeed, for the message of an assertion."""
        return self.rows(
            "SELECT id, kind, state, phase, tries, not_before, error_code FROM enterprise_syncrun"
            " WHERE state <> 'succeeded' ORDER BY id"
        )

    def is_settled(self) -> bool:
        """Nothing is active and the count is up to date.

        Asked in this order: a run that ends in between has left the count behind.
        """
        if self.active_runs():
            return False
        behind = self.rows(
            "SELECT COUNT(*) FROM enterprise_enterprise WHERE counted_version < data_version"
        )
        return bool(behind[0][0] == 0)

    def content(self) -> tuple[list[tuple[Any, ...]], ...]:
        """Everything that was read and counted, to be compared with another console's."""
        return (
            sorted(
                self.rows(
                    "SELECT host_name, user_id, a.digest FROM enterprise_serveruseraccount a"
                    " JOIN enterprise_serverinstance i ON i.id = a.instance_id"
                )
            ),
            sorted(self.rows("SELECT key, digest FROM enterprise_cloudaccount")),
            sorted(
                self.rows(
                    "SELECT key, report FROM enterprise_personversion WHERE to_snapshot IS NULL"
                )
            ),
            sorted(
                self.rows(
                    "SELECT account, rule, attribute, value FROM enterprise_membershipversion"
                    " WHERE to_snapshot IS NULL"
                )
            ),
        )


@contextlib.contextmanager
def console(folder: Path, *, code: Path = ROOT, **options: str) -> Iterator[Console]:
    folder.mkdir(exist_ok=True)
    made = Console(folder, code=code, **options)
    try:
        yield made
    finally:
        made.stop()
