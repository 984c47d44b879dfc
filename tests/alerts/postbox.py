"""An SMTP server on loopback that keeps what it takes, or refuses as it is told."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage


class Postbox:
    """``refusal`` is the answer to RCPT, such as ``550 no such person``; "" takes everybody.

    ``trickles_at`` is the verb that is answered a line every moment, for ten seconds.
    """

    def __init__(self) -> None:
        self.refusal = ""
        self.trickles_at = ""
        self.letters: list[EmailMessage] = []
        self.recipients: list[str] = []
        postbox = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

            def handle(self) -> None:
                with suppress(OSError):  # whom it keeps waiting may hang up
                    self.converse()

            def converse(self) -> None:
                self.say("220 postbox")
                while line := self.rfile.readline().decode().strip():
                    verb = line[:4].upper()
                    if verb == postbox.trickles_at:
                        for _ in range(100):
                            self.say("250-wait")
                            time.sleep(0.1)
                    if verb in ("EHLO", "HELO", "MAIL", "RSET"):
                        self.say("250 postbox")
                    elif verb == "RCPT":
                        postbox.recipients.append(line.partition("<")[2].partition(">")[0])
                        self.say(postbox.refusal or "250 taken")
                    elif verb == "DATA":
                        self.say("354 go on")
                        self.take()
                        self.say("250 kept")
                    elif verb == "QUIT":
                        self.say("221 bye")
                        return

            def take(self) -> None:
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line.removeprefix(b"."))
                parsed = message_from_bytes(b"".join(lines), policy=policy.default)
                assert isinstance(parsed, EmailMessage)
                postbox.letters.append(parsed)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def postbox() -> Iterator[Postbox]:
    made = Postbox()
    try:
        yield made
    finally:
        made.close()
