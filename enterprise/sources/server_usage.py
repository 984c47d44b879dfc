"""The format ``licsync.server-usage/1``: an instance's users as one JSON object (domain.md section 6).

Read as a stream and exactly: each key once, none missing, none unknown. A fault names the JSON path.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from enterprise.faults import Fault
from enterprise.records import ServerAccount
from enterprise.sources.ghes_report import MAX_USER_ID
from enterprise.sources.json_events import Chunks, Event, JsonEvents

FORMAT = "licsync.server-usage/1"
USER_KEYS = ("user_id", "emails", "suspended", "dormant", "never_signed_in", "excluded")
MAX_TEXT = 1000
MAX_EMAILS = 500

_SCALARS = ("string", "number", "boolean", "null")
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


# --- Reading -------------------------------------------------------------------------------------


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
    while len(found) < len(HEAD_KEYS):
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
        if event in _SCALARS:
            found[key] = value
        _skip(take, event, events)
        events.progress()
    if not str(found.get("format", "")).startswith("licsync."):
        raise _foreign(found)
    return _head(found)


def _opened(take: Take, found: dict[str, Any], key: str) -> str:
    """The first event of ``users``, or of a key of GitHub's own export, which is refused soon.

    Its user list is one text, encrypted: it may be long, and is not read.
    """
    try:
        event, _ = take()
    except Fault as fault:
        if fault.code != "upload_item_too_large":
            raise
        event = "string"
    if key == "users" and event == "string":
        raise _foreign({**found, "license_hash": None})
    return event


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
    for key in HEAD_KEYS:
        if key not in found:
            raise Fault("upload_missing_key", path=key)
    for key in found:
        if key not in HEAD_KEYS:
            raise _unknown("", key)
    server_id, host_name = _text(found["server_id"], "server_id"), found["host_name"]
    if server_id:
        server_id = _parsed(UUID, server_id, "server_id", "UUID")
    host_name = _text(host_name, "host_name").strip().lower()
    if not host_name or len(host_name) > 253:
        raise _bad("host_name", "string (1–253)")
    version = _text(found["version"], "version")
    if len(version) > 50:
        raise _bad("version", "string (0–50)")
    if not isinstance(found["http_only"], bool):
        raise _bad("http_only", "boolean")
    exported = _text(found["exported_at"], "exported_at")
    exported_at = _parsed(dt.datetime.fromisoformat, exported, "exported_at", "RFC 3339")
    if exported_at.tzinfo is None:
        raise _bad("exported_at", "RFC 3339")
    return UsageHead(str(server_id), host_name, version, found["http_only"], exported_at)


def _parsed(parse: Callable[[str], Any], text: str, path: str, wanted: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        pass
    raise _bad(path, wanted)


def read_users(chunks: Chunks) -> Iterator[ServerAccount]:
    """The accounts in the order of the file, which is read to its end.

    Memory grows only by one number a user, to notice a user ID that comes twice. Raises Fault
    ``upload_bad_value`` (path, wanted), ``upload_missing_key``, ``upload_unknown_key``,
    ``upload_key_twice`` (path), ``upload_duplicate_user`` (user_id, path), and those of
    ``JsonEvents``.
    """
    events = JsonEvents(chunks)
    take = events.take
    if take()[0] != "start_map":
        raise Fault("upload_unknown_format")
    keys: set[str] = set()
    for key in _keys(take, "", (*HEAD_KEYS, "users"), keys):
        events.path = key
        event, _ = take()
        if key != "users":
            if event not in _SCALARS:
                raise _bad(key, "string")
            continue
        if event != "start_array":
            raise _bad("users", "array")
        yield from _users(take, events)
    events.end()


def _users(take: Take, events: JsonEvents) -> Iterator[ServerAccount]:
    seen: set[int] = set()
    for index in count():
        event, _ = take()
        if event == "end_array":
            return
        path = events.path = f"users[{index}]"
        if event != "start_map":
            raise _bad(path, "object")
        account = _user(take, path)
        if account.user_id in seen:
            raise Fault("upload_duplicate_user", user_id=account.user_id, path=path)
        seen.add(account.user_id)
        events.progress()
        yield account


def _user(take: Take, path: str) -> ServerAccount:
    keys: set[str] = set()
    values: dict[str, Any] = {}
    for key in _keys(take, path, USER_KEYS, keys):
        event, value = take()
        if key == "emails":
            if event != "start_array":
                raise _bad(f"{path}.emails", "array")
            values["primary"], values["others"] = _emails(take, f"{path}.emails")
        elif key == "user_id":
            if not isinstance(value, int) or event != "number" or not 0 <= value <= MAX_USER_ID:
                raise _bad(f"{path}.user_id", f"integer (0–{MAX_USER_ID})")
        elif key == "excluded":
            if event != "null" and value != "scim_admin":
                raise _bad(f"{path}.excluded", '"scim_admin" | null')
        elif event != "boolean" and (event != "null" or key != "never_signed_in"):
            wanted = "boolean | null" if key == "never_signed_in" else "boolean"
            raise _bad(f"{path}.{key}", wanted)
        values[key] = value
    return ServerAccount(
        values["user_id"],
        values["primary"],
        values["others"],
        values["suspended"],
        values["dormant"],
        values["never_signed_in"],
        values["excluded"] or "",
    )


def _emails(take: Take, path: str) -> tuple[str, tuple[str, ...]]:
    """The primary address, ``""`` if none is, and the others in their order."""
    primary: str | None = None
    others: list[str] = []
    for index in count():
        event, _ = take()
        if event == "end_array":
            return primary or "", tuple(others)
        at = f"{path}[{index}]"
        if event != "start_map" or index >= MAX_EMAILS:
            raise _bad(at, f"object (0–{MAX_EMAILS})")
        email, is_primary = "", False
        keys: set[str] = set()
        for key in _keys(take, at, ("email", "primary"), keys):
            event, value = take()
            if key == "email":
                email = _text(value, f"{at}.email").strip()
            elif event != "boolean":
                raise _bad(f"{at}.primary", "boolean")
            else:
                is_primary = value
        if is_primary and primary is not None:
            raise Fault("upload_two_primaries", path=f"{at}.primary")
        if is_primary:
            primary = email
        elif email:
            others.append(email)
    raise AssertionError  # count() has no end


def _keys(take: Take, path: str, wanted: tuple[str, ...], seen: set[str]) -> Iterator[str]:
    """The keys of an object whose start is read, each once; the caller takes their values."""
    while True:
        event, key = take()
        if event == "end_map":
            break
        if key not in wanted:
            raise _unknown(path, key)
        if key in seen:
            raise Fault("upload_key_twice", path=_join(path, key))
        seen.add(key)
        yield key
    if len(seen) < len(wanted):
        missing = next(key for key in wanted if key not in seen)
        raise Fault("upload_missing_key", path=_join(path, missing))


def _text(value: Any, path: str) -> str:
    """A text that a database takes and that stays on one line."""
    if (
        not isinstance(value, str)
        or len(value) > MAX_TEXT
        or any(mark in value for mark in "\0\r\n")
    ):
        raise _bad(path, f"string (0–{MAX_TEXT})")
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


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _bad(path: str, wanted: str) -> Fault:
    return Fault("upload_bad_value", path=path, wanted=wanted)


def _unknown(path: str, key: str) -> Fault:
    """The key itself is told only if it looks like one: it may as well be somebody's address."""
    shown = key if _NAMEABLE.fullmatch(key) else "…"
    return Fault("upload_unknown_key", path=_join(path, shown))


# --- Writing -------------------------------------------------------------------------------------


def write_usage(head: UsageHead, batches: Iterable[Iterable[ServerAccount]]) -> Iterator[bytes]:
    """The file in pieces, one user a line, so that a fault in it is told by a useful line number."""
    stated = {"format": FORMAT, **head._asdict()}
    stated["exported_at"] = head.exported_at.astimezone(dt.UTC)
    yield orjson.dumps(stated, option=orjson.OPT_UTC_Z)[:-1] + b',"users":['
    separator = b"\n"
    for batch in batches:
        lines = [orjson.dumps(_user_value(account)) for account in batch]
        if lines:
            yield separator + b",\n".join(lines)
            separator = b",\n"
    yield b"\n]}\n"


def _user_value(account: ServerAccount) -> dict[str, Any]:
    emails = [{"email": account.email, "primary": True}] if account.email else []
    emails += [{"email": email, "primary": False} for email in account.other_emails]
    return {
        "user_id": account.user_id,
        "emails": emails,
        "suspended": account.suspended,
        "dormant": account.dormant,
        "never_signed_in": account.never_signed_in,
        "excluded": account.excluded or None,
    }
