from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from licsync import addresses

BASE = Path("/base")


def test_a_public_https_address_keeps_host_and_port():
    public = addresses.public_address("X", "https://licsync.example.com:8443/")
    assert public == ("https://licsync.example.com:8443", "licsync.example.com", True, False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1.2.3"])
def test_plain_http_is_taken_for_loopback(host):
    public = addresses.public_address("X", f"http://{host}:8000")
    assert (public.host, public.secure, public.loopback) == (host, False, True)


@pytest.mark.parametrize(
    "url",
    [
        "http://licsync.example.com",
        "http://localhost.example.com",
        "ftp://127.0.0.1",
        "licsync.example.com",
        "https://",
        "https://licsync.example.com/path",
        "https://licsync.example.com?x=1",
        "https://me:pw@licsync.example.com",
        "https://licsync.example.com:port",
        "https://[::1",
    ],
)
def test_an_address_that_cannot_serve_is_refused(url):
    with pytest.raises(ImproperlyConfigured, match=r"^X: "):
        addresses.public_address("X", url)


def test_sqlite_waits_writes_ahead_and_locks_when_a_transaction_begins():
    found = addresses.database("X", "sqlite:///data/my%20file.db", base=BASE)
    assert found["NAME"] == "/base/data/my file.db"
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode = WAL" in found["OPTIONS"]["init_command"]


def test_four_slashes_name_an_absolute_path():
    assert addresses.database("X", "sqlite:////srv/x.db", base=BASE)["NAME"] == "/srv/x.db"


def test_a_postgres_address_is_taken_apart():
    found = addresses.database(
        "X", "postgres://me:p%40ss@db.example.com:6432/licsync?sslmode=require", base=BASE
    )
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["USER"], found["PASSWORD"]) == ("me", "p@ss")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example.com", "6432", "licsync")
    assert found["OPTIONS"]["sslmode"] == "require"
    assert "pool" in found["OPTIONS"]


def test_a_socket_folder_is_the_host():
    found = addresses.database("X", "postgres://me@/licsync?host=/run/postgresql", base=BASE)
    assert found["HOST"] == "/run/postgresql"
    assert "host" not in found["OPTIONS"]


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me@host/x",
        "postgres://host",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://host/x",
        "postgres://me@host:port/x",
    ],
)
def test_a_database_that_cannot_be_used_is_refused(url):
    with pytest.raises(ImproperlyConfigured, match=r"^X: "):
        addresses.database("X", url, base=BASE)


def test_mail_goes_over_tls_as_the_address_says():
    found = addresses.email("X", "smtp+tls://me%40example.com:pw@mail.example.com")
    assert found["EMAIL_HOST_USER"] == "me@example.com"
    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (
        587,
        True,
        False,
    )
    assert addresses.email("X", "smtps://mail.example.com:4650")["EMAIL_PORT"] == 4650


def test_an_unknown_mail_scheme_is_refused():
    with pytest.raises(ImproperlyConfigured, match=r"^X: must be smtp"):
        addresses.email("X", "pop3://mail.example.com")
