"""TLS to PostgreSQL and Redis, by the addresses that docs/operations.md gives: verified, or refused."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import SERVICES_REQUIRED
from tests.system.certificates import Certificate, certificate
from tests.system.console import Console, console
from tests.system.servers import Postgres, Redis, postgres_folder

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.redis]

if postgres_folder() is None and not SERVICES_REQUIRED:
    pytest.skip("PostgreSQL's server programs are not installed", allow_module_level=True)


class Servers(NamedTuple):
    postgres: Postgres
    redis: Redis
    authority: Path
    other_authority: Path

    def database(self, authority: Path | None = None, mode: str = "verify-full") -> str:
        return f"{self.postgres.url}?sslmode={mode}&sslrootcert={authority or self.authority}"

    def broker(self, authority: Path | None = None) -> str:
        query = f"ssl_cert_reqs=required&ssl_ca_certs={authority or self.authority}"
        return f"rediss://127.0.0.1:{self.redis.port}/0?{query}"


def _started(folder: Path, made: Certificate) -> Iterator[Servers]:
    postgres, redis = Postgres(folder, made), Redis(made)
    try:
        postgres.start()
        redis.start()
        other = certificate(folder / "other")
        yield Servers(postgres, redis, made.authority, other.authority)
    finally:
        redis.stop()
        postgres.stop()


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    # Not below pytest's folders, which it closes to every other user time and again.
    with tempfile.TemporaryDirectory(prefix="licsync-tls-") as folder:
        Path(folder).chmod(0o755)
        yield from _started(Path(folder), certificate(Path(folder) / "tls"))


@pytest.fixture(scope="module")
def for_another_host() -> Iterator[Servers]:
    with tempfile.TemporaryDirectory(prefix="licsync-tls-") as folder:
        Path(folder).chmod(0o755)
        made = certificate(Path(folder) / "tls", host="elsewhere.example.com")
        yield from _started(Path(folder), made)


def said_of(made: Console, command: str, *arguments: str) -> str:
    done = made.manage(command, *arguments, check=False)
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


def test_the_whole_console_runs_over_verified_tls(servers: Servers, tmp_path: Path) -> None:
    addresses = {"database": servers.database(), "broker": servers.broker()}
    with console(tmp_path / "console", **addresses) as made:
        made.manage("migrate", "--verbosity", "0")
        made.start_worker()
        made.start_beat()
        made.start_web()
        ready = made.wait(lambda: made.answers("/readyz"), seconds=60)
        logs = "".join(path.read_text()[-2000:] for path in (tmp_path / "console").glob("*.log"))
        assert ready, logs
        query = (
            "SELECT count(*), bool_and(ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)"
        )
        count, encrypted = made.rows(f"{query} WHERE a.datname = 'postgres'")[0]
        assert count >= 3
        assert encrypted


def test_a_database_of_another_authority_is_refused(servers: Servers, tmp_path: Path) -> None:
    address = servers.database(servers.other_authority)
    with console(tmp_path / "console", database=address) as made:
        assert "certificate verify failed" in said_of(made, "migrate")


def test_a_database_without_tls_is_not_talked_to(servers: Servers, tmp_path: Path) -> None:
    with console(tmp_path / "console", database=servers.database(mode="disable")) as made:
        assert "no pg_hba.conf entry" in said_of(made, "migrate")


def test_a_broker_and_cache_of_another_authority_are_refused(
    servers: Servers, tmp_path: Path
) -> None:
    address = servers.broker(servers.other_authority)
    with console(tmp_path / "console", database=servers.database(), broker=address) as made:
        made.manage("migrate", "--verbosity", "0")
        made.start_web()
        assert not made.answers("/readyz")
        assert "certificate verify failed" in (tmp_path / "console/web.log").read_text()
        assert "certificate verify failed" in said_of(made, "shell", "-c", CACHE)


def test_a_certificate_for_another_host_is_refused(
    for_another_host: Servers, tmp_path: Path
) -> None:
    servers = for_another_host
    with console(tmp_path / "console", database=servers.database()) as made:
        assert "does not match host name" in said_of(made, "migrate")
    addresses = {"database": servers.database(mode="verify-ca"), "broker": servers.broker()}
    with console(tmp_path / "other", **addresses) as made:
        made.manage("migrate", "--verbosity", "0")
        assert "certificate verify failed" in said_of(made, "shell", "-c", CACHE)
        assert "certificate verify failed" in said_of(made, "shell", "-c", BROKER)


CACHE = "from django.core.cache import cache; cache.get('x')"
BROKER = """
from licsync.celery import app
with app.connection_for_write() as broker: broker.ensure_connection(max_retries=1, timeout=3)
"""
