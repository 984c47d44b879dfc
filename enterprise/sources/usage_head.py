"""The head of a ``licsync.server-usage/1``: what it says of itself beside its users.

Also here: GitHub's own export, known by its keys and refused with what it tells of its instance.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from enterprise.faults import Fault
from enterprise.sources.json_events import Chunks, Event, JsonEvents

FORMAT = "licsync.server-usage/1"
MAX_TEXT = 1000
MAX_KEYS = 100
SCALARS = ("string", "number", "boolean", "null")

# GitHub's own export: its key names are undocumented, so they are known in any spelling.
_EXPORT_KEYS = frozenset({"license_hash", "public_key", "features"})
_NAMEABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")

Take = Callable[[], Event]


class UsageHead(NamedTuple):
    """What a file says of itself beside its users. ``server_id`` is ``""`` where it is not known."""

    server_id: str
    host_name: str
    version: str
    http_only: bool
    exported_at: dt.datetime


HEAD_KEYS = ("format", *UsageHead._fields)


def read_head(chunks: Chunks) -> UsageHead:
    """What the file says beside its users, wherever in it that stands.

    Raises Fault ``upload_unknown_format``, ``upload_encrypted`` (host, version) for GitHub's own
    export, and those of ``read_users``.
    """
    events = JsonEvents(chunks)
    take = events.take
    if take()[0] != "start_map":
        raise Fault("upload_unknown_format")
    found: dict[str, Any] = {}
    while not found.keys() >= set(HEAD_KEYS) and len(found) < MAX_KEYS:
        event, key = take()
        if event == "end_map":
            break
        events.path = str(key) if key in HEAD_KEYS else ""
        if key == "users" or _plain(key) in _EXPORT_KEYS:
            event = _opened(take, found, key)
            if key != "users":
                found[key] = None
            _skip(take, event, events)
            continue
        event, value = take()
        if event in SCALARS:
            found[key[:MAX_TEXT]] = _kept(key, value)
        _skip(take, event, events)
        events.progress()
    if not str(found.get("format", "")).startswith("licsync."):
        raise _foreign(found)
    return _head(found)


def _kept(key: str, value: Any) -> Any:
    """What is remembered of a value: a file may have any number of others, each of any length."""
    known = key in HEAD_KEYS or _plain(key) in ("host_name", "version")
    return None if not known or (isinstance(value, str) and len(value) > MAX_TEXT) else value


def _opened(take: Take, found: dict[str, Any], key: str) -> str:
    """The first event of ``users``, or of a key of GitHub's own export, which is refused soon.

    Its user list is one text, encrypted: it may be long, and is not read.
    """
    try:
        event, _ = take()
    except Fault as fault:
        if fault.code != "upload_item_too_large":
            raise
    else:
        if key != "users" or event != "string":
            return event
    raise _foreign({**found, "license_hash": None})


def _foreign(found: dict[str, Any]) -> Fault:
    """GitHub's own export, known by its keys in any spelling; else nothing that is known here."""
    plain = {_plain(key): value for key, value in found.items()}
    if not _EXPORT_KEYS & plain.keys():
        return Fault("upload_unknown_format")
    host, version = (
        text if isinstance(text := plain.get(key), str) and len(text) <= 253 else "–"
        for key in ("host_name", "version")
    )
    return Fault("upload_encrypted", host=host, version=version)


def _plain(key: str) -> str:
    """A key in one spelling: ``License hash``, ``licenseHash`` and ``license-hash`` are the same."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)
    plain = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    return {"hostname": "host_name", "publickey": "public_key", "licensehash": "license_hash"}.get(
        plain, plain
    )


def _head(found: dict[str, Any]) -> UsageHead:
    if found["format"] != FORMAT:
        raise Fault("upload_unknown_format")
    for key in found:
        if key not in HEAD_KEYS:
            raise unknown_key("", key)
    for key in HEAD_KEYS:
        if key not in found:
            raise Fault("upload_missing_key", path=key)
    server_id, host_name = line_of_text(found["server_id"], "server_id"), found["host_name"]
    if server_id:
        server_id = _parsed(UUID, server_id, "server_id", "UUID")
    host_name = line_of_text(host_name, "host_name").strip().lower()
    if not host_name or len(host_name) > 253:
        raise bad_value("host_name", "string (1–253)")
    version = line_of_text(found["version"], "version")
    if len(version) > 50:
        raise bad_value("version", "string (0–50)")
    if not isinstance(found["http_only"], bool):
        raise bad_value("http_only", "boolean")
    exported = line_of_text(found["exported_at"], "exported_at")
    exported_at = _parsed(_moment, exported, "exported_at", "RFC 3339")
    return UsageHead(str(server_id), host_name, version, found["http_only"], exported_at)


def _moment(text: str) -> dt.datetime:
    """Not at the ends of the calendar, where it has no time of day in some zones."""
    at = dt.datetime.fromisoformat(text)
    if at.tzinfo is None or not dt.MINYEAR < at.year < dt.MAXYEAR:
        raise ValueError
    return at


def _parsed(parse: Callable[[str], Any], text: str, path: str, wanted: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        pass
    raise bad_value(path, wanted)


def line_of_text(value: Any, path: str) -> str:
    """A text that a database takes and that stays on one line."""
    if (
        not isinstance(value, str)
        or len(value) > MAX_TEXT
        or any(mark in value for mark in "\0\r\n")
    ):
        raise bad_value(path, f"string (0–{MAX_TEXT})")
    return value


def _skip(take: Take, event: str, events: JsonEvents) -> None:
    """Take the rest of the value that began with ``event``."""
    depth = 0
    while True:
        if event in ("start_map", "start_array"):
            depth += 1
        elif event in ("end_map", "end_array"):
            depth -= 1
        if not depth:
            return
        event, _ = take()
        if event == "":
            return
        if depth == 1:
            events.progress()


def joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def bad_value(path: str, wanted: str) -> Fault:
    return Fault("upload_bad_value", path=path, wanted=wanted)


def unknown_key(path: str, key: str) -> Fault:
    """The key itself is told only if it looks like one: it may as well be somebody's address."""
    shown = key if _NAMEABLE.fullmatch(key) else "…"
    return Fault("upload_unknown_key", path=joined(path, shown))
