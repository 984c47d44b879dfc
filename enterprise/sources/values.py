"""Reading single JSON values that are not always what the schema says (domain.md section 6)."""

from __future__ import annotations

import datetime as dt
from typing import Any

_MAX_NUMBER = 2**31 - 1  # what a column for a count takes on every database


def text_of(value: Any) -> str:
    """Give a value as trimmed text; null and what is no scalar are ``""``."""
    if isinstance(value, str):
        # PostgreSQL takes no NUL.
        return value.strip() if "\0" not in value else value.replace("\0", "\ufffd").strip()
    if value is None or isinstance(value, list | dict):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def texts_of(value: Any) -> tuple[str, ...]:
    """Give a list as its non-empty texts in order, each once; a bare text is a list of one."""
    if not value:
        return ()
    values = value if isinstance(value, list) else [value]
    if len(values) == 1:  # as nearly always
        text = text_of(values[0])
        return (text,) if text else ()
    return tuple(dict.fromkeys(text for entry in values if (text := text_of(entry))))


def flag_of(value: Any) -> bool | None:
    """Give true, false, or None for null, ``""`` and anything else."""
    if value is None or isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(text_of(value).lower())


def whole_number(value: Any, *, negative: bool = False) -> int | None:
    """Give a whole number that may come as text, None for anything else or out of range."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int) and 0 <= value <= _MAX_NUMBER:
        return value
    text = text_of(value)
    digits = text.removeprefix("-") if negative else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        return None
    number = int(text)
    return number if abs(number) <= _MAX_NUMBER else None


def moment_of(value: Any) -> dt.datetime | None:
    """Give an RFC 3339 date as a moment, in UTC where it names no zone; None for anything else."""
    try:
        moment = dt.datetime.fromisoformat(text_of(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
