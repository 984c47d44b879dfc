"""System checks of the settings together; a single wrong variable is refused where it is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's name

from licsync import env

_OF_THE_TESTS = ("LICSYNC_TEST_", "LICSYNC_REQUIRE_SERVICES")


@register
def data_folder_is_closed(**_: Any) -> Iterator[CheckMessage]:
    """licsync.E001: the keys and data of the embedded mode are their owner's alone."""
    if not settings.LICSYNC_EMBEDDED:
        return
    folder = settings.LICSYNC_VAR_DIR
    if folder.stat().st_mode & 0o007:  # it was there before, and holds the database too
        yield Error(
            "Other users of this machine may look into the data folder.",
            hint=f"chmod 700 {folder}",
            id="licsync.E001",
        )
    for path in (folder / "secret_key", folder / "credential_keys"):
        if path.exists() and path.stat().st_mode & 0o077:
            yield Error(
                f"Other users of this machine may read {path.name} in the data folder.",
                hint=f"chmod 600 {path}; if others may have read it, make a new key.",
                id="licsync.E001",
            )


@register
def tls_has_a_proxy(**_: Any) -> Iterator[CheckMessage]:
    """licsync.W001: without a believed proxy, https in the public address redirects for ever."""
    if settings.SECURE_SSL_REDIRECT and not settings.LICSYNC_TRUSTED_PROXIES:
        yield Warning(
            "LICSYNC_PUBLIC_URL begins with https://, but no proxy is trusted to say so.",
            hint="Set LICSYNC_TRUSTED_PROXIES to the address of the proxy that ends TLS.",
            id="licsync.W001",
        )


@register
def no_variable_is_misspelled(**_: Any) -> Iterator[CheckMessage]:
    """licsync.W002: a misspelled variable would silently leave a default in force."""
    for name in sorted(os.environ):
        ours = name.startswith("LICSYNC_") and not name.startswith(_OF_THE_TESTS)
        if ours and name not in env.known_names:
            yield Warning(
                f"The environment variable {name} is not one of ours.",
                hint="Correct its name (docs/configuration.md) or remove it.",
                id="licsync.W002",
            )


@register
def a_slow_answer_keeps_the_lease(**_: Any) -> Iterator[CheckMessage]:
    """licsync.W003: a run that waits for one answer must not look like one whose worker died."""
    if settings.LICSYNC_LEASE_SECONDS <= settings.LICSYNC_HTTP_TIMEOUT_SECONDS:
        yield Warning(
            "LICSYNC_LEASE_SECONDS is not longer than LICSYNC_HTTP_TIMEOUT_SECONDS.",
            hint="Make the lease longer, or a slow answer lets a second worker begin again.",
            id="licsync.W003",
        )


@register
def several_machines_share_a_database(**_: Any) -> Iterator[CheckMessage]:
    """licsync.W004: a SQLite file is for one machine."""
    sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if sqlite and not settings.LICSYNC_EMBEDDED:
        yield Warning(
            "A broker for several machines is set, but the database is a SQLite file.",
            hint="Set DATABASE_URL to postgres://…, or keep every process on this machine.",
            id="licsync.W004",
        )


@register
def static_files_are_built(**_: Any) -> Iterator[CheckMessage]:
    """licsync.W006: without the manifest, every page fails."""
    backend = settings.STORAGES["staticfiles"]["BACKEND"]
    if "Manifest" in backend and not (settings.STATIC_ROOT / "staticfiles.json").exists():
        yield Warning(
            "The static files are not built; pages cannot be shown.",
            hint="Run make install.",
            id="licsync.W006",
        )


@register(deploy=True)
def loopback_is_for_trying(**_: Any) -> Iterator[CheckMessage]:
    """licsync.W005: the outbound guard's exception is for the sandbox and the tests."""
    if settings.LICSYNC_ALLOW_LOOPBACK:
        yield Warning(
            "LICSYNC_ALLOW_LOOPBACK lets owners point the console at services of this machine.",
            hint="Unset it outside of the demo and tests.",
            id="licsync.W005",
        )
