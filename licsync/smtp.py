"""E-mail by SMTP, in sessions that end however slowly the server answers."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

from licsync.watch import Watch

# A server may look at a letter for a while before it takes it: who hangs up sooner sends it again.
SESSION_SECONDS = 120.0


class EmailBackend(smtp.EmailBackend):
    """Django's own, which waits for as long as each byte comes in time; this one hangs up."""

    _session: smtplib.SMTP | None = None

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self._watch = Watch(SESSION_SECONDS, self._cut)
        with self._watch:
            return super().send_messages(email_messages)

    def _cut(self) -> None:
        if self._session is not None and self._session.sock is not None:
            socket.socket.shutdown(self._session.sock, socket.SHUT_RDWR)

    @property
    def connection_class(self) -> Callable[..., smtplib.SMTP]:  # type: ignore[override]
        return partial(_TLSSession if self.use_ssl else _Session, self._watch, self._begun)

    def _begun(self, session: smtplib.SMTP) -> None:
        self._session = session


class _Session(smtplib.SMTP):
    def __init__(
        self, watch: Watch, begun: Callable[[smtplib.SMTP], None], *args: Any, **options: Any
    ) -> None:
        self._watch = watch
        begun(self)  # before it connects, which may take the longest
        super().__init__(*args, **options)

    def getreply(self) -> tuple[int, bytes]:
        if self._watch.fired:  # maybe while no socket was there to be cut
            self.close()
            raise smtplib.SMTPServerDisconnected
        return super().getreply()


class _TLSSession(_Session, smtplib.SMTP_SSL):
    """From the first byte on."""
