"""The format ``licsync.server-usage/1``: an instance's users as one JSON object (domain.md section 6).

Read as a stream and exactly: each key once, none missing, none unknown. A fault names the JSON path.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

import orjson

from enterprise.faults import Fault
from enterprise.records import ServerAccount
from enterprise.sources.ghes_report import MAX_USER_ID
from enterprise.sources.json_events import Chunks, JsonEvents
from enterprise.sources.usage_head import (
    FORMAT,
    HEAD_KEYS,
    SCALARS,
    Take,
    UsageHead,
    bad_value,
    joined,
    line_of_text,
    unknown_key,
)

USER_KEYS = ("user_id", "emails", "suspended", "dormant", "never_signed_in", "excluded")
MAX_EMAILS = 500


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
            if event not in SCALARS:
                raise bad_value(key, "string")
            continue
        if event != "start_array":
            raise bad_value("users", "array")
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
            raise bad_value(path, "object")
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
                raise bad_value(f"{path}.emails", "array")
            values["primary"], values["others"] = _emails(take, f"{path}.emails")
        elif key == "user_id":
            if not isinstance(value, int) or event != "number" or not 0 <= value <= MAX_USER_ID:
                raise bad_value(f"{path}.user_id", f"integer (0–{MAX_USER_ID})")
        elif key == "excluded":
            if event != "null" and value != "scim_admin":
                raise bad_value(f"{path}.excluded", '"scim_admin" | null')
        elif event != "boolean" and (event != "null" or key != "never_signed_in"):
            wanted = "boolean | null" if key == "never_signed_in" else "boolean"
            raise bad_value(f"{path}.{key}", wanted)
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
            raise bad_value(at, f"object (0–{MAX_EMAILS})")
        email, is_primary = "", False
        keys: set[str] = set()
        for key in _keys(take, at, ("email", "primary"), keys):
            event, value = take()
            if key == "email":
                email = line_of_text(value, f"{at}.email").strip()
            elif event != "boolean":
                raise bad_value(f"{at}.primary", "boolean")
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
            raise unknown_key(path, key)
        if key in seen:
            raise Fault("upload_key_twice", path=joined(path, key))
        seen.add(key)
        yield key
    if len(seen) < len(wanted):
        missing = next(key for key in wanted if key not in seen)
        raise Fault("upload_missing_key", path=joined(path, missing))


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
