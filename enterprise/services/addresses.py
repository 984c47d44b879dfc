"""Checking the addresses that an owner enters, before anything connects to them.

The connection itself is guarded again when it is made (``sources.http``), since names may resolve
to something else by then.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from django.conf import settings

from enterprise.faults import Refused

_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\Z"
)


def host_name_checked(text: str) -> str:
    """A host name in lower case, as in ``HOST:ID``. Raises Refused ``bad_host_name``."""
    host = text.strip().lower().rstrip(".")
    if not _HOST.match(host):
        raise Refused("bad_host_name", field="host_name", value=text[:100])
    return host


def address_checked(text: str, *, field: str, plain_http_confirmed: bool = True) -> str:
    """``scheme://host[:port]`` without a path, in lower case.

    Raises Refused: ``bad_address`` if it is none, has credentials, a path or a query;
    ``loopback_address`` unless the installation allows it; ``link_local_address``;
    ``plain_http_unconfirmed`` for http without the owner's explicit word.
    """
    text = text.strip().rstrip("/")
    # What is shown again must not hold a password.
    bad = Refused("bad_address", field=field, value=text.rpartition("@")[2][:100])
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise bad from None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise bad
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise bad
    if _ip(host) is None and not _HOST.match(host):
        raise bad
    _refuse_special(host, field)
    if parts.scheme == "http" and not plain_http_confirmed and not _is_loopback(host):
        raise Refused("plain_http_unconfirmed", field=field, host=host)
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def _is_loopback(host: str) -> bool:
    address = _ip(host)
    if address is not None:
        return address.is_loopback
    return host == "localhost" or host.endswith(".localhost")


def _refuse_special(host: str, field: str) -> None:
    if _is_loopback(host) and not settings.LICSYNC_ALLOW_LOOPBACK:
        raise Refused("loopback_address", field=field, host=host)
    address = _ip(host)
    if address is not None and (
        address.is_link_local or address.is_multicast or address.is_unspecified
    ):
        raise Refused("link_local_address", field=field, host=host)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
