"""PostgreSQL and Redis of a test's own, which it may kill and restart without harm to others."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import redis

from tests.system.certificates import Certificate


def free_port() -> int:
    """A port that is free now, and still when a server comes back to it.

    Below those that the system lends to outgoing connections, of which a test makes thousands.
    """
    for port in random.sample(range(15_000, 30_000), 100):
        with socket.socket() as free, contextlib.suppress(OSError):
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def postgres_folder() -> Path | None:
    """Where the server's own programs are; Debian keeps them out of PATH. None if nowhere."""
    found = [shutil.which("initdb"), *map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    return next((Path(path).parent for path in found if path), None)


class Postgres:
    """One PostgreSQL on a free port, in ``folder``. It refuses root, so root runs it as postgres.

    With a certificate it takes TLS only.
    """

    def __init__(self, folder: Path, tls: Certificate | None = None) -> None:
        programs = postgres_folder()
        assert programs is not None, "initdb is not installed"
        self._programs = programs
        self._data = folder / "data"
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "--no-sync")
        self._tls = tls
        if tls is not None:
            if self._user:
                tls.readable_by(self._user)
            (self._data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
        self._log = (folder / "log").open("ab")
        self._server: subprocess.Popen[bytes] | None = None

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            capture_output=True,
            user=self._user,
            cwd="/",
        )

    def start(self) -> None:
        options = {"port": str(self.port), "listen_addresses": "127.0.0.1", "fsync": "off"}
        options |= {"unix_socket_directories": str(self._data), "max_connections": "200"}
        if self._tls is not None:
            options |= {"ssl": "on", "ssl_cert_file": str(self._tls.certificate)}
            options |= {"ssl_key_file": str(self._tls.key)}
        command = [str(self._programs / "postgres"), "-D", str(self._data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self._server = subprocess.Popen(
            command,
            stdout=self._log,
            stderr=self._log,
            user=self._user,
            cwd="/",
            start_new_session=True,
        )
        for _attempt in range(300):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            time.sleep(0.1)
        raise AssertionError(Path(self._log.name).read_text()[-2000:])

    def stop(self) -> None:
        """Stop at once: whoever is connected is cut off, and transactions in hand are lost."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(timeout=60)
            self._server = None

    def restart(self) -> None:
        self.stop()
        self.start()


class Redis:
    """One Redis on a free port that keeps nothing: a restart loses every message.

    With a certificate it takes TLS only.
    """

    def __init__(self, tls: Certificate | None = None) -> None:
        self.port = free_port()
        self._tls = tls
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--save", "", "--dir", "/tmp"]
        more: dict[str, Any] = {}
        if self._tls is None:
            options += ["--port", str(self.port)]
        else:
            options += ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            options += ["--tls-cert-file", str(self._tls.certificate)]
            options += ["--tls-key-file", str(self._tls.key)]
            options += ["--tls-ca-cert-file", str(self._tls.authority)]
            more = {"ssl": True, "ssl_cert_reqs": "none"}  # only whether it is there
        self._server = subprocess.Popen(
            ["redis-server", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with redis.Redis(port=self.port, **more) as client:
            for _attempt in range(100):
                with contextlib.suppress(redis.RedisError):
                    client.ping()
                    return
                time.sleep(0.1)
        raise AssertionError("Redis did not start")

    def stop(self) -> None:
        """kill -9."""
        if self._server is not None:
            self._server.kill()
            self._server.wait(timeout=60)
            self._server = None

    def restart(self) -> None:
        self.stop()
        self.start()


@contextlib.contextmanager
def private_servers() -> Iterator[tuple[Postgres, Redis]]:
    """Both, started, and gone afterwards."""
    # Not below pytest's folders, which it closes to every other user time and again.
    with tempfile.TemporaryDirectory(prefix="licsync-postgres-") as folder:
        postgres, broker = Postgres(Path(folder)), Redis()
        try:
            postgres.start()
            broker.start()
            yield postgres, broker
        finally:
            broker.stop()
            postgres.stop()
