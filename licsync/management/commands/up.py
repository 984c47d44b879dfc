"""``manage.py up``: the whole console by one command, stopped by Ctrl-C."""

from __future__ import annotations

import fcntl
import io
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from licsync import broker, env
from licsync.addresses import is_loopback
from licsync.processes import BEAT, QUICK, WEB, WORKER, Supervisor, command

GRACE = 20.0  # seconds


class Command(BaseCommand):
    help = "Prepare the database, then run web, workers and beat until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", nargs="?", metavar="ADDR:PORT", default="")

    def handle(self, *_args: Any, address: str, **_options: Any) -> None:
        host, port = self._address(address)
        locks = []
        if settings.LICSYNC_EMBEDDED:
            locks.append(self._lock(settings.LICSYNC_VAR_DIR / "up.lock"))
            broker.prepare(settings.LICSYNC_BROKER_DIR)
        self._require_free(host, port)
        self._publish(host, port)
        call_command("migrate", interactive=False, verbosity=0, stdout=self.stdout)
        first_link = io.StringIO()
        call_command(*settings.LICSYNC_FIRST_SIGN_IN, stdout=first_link)
        Supervisor(
            {
                "web": command(WEB, "-b", f"{host}:{port}"),
                "worker": command(WORKER, "-n", f"licsync@{port}"),
                "quick": command(QUICK, "-n", f"licsync-quick@{port}"),
                "beat": command(BEAT),
            },
            environment=self._environment(),
            say=self._tell_death,
            on_round=self._announcement(host, port, first_link.getvalue().strip()),
            grace=GRACE,
            keep_open=[lock.fileno() for lock in locks],
        ).run()

    def _address(self, address: str) -> tuple[str, int]:
        """The host and port to listen at; from the public address where none is given."""
        public = urlsplit(settings.LICSYNC_PUBLIC_URL)
        local = public.scheme == "http" and public.port
        parts = urlsplit(f"//{address}" if address else f"//127.0.0.1:{local or 8000}")
        try:
            port = parts.port
        except ValueError:
            port = None
        if not parts.hostname or not port:
            raise CommandError(_("Write the address as ADDR:PORT, such as 127.0.0.1:8000."))
        return (f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname), port

    def _lock(self, path: Path) -> TextIO:
        """Hold the data folder. The children hold it too, so that none outlives its supervisor.

        What an earlier one left behind is given its time to end.
        """
        lock = path.open("w")
        deadline = time.monotonic() + GRACE + 5
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise CommandError(
                        _("The console already runs on the data folder %s.") % path.parent
                    ) from error
                time.sleep(0.2)
            else:
                return lock

    def _require_free(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host.strip("[]"), port))
            except OSError as error:
                raise CommandError(
                    _("Cannot listen at %(address)s: %(reason)s.")
                    % {"address": f"{host}:{port}", "reason": error.strerror}
                ) from error

    def _publish(self, host: str, port: int) -> None:
        """Let links follow the address listened at, unless a public one is set."""
        if settings.LICSYNC_EMBEDDED and not env.text("LICSYNC_PUBLIC_URL"):
            shown = host if is_loopback(host) else "127.0.0.1"
            settings.LICSYNC_PUBLIC_URL = f"http://{shown}:{port}"

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, "LICSYNC_PUBLIC_URL": settings.LICSYNC_PUBLIC_URL}
        environment.pop("LICSYNC_PUBLIC_URL_FILE", None)  # both would be refused
        if settings.LICSYNC_EMBEDDED:
            scratch = settings.LICSYNC_VAR_DIR / "tmp"
            scratch.mkdir(mode=0o700, exist_ok=True)
            environment["TMPDIR"] = str(scratch)
        return environment

    def _tell_death(self, name: str, status: int, pause: float) -> None:
        self.stderr.write(
            _("%(name)s ended with status %(status)d; starting it again in %(pause)d s.")
            % {"name": name, "status": status, "pause": round(pause)}
        )

    def _announcement(self, host: str, port: int, first_link: str) -> Callable[[], None]:
        """A function that says once, as soon as the web process listens, where to go."""
        said = False
        target = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104

        def announce() -> None:
            nonlocal said
            if said:
                return
            try:
                socket.create_connection((target, port), timeout=0.2).close()
            except OSError:
                return  # not yet
            said = True
            self.stdout.write(
                _("licsync is ready at %s (Ctrl-C stops it).") % settings.LICSYNC_PUBLIC_URL
            )
            if first_link:
                self.stdout.write(_("Sign in as the first owner, once and within the hour, at:"))
                self.stdout.write(f"  {first_link}")
            self.stdout.flush()

        return announce
