"""The processes of the console, and a supervisor that runs them as children of one command.

Each child leads a session of its own, so that Ctrl-C in a terminal reaches the supervisor alone,
which then asks each child once, by SIGTERM, to finish what it is doing, and after a time of grace
kills what is left of its whole group. If the supervisor itself is killed, the kernel sends SIGTERM.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

# The same commands as in docker-compose.yml; a test compares them.
WEB = ("gunicorn", "-c", "python:licsync.gunicorn", "licsync.wsgi")
_WORKER = (
    "celery",
    "-A",
    "licsync",
    "--quiet",
    "worker",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
)
WORKER = (*_WORKER, "-Q", "licsync")
QUICK = (*_WORKER, "-Q", "licsync.quick", "--pool", "threads", "--concurrency", "4")
BEAT = ("celery", "-A", "licsync", "--quiet", "beat")

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

LONGEST_PAUSE = 30.0  # seconds between two starts of a child that keeps dying
STEADY = 60.0  # seconds of life after which earlier deaths are forgotten


def command(parts: Sequence[str], *more: str) -> list[str]:
    """``parts`` run as a module of this very Python, whatever the PATH holds."""
    return [sys.executable, "-m", *parts, *more]


def _become_child(parent: int) -> None:
    """Between fork and exec: die with the parent, and take SIGINT as any program does.

    A shell starts background jobs with SIGINT ignored, which children would inherit.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(_libc, "prctl"):  # Linux
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the call
            os.kill(os.getpid(), signal.SIGTERM)


@dataclass
class Child:
    """One process that should run, and how often it died of late."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    start_at: float = field(default_factory=time.monotonic)

    def kill_group(self) -> None:
        """Kill whatever is left of the child's process group."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return  # nothing is left

    def start(self, environment: Mapping[str, str], keep_open: Sequence[int]) -> None:
        parent = os.getpid()
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            self.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=keep_open,
            preexec_fn=lambda: _become_child(parent),  # noqa: PLW1509 - we run no threads
        )

    def note_death(self) -> float:
        """Reap the dead child and its group; return the seconds to wait before the next start."""
        now = time.monotonic()
        self.kill_group()
        self.process = None
        self.deaths = 1 if now - self.started > STEADY else self.deaths + 1
        pause = min(LONGEST_PAUSE, 2.0 ** (self.deaths - 1))
        self.start_at = now + pause
        return pause


class Supervisor:
    """Run the children until SIGINT, SIGTERM or SIGHUP; leave nothing behind.

    ``grace`` is how many seconds a child may take to end after SIGTERM; a second signal cuts it
    short. ``on_round`` is called a few times a second while all is well. ``say`` gets the name of a
    child that died, its exit status and the pause before it starts again.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        *,
        environment: Mapping[str, str],
        say: Callable[[str, int, float], None],
        on_round: Callable[[], None] = lambda: None,
        grace: float = 20.0,
        keep_open: Sequence[int] = (),
    ) -> None:
        self.children = [Child(name, parts) for name, parts in commands.items()]
        self.environment = environment
        self.say = say
        self.on_round = on_round
        self.grace = grace
        self.keep_open = keep_open
        self.signals = 0

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.signals += 1

    def run(self) -> None:
        signals = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup sets it
            signals.append(signal.SIGHUP)  # the terminal was closed
        for number in signals:
            signal.signal(number, self._note_signal)
        try:
            while not self.signals:
                for child in self.children:
                    self._look_after(child)
                self.on_round()
                time.sleep(0.1)
        finally:
            self._stop()

    def _look_after(self, child: Child) -> None:
        if child.process is None:
            if time.monotonic() >= child.start_at:
                child.start(self.environment, self.keep_open)
        elif (status := child.process.poll()) is not None:
            self.say(child.name, status, child.note_death())

    def _stop(self) -> None:
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + self.grace
        while time.monotonic() < deadline and self.signals < 2:
            if all(process.poll() is not None for process in running):
                break
            time.sleep(0.05)
        for child in self.children:
            child.kill_group()
        for process in running:
            process.wait()
