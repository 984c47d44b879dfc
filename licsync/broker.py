"""The embedded broker: messages are files in the data folder, with no server to install.

kombu's filesystem transport writes a message where readers already look, so that one in ten
thousand is read half written, and rewrites its tables of bound queues in place. Here everything is
written under another name and renamed, which is atomic, and what is taken is renamed before it is
read.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

from licsync import worker_seen

Binding = filesystem.exchange_queue_t


def _write(path: Path, content: Any) -> None:
    """Put JSON into ``path`` at once. The draft's leading dot hides it from readers."""
    draft = path.with_name(f".{uuid.uuid4().hex}")
    try:
        draft.write_text(dumps(content), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ChannelError("cannot write to the broker's folder") from error


class Channel(filesystem.Channel):
    """kombu's channel over files with atomic writes and reads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for folder in (self._messages, self.control_folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def _messages(self) -> Path:
        return Path(self.data_folder_in)

    def _put(  # type: ignore[override]  # the types of kombu disagree among themselves
        self, queue: str, payload: dict[str, Any], **_: Any
    ) -> None:
        self._messages.mkdir(mode=0o700, parents=True, exist_ok=True)  # somebody may clear var/
        # The wall clock goes on after a restart, which the monotonic clock does not.
        _write(self._messages / f"{time.time_ns():020}_{uuid.uuid4().hex}.{queue}.msg", payload)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        suffix = f"{queue}.msg"
        try:
            names = sorted(os.listdir(self._messages))
        except FileNotFoundError:  # whoever writes next makes it anew
            raise Empty from None
        for name in names:
            if name.startswith(".") or name.partition(".")[2] != suffix:
                continue
            taken = self._messages / f".{name}.taken"
            try:
                (self._messages / name).rename(taken)
            except FileNotFoundError:
                continue  # another consumer was first
            content = taken.read_bytes()
            taken.unlink()
            return loads(content)
        raise Empty

    def _table(self, exchange: str) -> Path:
        # kombu checks the name; the published types lack the method.
        path: Path = self._exchange_file(exchange)  # type: ignore[attr-defined]
        return path

    def _bindings(self, exchange: str) -> list[Any] | None:
        """The table of an exchange, None if it was never written or somebody cleared it."""
        try:
            content = self._table(exchange).read_bytes()
        except FileNotFoundError:
            return None
        return [Binding(*binding) for binding in loads(content)]

    def get_table(self, exchange: str) -> list[Any]:
        found = self._bindings(exchange)
        if found is None and not exchange.endswith("pidbox"):
            # Running processes do not bind again: exchange, key and queue of a task have one name.
            found = [Binding(exchange, "", exchange)]
        return found or []

    def _queue_bind(
        self, exchange: str, routing_key: str | None, pattern: str | None, queue: str
    ) -> None:
        binding = Binding(routing_key or "", pattern or "", queue or "")
        with self._table_locked():
            table = self._bindings(exchange) or []
            if binding not in table:
                _write(self._table(exchange), [binding, *table])

    def _delete(
        self, queue: str, exchange: str, routing_key: str, pattern: str, *_: Any, **__: Any
    ) -> None:
        self._purge(queue)
        binding = Binding(routing_key or "", pattern or "", queue or "")
        with self._table_locked():
            table = self._bindings(exchange) or []
            if binding in table:
                table.remove(binding)
                _write(self._table(exchange), table)

    @contextmanager
    def _table_locked(self) -> Iterator[None]:
        """One writer of the tables at a time, over all processes; the lock ends with its holder."""
        self.control_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.control_folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    Channel = Channel


def prepare(folder: Path) -> None:
    """Make the broker's folders; clear what dead processes left. Call while no worker runs.

    Messages that nobody took stay. Cleared are a worker's sign of life, the tables of bound queues,
    questions to workers (``pidbox``), and messages half written or half taken: what they were to
    start is found in the database by the next tick.
    """
    messages = folder / "messages"
    if (folder / "control").exists():
        shutil.rmtree(folder / "control")
    (folder / worker_seen.FILE).unlink(missing_ok=True)
    messages.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in messages.iterdir():
        if path.name.startswith(".") or path.name.endswith(".pidbox.msg"):
            path.unlink(missing_ok=True)
