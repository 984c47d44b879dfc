"""One HTTP client for every GitHub that is read: time-outs, retries, size caps, no redirects.

Every trouble becomes a ``Fault``; none of them carries a URL, a body or a credential.
"""

from __future__ import annotations

import base64
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
import urllib3.exceptions

from enterprise.faults import Fault
from enterprise.outbound import (
    Guard,
    GuardedAdapter,
    check_address,
    origin_of,
    session_of,
    tls_context,
)
from enterprise.outbound_faults import fault_of_error
from enterprise.sources.bodies import Reply
from enterprise.sources.troubles import fault_of, media_type

T = TypeVar("T")

LONGEST_PAUSE = 60.0
EXPIRY_HEADER = "github-authentication-token-expiration"
JSON_BYTES = 64 * 2**20
JSON_SECONDS = 300.0
_random = random.SystemRandom()


def page_sizes() -> Iterator[int]:
    """Give the page sizes of a first try and its retries: GitHub may fail at making a full page."""
    yield from (100, 100, 50)
    while True:
        yield 25


class Answer(NamedTuple):
    """A JSON answer: its headers (case-insensitive names) and what it says."""

    headers: Mapping[str, str]
    data: Any


class Client:
    """Reads from one GitHub, at ``base_url``, and from no other origin.

    ``token`` goes as a bearer token, or with ``username`` as basic authentication where a request
    asks for it. ``ca_bundle`` is PEM text that is trusted instead of the public authorities,
    ``proxy`` an ``http://`` URL. ``timeout`` (seconds) holds for the connection, for the whole
    header and for each silence within a body. Plain HTTP is refused unless confirmed or, with
    ``allow_loopback``, on this machine. Transient trouble is tried again up to ``retries`` times,
    ``retry_base`` (seconds) being the first step of the back-off. ``cancelled`` is called often, in
    the thread that made the client, and stops everything by raising.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "",
        username: str = "",
        ca_bundle: str = "",
        proxy: str = "",
        timeout: float = 30.0,
        allow_loopback: bool = False,
        plain_http_confirmed: bool = False,
        retry_base: float = 5.0,
        retries: int = 3,
        connections: int = 8,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        cancelled: Callable[[], None] = lambda: None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.host, self._port, secure = check_address(self.base_url)
        self.retry_base = retry_base
        self.retries = retries
        self.clock = clock
        self._sleep = sleep
        self._cancelled = cancelled
        self._owner = threading.get_ident()
        self._timeout = timeout
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise Fault("bad_token")  # it would break out of its header
        if ":" in username or not username.isprintable():
            raise Fault("bad_server_username")
        self._token = token
        self._username = username
        self._proxied = bool(proxy)
        self._target_guard = Guard(allow_loopback, not (secure or plain_http_confirmed))
        guard = Guard(allow_loopback) if proxy else self._target_guard
        # Loading the authorities takes longer than a request, and plain HTTP needs none.
        context = tls_context(ca_bundle) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.token_ends: str | None = None  # as GitHub tells it with an answer, "" for never
        self._session = session_of(guard, context, connections)
        if proxy:
            if urlsplit(proxy).scheme != "http" or not urlsplit(proxy).hostname:
                raise Fault("bad_proxy")
            self._session.proxies = {"http": proxy, "https": proxy}

    def close(self) -> None:
        self._session.close()

    def peer(self) -> tuple[str | None, str | None]:
        """When the other side's certificate ends (as TLS writes it), and what time it says it is.

        None for what it does not tell. Sends no token; the status does not matter. Raises Fault.
        """
        response = self._send("GET", f"{self.base_url}/", {"User-Agent": "licsync"}, None)
        try:
            sock = getattr(getattr(response.raw, "connection", None), "sock", None)
            told = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
            return str(told["notAfter"]) if told else None, response.headers.get("date")
        finally:
            response.close()

    @property
    def certificate_ends(self) -> float | None:
        """The end, in Unix time, of the certificate that the server last showed."""
        adapter = self._session.get_adapter("https://")
        return adapter.certificate_ends if isinstance(adapter, GuardedAdapter) else None

    # --- Waiting -------------------------------------------------------------------------------

    def checkpoint(self) -> None:
        """Let the owner of the client stop: calls ``cancelled``, but never from a helper thread."""
        if threading.get_ident() == self._owner:
            self._cancelled()

    def pause(self, seconds: float) -> None:
        """Sleep in short slices, so that a cancelled run does not wait."""
        while seconds > 0:
            self.checkpoint()
            self._sleep(min(seconds, 1.0))
            seconds -= 1.0
        self.checkpoint()

    def patiently(self, action: Callable[[], T]) -> T:
        """Run an action; where trying again can help, wait and try up to ``retries`` times more."""
        for attempt in range(self.retries + 1):
            self.checkpoint()
            try:
                return action()
            except Fault as caught:
                fault = caught
            if not fault.retry or attempt == self.retries:
                break
            self.wait_out(fault, attempt)
        raise fault

    def wait_out(self, fault: Fault, attempt: int = 0) -> None:
        """Wait as long as the server asked for, else with back-off and jitter.

        A longer wait than a minute is left to the caller: the Fault is raised with its ``after``.
        """
        wait = fault.after
        if wait is None:
            wait = self.retry_base * 2**attempt * _random.uniform(0.75, 1.25)
        if wait > LONGEST_PAUSE:
            raise fault
        self.pause(wait)

    # --- Asking --------------------------------------------------------------------------------

    def get_json(self, url: str, *, needs: str = "") -> Answer:
        """GET a JSON answer, trying again where that can help.

        ``url`` is a path below the base, or an absolute URL of the same origin. ``needs`` names the
        scopes of which the token needs one, for the sentence where GitHub's reply does not.
        """
        return self.patiently(lambda: self.get_json_once(url, needs=needs))

    def get_json_once(self, url: str, *, needs: str = "") -> Answer:
        """As ``get_json``, without a second try; may be called from several threads."""
        return self._json("GET", url, None, needs)

    def post_json_once(self, url: str, body: Any, *, needs: str = "") -> Answer:
        """POST JSON and give the JSON answer, without a second try."""
        return self._json("POST", url, orjson.dumps(body), needs)

    def _json(self, method: str, url: str, body: bytes | None, needs: str) -> Answer:
        with self.stream(
            method, url, accept="application/vnd.github+json", body=body, needs=needs
        ) as reply:
            kind = media_type(reply.headers)
            if kind == "text/html":
                raise Fault("sign_in_page")
            if not kind.endswith(("/json", "+json")):
                raise Fault("unexpected_content_type", content_type=kind)
            content = b"".join(reply.chunks(limit=JSON_BYTES, seconds=JSON_SECONDS))
        data, readable = None, True
        try:
            data = orjson.loads(content)
        except orjson.JSONDecodeError:
            readable = False
        if not readable:
            raise Fault("not_json")
        return Answer(reply.headers, data)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        accept: str,
        body: bytes | None = None,
        basic: bool = False,
        wanted: tuple[int, ...] = (200,),
        needs: str = "",
    ) -> Iterator[Reply]:
        """Send one request and give its reply, whose body can be read once, while inside.

        Any other status than those ``wanted`` is raised as the Fault that it means.
        """
        response = self._send(method, self._absolute(url), self._headers(accept, basic, body), body)
        try:
            reply = Reply(response, self.checkpoint)
            if response.status_code not in wanted:
                raise fault_of(
                    response.status_code,
                    response.headers,
                    reply.message(),
                    needs=needs,
                    now=time.time(),
                )
            yield reply
        finally:
            response.close()

    def same_origin(self, url: str) -> bool:
        """Whether a URL leads to where the credentials belong: same scheme, host and port."""
        return origin_of(url) == origin_of(self.base_url)

    def _absolute(self, url: str) -> str:
        if url.startswith("/"):
            return self.base_url + url
        if not self.same_origin(url):
            raise Fault("foreign_link")
        return url

    def _headers(self, accept: str, basic: bool, body: bytes | None) -> dict[str, str]:
        headers = {
            "Accept": accept,
            "Accept-Encoding": "gzip",
            "User-Agent": "licsync",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        if basic:
            pair = f"{self._username}:{self._token}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        elif self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> requests.Response:
        if self._proxied:
            self._admit_behind_proxy()
        try:
            response = self._session.request(
                method,
                url,
                headers=headers,
                data=body,
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            fault = fault_of_error(error, self.host)
        else:
            if response.status_code < 300 and "Authorization" in headers:
                self.token_ends = response.headers.get(EXPIRY_HEADER, "")
            return response
        raise fault  # outside of the handler: the original error quotes the URL

    def _admit_behind_proxy(self) -> None:
        """Refuse what the proxy must not be asked for; a name that only the proxy knows passes."""
        try:
            self._target_guard.addresses(self.host, self._port)
        except Fault as fault:
            unknown_here = fault.code in ("host_not_found", "connection_failed")
            if not unknown_here or self._target_guard.loopback_only:
                raise
