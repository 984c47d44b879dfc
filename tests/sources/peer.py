"""A server on loopback that answers exactly the bytes it is told to, as slowly as it is told to."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import orjson

from enterprise.sources.http import Client

Script = Callable[[socket.socket], None]
Answer = bytes | Script


def reply(
    status: int = 200,
    body: bytes = b"",
    *,
    kind: str = "application/json",
    length: int | None = -1,
    **headers: str,
) -> bytes:
    """One HTTP answer; ``length`` is the Content-Length stated, None for none."""
    lines = [f"HTTP/1.1 {status} Some Words", f"Content-Type: {kind}"]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length < 0 else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def json_reply(data: Any, status: int = 200, **headers: str) -> bytes:
    return reply(status, orjson.dumps(data), **headers)


def trickle(*parts: bytes, every: float) -> Script:
    """Send the parts with a pause before each but the first."""

    def send(connection: socket.socket) -> None:
        for number, part in enumerate(parts):
            if number:
                time.sleep(every)
            connection.sendall(part)

    return send


class Peer:
    """Answers the requests in turn; the last answer is repeated. ``requests`` keeps them as text."""

    def __init__(self, *answers: Answer, context: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers)
        self.requests: list[str] = []
        self._context = context
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        # Without the shutdown, accept() would keep the port listening.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            text = b""
            while b"\r\n\r\n" not in text:
                more = connection.recv(65536)
                if not more:
                    return
                text += more
            with self._lock:
                self.requests.append(text.decode())
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if callable(answer):
                answer(connection)
            else:
                connection.sendall(answer)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):  # let the other side read before the reset
                    pass


class Naps:
    """A clock that only sleeping moves; ``slept`` sums it up."""

    def __init__(self) -> None:
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def clock(self) -> float:
        return self.slept


TOKEN = "ghp_0123456789secret"
SECRETS = (TOKEN, "mona@example.com", "secret-path", "Basic ", "Bearer ")


def client_of(peer: Peer, naps: Naps | None = None, **options: Any) -> Client:
    """A client of the peer that may use loopback and does not wait in earnest."""
    naps = naps or Naps()
    defaults: dict[str, Any] = {
        "token": TOKEN,
        "username": "licsync",
        "allow_loopback": True,
        "timeout": 5.0,
        "retry_base": 1.0,
        "sleep": naps.sleep,
        "clock": naps.clock,
    }
    return Client(peer.url, **(defaults | options))


def peers() -> Iterator[Callable[..., Peer]]:
    """Make peers, and close them at the end."""
    made: list[Peer] = []

    def make(*answers: Answer, **options: Any) -> Peer:
        made.append(Peer(*answers, **options))
        return made[-1]

    yield make
    for peer in made:
        peer.close()
