"""Believe ``X-Forwarded-For`` and ``X-Forwarded-Proto`` from the listed proxies, nobody else."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from licsync.env import Network

FOR = "HTTP_X_FORWARDED_FOR"
PROTO = "HTTP_X_FORWARDED_PROTO"
_FORWARDED = (FOR, PROTO, "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT", "HTTP_FORWARDED")


def _trusted(address: str, proxies: Sequence[Network]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in proxies)


def client_address(remote: str, forwarded_for: str, proxies: Sequence[Network]) -> str:
    """The nearest address in ``X-Forwarded-For`` that is no proxy of ours.

    Read from the right: what stands left of the first stranger is the stranger's own word. The last
    trusted proxy's address is the answer where no address, or none that can be read, stands before.
    """
    client = remote
    for hop in reversed([part.strip() for part in forwarded_for.split(",")]):
        try:
            ipaddress.ip_address(hop)
        except ValueError:
            return client
        client = hop
        if not _trusted(hop, proxies):
            return client
    return client


class TrustedProxiesMiddleware:
    """Set ``REMOTE_ADDR`` to the client's address, and leave the scheme's header only if believed.

    Django reads the scheme from that header (``SECURE_PROXY_SSL_HEADER``); where a chain of proxies
    wrote several values, the one nearest to us counts.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        proxies = settings.LICSYNC_TRUSTED_PROXIES
        meta = request.META
        forwarded = {name: meta.pop(name, "") for name in _FORWARDED}
        remote = meta.get("REMOTE_ADDR", "")
        if _trusted(remote, proxies):
            meta["REMOTE_ADDR"] = client_address(remote, forwarded[FOR], proxies)
            meta[PROTO] = forwarded[PROTO].rpartition(",")[2].strip().lower()
        return self.get_response(request)
