"""A receiver of webhooks on loopback: real HTTP, and whatever manners a test wants."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Received(NamedTuple):
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


class Receiver:
    """``answers`` are statuses in turn, the last repeated; ``behave`` is called before answering."""

    def __init__(self, *answers: int, headers: dict[str, str] | None = None) -> None:
        self.answers = list(answers) or [200]
        self.headers = headers or {}
        self.received: list[Received] = []
        self.hang = 0.0
        self.behave: Callable[[Received], None] = lambda _request: None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Received(self.path, headers, self.rfile.read(length))
                receiver.received.append(request)
                receiver.behave(request)
                time.sleep(receiver.hang)
                answers = receiver.answers
                self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?key=of-the-receiver"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiver(*answers: int, headers: dict[str, str] | None = None) -> Iterator[Receiver]:
    made = Receiver(*answers, headers=headers)
    try:
        yield made
    finally:
        made.close()
