"""The addresses that settings take: our own public one, the database, the mail server."""

from __future__ import annotations

import ipaddress
from email.utils import parseaddr
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from licsync.env import refused

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class PublicAddress(NamedTuple):
    """Where browsers find the console. ``host`` has no port, and brackets around an IPv6."""

    origin: str
    host: str
    secure: bool
    loopback: bool


def _split(name: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is not a number
    except ValueError as error:
        raise refused(name, "is not an address.") from error
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address, brackets allowed, is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def public_address(name: str, url: str) -> PublicAddress:
    """Read ``https://HOST[:PORT]``; ``http`` is taken for loopback only."""
    parts = _split(name, url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise refused(name, "must be https://HOST or https://HOST:PORT.")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise refused(name, "must end after the host and port; the console serves from the root.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    loopback = is_loopback(host)
    if parts.scheme == "http" and not loopback:
        raise refused(name, "must begin with https://; plain http is for loopback addresses only.")
    port = f":{parts.port}" if parts.port else ""
    return PublicAddress(f"{parts.scheme}://{host}{port}", host, parts.scheme == "https", loopback)


def database(name: str, url: str, *, base: Path) -> dict[str, Any]:
    """Django's settings for ``sqlite:///PATH`` (relative to ``base``) or ``postgres://…``.

    SQLite waits for a lock instead of failing, writes ahead, and takes the write lock when a
    transaction begins, so that none fails when it first writes. PostgreSQL uses a pool, of which a
    connection is tried before it is used: else each would fail once after a restart of the server. What
    stands after the question mark is passed to libpq.
    """
    parts = _split(name, url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path.removeprefix("/"))
        if parts.netloc or not path or path == ":memory:":
            raise refused(name, "must be sqlite:///PATH of a file; several processes share it.")
        return sqlite(base / path)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise refused(name, "must be sqlite:///PATH or postgres://USER:PASSWORD@HOST:PORT/NAME.")
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 10, "timeout": 15}, **options},
    }


def sqlite(path: Path) -> dict[str, Any]:
    """Django's settings for a SQLite file that several processes read and write."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "timeout": 30,  # seconds to wait for another writer
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode = WAL;"
                "PRAGMA synchronous = NORMAL;"
                "PRAGMA temp_store = MEMORY;"
                "PRAGMA cache_size = -65536;"  # KiB
                "PRAGMA journal_size_limit = 67108864;"  # bytes
            ),
        },
    }


def email(name: str, url: str) -> dict[str, Any]:
    """Django's EMAIL_* settings for ``console:``, ``smtp://``, ``smtp+tls://`` or ``smtps://``."""
    parts = _split(name, url)
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
    if parts.scheme not in ports or not parts.hostname:
        raise refused(
            name,
            "must be smtp+tls://USER:PASSWORD@HOST:PORT (STARTTLS), smtps://… (TLS), "
            "smtp://… (a relay on this machine or network), or console:.",
        )
    return {
        "EMAIL_BACKEND": "licsync.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or ports[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 60,  # for each answer; licsync.smtp limits them all
    }


def sender(name: str, value: str) -> str:
    """The sender of e-mails: an address, or ``Name <address>``."""
    _label, address = parseaddr(value)
    if not value.isprintable() or address.count("@") != 1 or " " in address:
        raise refused(name, "must be an e-mail address, or a name and <address>.")
    return value
