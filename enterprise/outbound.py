"""Where a request may go: addresses are checked, and the checked address is what is connected to.

A registered instance is usually on a private network, so private ranges are allowed for it; a
receiver of notifications is on the public internet or on a network that this console's operator
named. What neither lives on (link-local, cloud metadata, multicast, unspecified, reserved) is refused,
loopback unless allowed. TLS still verifies the host name, as only the socket is opened by address.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from http.cookiejar import DefaultCookiePolicy
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError
from urllib3.response import HTTPResponse
from urllib3.util.connection import create_connection

from enterprise.faults import Fault
from licsync.watch import Watch

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Metadata services of clouds that stand outside of the link-local range.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle Cloud
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google Cloud
    )
)
_REFUSED_NETWORKS = (
    ipaddress.ip_network("0.0.0.0/8"),
    ipaddress.ip_network("240.0.0.0/4"),
)
_EMBEDDING_NETWORKS = (
    ipaddress.IPv6Network("::/96"),  # IPv4-compatible
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64
)


class Guard(NamedTuple):
    """Which addresses may be connected to.

    ``loopback_only`` is for plain HTTP that nobody confirmed: a token then stays on this machine.
    ``public_only`` refuses private ranges; ``admitted`` are networks excepted from both.
    """

    allow_loopback: bool = False
    loopback_only: bool = False
    public_only: bool = False
    admitted: Sequence[Network] = ()

    def addresses(self, host: str, port: int) -> list[str]:
        """Resolve a host and give its addresses, or raise a Fault if any of them is refused."""
        error: OSError | None = None
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as caught:
            error = caught if isinstance(caught, OSError) else OSError()
        if error is not None:
            if error.errno == socket.EAI_AGAIN:
                raise Fault("connection_failed", retry=True, host=host)
            raise Fault("host_not_found", host=host)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            self._check(ipaddress.ip_address(address.partition("%")[0]), host)
        return addresses

    def _check(self, address: Address, host: str) -> None:
        address = _plain(address)
        if address.is_loopback:
            if not self.allow_loopback:
                raise Fault("address_refused", host=host)
            return
        admitted = any(address in network for network in self.admitted)
        if self.loopback_only and not admitted:
            raise Fault("plain_http_refused", host=host)
        if (
            address.is_link_local
            or address.is_multicast
            or address.is_unspecified
            or address in _METADATA
            or any(address in network for network in _REFUSED_NETWORKS)
        ):
            raise Fault("address_refused", host=host)
        if self.public_only and not admitted and leads_inside(address):
            raise Fault("private_address_refused", host=host)


def leads_inside(address: Address) -> bool:
    """Whether an address is not one of the public internet.

    Python's own list lacks what leads to an IPv4 address in a way of one network's own: local NAT64
    (RFC 8215) and translated IPv4 lie in a reserved range.
    """
    if not address.is_global or address.is_reserved:
        return True
    return isinstance(address, ipaddress.IPv6Address) and address.is_site_local


def _plain(address: Address) -> Address:
    """Give the IPv4 address that an IPv6 address leads to, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour or address
    if address.is_loopback or address.is_unspecified:
        return address
    if any(address in network for network in _EMBEDDING_NETWORKS):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


class _GuardedHTTP(HTTPConnection):
    guard: ClassVar[Guard]

    def _new_conn(self) -> socket.socket:
        trouble: OSError = OSError("no address")
        for address in self.guard.addresses(self._dns_host, self.port):
            try:
                return create_connection(
                    (address, self.port),
                    self.timeout,
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except OSError as caught:
                trouble = caught
        if isinstance(trouble, TimeoutError):
            raise ConnectTimeoutError(self, "timed out")
        raise NewConnectionError(self, "failed")

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        seconds = self.timeout if isinstance(self.timeout, int | float) else 60.0
        sock = self.sock

        def cut() -> None:
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

        with Watch(seconds, cut) as watch:
            try:
                response = super().getresponse()
            except Exception:
                if not watch.fired:
                    raise
        if watch.fired:
            raise ReadTimeoutError(None, None, "the header took too long")  # type: ignore[arg-type]
        return response


class _GuardedHTTPS(_GuardedHTTP, HTTPSConnection):
    certificate_seen: ClassVar[Callable[[float], None]]

    def connect(self) -> None:
        super().connect()
        certificate = self.sock.getpeercert() if isinstance(self.sock, ssl.SSLSocket) else None
        ends = (certificate or {}).get("notAfter")
        if isinstance(ends, str):
            type(self).certificate_seen(ssl.cert_time_to_seconds(ends))


class GuardedAdapter(HTTPAdapter):
    """A requests adapter whose every connection passes the guard; its TLS trusts ``context``.

    ``certificate_ends`` is the end, in Unix time, of the certificate that the other side last showed.
    """

    def __init__(self, guard: Guard, context: ssl.SSLContext, connections: int = 1) -> None:
        self.certificate_ends: float | None = None
        seen = staticmethod(self._certificate_seen)
        http = type("_HTTP", (_GuardedHTTP,), {"guard": guard})
        https = type("_HTTPS", (_GuardedHTTPS,), {"guard": guard, "certificate_seen": seen})
        self._context = context
        self._pools = {
            "http": type("_HTTPPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
            "https": type("_HTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
        }
        super().__init__(pool_connections=2, pool_maxsize=connections, max_retries=0)

    def _certificate_seen(self, ends: float) -> None:
        self.certificate_ends = ends

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        # The context already holds what is trusted; requests would add the public authorities.
        conn.cert_reqs = "CERT_REQUIRED"


def session_of(guard: Guard, context: ssl.SSLContext, connections: int = 1) -> requests.Session:
    """A session whose every connection passes the guard; no environment, no cookies, no redirects."""
    session = _Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount("https://", GuardedAdapter(guard, context, connections))
    session.mount("http://", GuardedAdapter(guard, context, connections))
    return session


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        # requests reads the whole body of a redirect, however large, even if it is not followed.
        return None


def tls_context(ca_bundle: str) -> ssl.SSLContext:
    """Make the TLS context: the given PEM certificates alone, or else the public authorities.

    A given certificate is trusted as it stands, be it a root, an intermediate or the server's own,
    and need not carry every extension that RFC 5280 asks of public ones.
    """
    if not ca_bundle.strip():
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
        return context
    usable = True
    try:
        context = ssl.create_default_context(cadata=ca_bundle)
    except (ssl.SSLError, ValueError, TypeError):  # the last for what is not ASCII
        usable = False
    if not usable:
        raise Fault("bad_ca_bundle")
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def check_address(url: str) -> tuple[str, int, bool]:
    """Give host, port and whether it is TLS, or raise Fault ``bad_address``."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.username is not None
        or parts.query
        or parts.fragment
    ):
        raise Fault("bad_address", value=parts.hostname or "")
    secure = parts.scheme == "https"
    return parts.hostname, port or (443 if secure else 80), secure


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Give scheme, host and port of a URL, None if it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", port
