"""Strict readers of environment variables.

Each variable ``NAME`` may also come from a file, by ``NAME_FILE``. An empty value means "not set",
as docker-compose passes it. A wrong value stops the start with a sentence that names the variable
and how to mend it; the value itself is never repeated, since it may be a secret.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import available_timezones

from django.core.exceptions import ImproperlyConfigured

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Every name that a reader was asked for; a system check tells of LICSYNC_* variables beside them.
known_names: set[str] = set()


def refused(name: str, problem: str) -> ImproperlyConfigured:
    """The error for a variable that cannot be used; ``problem`` says how to mend it."""
    return ImproperlyConfigured(f"{name}: {problem}")


def text(name: str, default: str = "") -> str:
    """The trimmed value of ``name``, or of the file that ``NAME_FILE`` names, or ``default``."""
    known_names.update((name, f"{name}_FILE"))
    value = os.environ.get(name, "").strip()
    path = os.environ.get(f"{name}_FILE", "").strip()
    if not path:
        return value or default
    if value:
        raise refused(name, f"set {name} or {name}_FILE, not both.")
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise refused(f"{name}_FILE", "cannot be read; name a readable UTF-8 file.") from error
    if not value:
        raise refused(f"{name}_FILE", "the file is empty; write the value into it.")
    return value


def required(name: str, hint: str) -> str:
    """As ``text``, but it must be set; ``hint`` says to what."""
    value = text(name)
    if not value:
        raise refused(name, f"must be set (or {name}_FILE): {hint}.")
    return value


def flag(name: str, *, default: bool = False) -> bool:
    """1, true, yes, on or 0, false, no, off, in any case."""
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise refused(name, "must be 1 or 0.")


def number(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number from ``least`` to ``most``."""
    value = text(name)
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise refused(name, f"must be a whole number from {least} to {most}.")
    return int(value)


def seconds(name: str, default: float, *, least: float, most: float) -> float:
    """A time in seconds, decimals allowed, from ``least`` to ``most``."""
    value = text(name)
    if not value:
        return default
    problem = f"must be a number of seconds from {least:g} to {most:g}."
    try:
        parsed = float(value)
    except ValueError as error:
        raise refused(name, problem) from error
    if not least <= parsed <= most:  # also false for "nan"
        raise refused(name, problem)
    return parsed


def items(name: str) -> list[str]:
    """The parts between commas, trimmed, without empty ones."""
    return [part for part in (part.strip() for part in text(name).split(",")) if part]


def networks(name: str) -> Sequence[Network]:
    """IP addresses and networks in CIDR notation, between commas."""
    try:
        return [ipaddress.ip_network(part) for part in items(name)]
    except ValueError as error:
        raise refused(
            name, "must be IP addresses or networks such as 10.0.0.0/8, between commas."
        ) from error


def time_zone(name: str, default: str) -> str:
    """A name of the IANA time zone database."""
    value = text(name, default)
    if value not in available_timezones():
        raise refused(name, "must be a name of the IANA time zone database, such as Europe/Berlin.")
    return value
