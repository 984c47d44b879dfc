"""One site of the sandbox: an address on loopback that answers HTTP, with its faults and log."""

from __future__ import annotations

import base64
import binascii
import hashlib
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.faults import Fault, Faults
from sandbox.transport import Reply, Request, damage, error, html, without_answer
from sandbox.world import World

LOOPBACK = "127.0.0.1"


class Asked(NamedTuple):
    """A request that came in, as the log keeps it: without headers and body."""

    method: str
    path: str
    query: str


@dataclass(slots=True)
class Access:
    """What a token may do. ``owner``: its user is an enterprise owner (GHES: a site administrator).

    ``sso_required``: it is not authorized for single sign-on; ``ip_blocked``: it comes from an
    address that the IP allow list lacks.
    """

    scopes: frozenset[str] = field(default_factory=frozenset)
    login: str = "licsync"
    owner: bool = True
    sso_required: bool = False
    ip_blocked: bool = False


class Site:
    """Base of the GHEC site and of each GHES site: listening, tokens, faults, log.

    ``tokens`` maps a token to what it may do; ``token`` is the one that may do everything needed.
    ``latency`` is how many seconds an answer takes at the least. ``requests`` is the log.
    """

    docs = "https://docs.github.com/rest"

    def __init__(self, world: World, *, token: str, access: Access, port: int, latency: float):
        self.world = world
        self.token = token
        self.access = access
        self.tokens = {token: access}
        self.latency = latency
        self.requests: list[Asked] = []
        self.stopping = threading.Event()
        self._listening = threading.Lock()
        self._server: _Server | None = None
        self._started = False
        # The port is taken at once, so that the address is known before the site starts.
        self._server = _Server((LOOPBACK, port), self)
        self.port: int = self._server.server_address[1]
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.faults = Faults(self._follow_faults)

    def start(self) -> None:
        """Listen, in a thread of its own."""
        self._started = True
        self._follow_faults()

    def stop(self) -> None:
        """Stop listening and let go of hanging answers. The site cannot be started again."""
        self._started = False
        self.stopping.set()
        with self._listening:
            self._hang_up()

    def count(self, path: str) -> int:
        """How many requests for this path came in."""
        return sum(asked.path == path for asked in list(self.requests))

    def answer(self, request: Request, fault: Fault | None) -> Reply:
        """The true answer; ``fault`` is one of the content, or None. For the two kinds of site."""
        raise NotImplementedError

    def authorize(self, request: Request) -> Access | Reply | None:
        """What the request's token may do; the reply that refuses a wrong one; None without one."""
        token = token_of(request)
        if token is None:
            return None
        return self.tokens.get(token) or error(401, "Bad credentials", self.docs)

    def respond(self, request: Request, fault: Fault | None) -> Reply:
        """The answer with the fault, if there is one, in it."""
        if request.path == "/login":
            return html()
        if fault:
            reply = without_answer(fault, request, self.url, self.docs)
            if reply:
                return reply
            return damage(fault, self.answer(request, fault))
        return self.answer(request, None)

    def _follow_faults(self) -> None:
        with self._listening:
            if not self._started:
                return
            if self.faults.refused:
                self._hang_up()
                return
            if self._server is None:
                self._server = _Server((LOOPBACK, self.port), self)
            self._server.run()

    def _hang_up(self) -> None:
        if self._server is not None:
            self._server.end()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], site: Site) -> None:
        self.site = site
        self.resetting: set[socket.socket] = set()
        self._thread: threading.Thread | None = None
        super().__init__(address, _Handler)

    def run(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
            )
            self._thread.start()

    def end(self) -> None:
        if self._thread is not None:
            self.shutdown()
        self.server_close()

    def shutdown_request(self, request: Any) -> None:
        """End a connection; one to be reset without the orderly shutdown that would send a FIN."""
        if request in self.resetting:
            self.resetting.discard(request)
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news; anything else shows as a traceback on stderr."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "GitHub.com"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 65536
    server: _Server

    def log_message(self, *_arguments: object) -> None:
        """Nothing: a request may carry what no log should hold."""

    def do_GET(self) -> None:
        site = self.server.site
        due = time.monotonic() + site.latency
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            method=self.command,
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length).decode("utf-8", "replace"),
            query_string=parts.query,
        )
        site.requests.append(Asked(request.method, request.path, request.query_string))
        fault = site.faults.take(request.path, request.query, request.body)
        broken = fault is not None and fault.kind in ("reset", "hang_header")
        reply = None if broken else site.respond(request, fault)
        # What making the answer took counts, or a busy machine would make for a slower GitHub.
        site.stopping.wait(max(0.0, due - time.monotonic()))
        if reply is not None:
            self._send(reply)
        elif fault and fault.kind == "reset":
            self._reset()
        elif fault:
            site.stopping.wait(fault.seconds)
            self.close_connection = True

    do_POST = do_GET  # noqa: N815
    do_HEAD = do_GET  # noqa: N815
    do_PUT = do_GET  # noqa: N815
    do_PATCH = do_GET  # noqa: N815
    do_DELETE = do_GET  # noqa: N815

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.server.resetting.add(self.connection)

    def _send(self, reply: Reply) -> None:
        site = self.server.site
        if site.faults.refused or site.stopping.is_set():
            reply.headers["Connection"] = "close"
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        chunked = reply.stream is not None
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif reply.announced is not None:
            self.send_header("Content-Length", str(reply.announced))
        elif not reply.closes:
            self.send_header("Content-Length", str(len(reply.body)))
        if reply.closes:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        if reply.stream is not None:
            self._chunk(reply.body)
            for part in reply.stream:
                if site.stopping.is_set():
                    self.close_connection = True
                    return
                self._chunk(part)
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.write(reply.body)
        self.wfile.flush()
        if reply.hangs:
            site.stopping.wait(reply.hangs)
        if reply.hangs or reply.closes:
            self.close_connection = True

    def _chunk(self, part: bytes) -> None:
        if part:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))


def token_of(request: Request) -> str | None:
    """The token of an Authorization header: ``Bearer``, ``token``, or the password of ``Basic``.

    None if there is no such header; ``""`` if it cannot be read.
    """
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, rest = header.partition(" ")
    if scheme.lower() in {"bearer", "token"}:
        return rest.strip()
    if scheme.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            return base64.b64decode(rest).decode().partition(":")[2]
    return ""


def with_etag(request: Request, reply: Reply) -> Reply:
    """A 200 with its ETag; 304 without a body if the request names that one."""
    if reply.status != 200:
        return reply
    tag = f'W/"{hashlib.sha256(reply.body).hexdigest()}"'
    reply.headers["ETag"] = tag
    if request.headers.get("if-none-match") == tag:
        return Reply(304, b"", reply.content_type, reply.headers)
    return reply
