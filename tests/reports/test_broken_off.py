"""What a client sees of a download that breaks off, through the web server of production."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from enterprise.models import PersonVersion
from enterprise.services.audit import SYSTEM
from enterprise.services.tokens import token_make
from tests.factories import EnterpriseFactory, MembershipFactory
from tests.reports.ledger import count, member, members

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 3000
NAME = "licsync under test"  # of its connections to PostgreSQL


def database_url() -> str:
    """The address of the tests' own database."""
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{facts['NAME']}"
    person = f"{facts['USER']}:{facts['PASSWORD']}" if facts["PASSWORD"] else facts["USER"]
    return f"postgres://{person}@{facts['HOST']}:{facts['PORT'] or 5432}/{facts['NAME']}"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Where gunicorn serves the console, with the tests' database."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        [
            *[sys.executable, "-m", "gunicorn", "-c", "python:licsync.gunicorn", "licsync.wsgi"],
            *["--bind", f"127.0.0.1:{port}"],
        ],
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "licsync.settings",
            "DATABASE_URL": database_url(),
            "LICSYNC_SECRET_KEY": settings.SECRET_KEY,
            "LICSYNC_VAR_DIR": str(tmp_path),
            "PGAPPNAME": NAME,
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("gunicorn did not start")


@pytest.fixture
def cookie() -> str:
    """The session of an owner of ``acme``, of whom ``ROWS`` persons consume a license."""
    enterprise = EnterpriseFactory(slug="acme")
    count(enterprise, members(ROWS))
    client = Client()
    client.force_login(MembershipFactory(enterprise=enterprise).user)
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


def download(port: int, cookie: str, *, version: int = 11) -> HTTPResponse:
    http = HTTPConnection("127.0.0.1", port, timeout=30)
    http._http_vsn = version
    http._http_vsn_str = "HTTP/1.0" if version == 10 else "HTTP/1.1"
    http.request("GET", "/enterprises/acme/licensing.csv", headers={"Cookie": cookie})
    return http.getresponse()


@pytest.mark.parametrize("version", [10, 11])
def test_a_download_ends_where_the_client_sees_its_end(
    port: int, cookie: str, version: int
) -> None:
    response = download(port, cookie, version=version)
    assert response.status == 200
    assert response.read().count(b"\r\n") == ROWS + 1
    assert (response.headers["Content-Length"] is not None) == (version == 10)


def test_a_download_that_breaks_off_is_seen_by_the_client_and_by_the_reader(
    port: int, cookie: str
) -> None:
    PersonVersion.objects.filter(key="person02500").delete()
    response = download(port, cookie)
    assert response.status == 200
    with pytest.raises(IncompleteRead) as broken:
        response.read()
    assert broken.value.partial.splitlines()[-1].startswith(b"INCOMPLETE: ")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connection to lose")
@pytest.mark.parametrize(
    ("file", "mark"), [("persons.csv", b"INCOMPLETE: "), ("persons.jsonl", b'{"incomplete":true')]
)
def test_a_download_whose_database_goes_away_is_seen_by_both(
    port: int, file: str, mark: bytes
) -> None:
    """The rows are long, so that not all of them fit between the server and a client that waits."""
    enterprise = EnterpriseFactory(slug="acme")
    count(enterprise, [member(f"person{n:05}", name="x" * 8000) for n in range(ROWS)])
    token = token_make(
        enterprise=enterprise, actor=SYSTEM, name="reader", scopes=["read:enterprise"]
    )[1]
    http = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {token}"}
    http.request("GET", f"/api/v1/enterprises/acme/{file}", headers=headers)
    response = http.getresponse()
    assert response.status == 200
    first = response.read(1000)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = %s",
            [NAME],
        )
        assert cursor.fetchone()[0] > 0
    with pytest.raises(IncompleteRead) as broken:
        response.read()
    lines = (first + broken.value.partial).splitlines()
    assert len(lines) < ROWS
    assert lines[-1].startswith(mark)


def test_over_http_1_0_a_download_that_breaks_off_does_not_begin(port: int, cookie: str) -> None:
    PersonVersion.objects.filter(key="person02500").delete()
    assert download(port, cookie, version=10).status == 500
