"""The owner's mapping of persons to cost centers, as a CSV file: read and checked. No Django.

Two columns with a header, ``identifier`` and ``cost_center``. An identifier is an e-mail address, an
account on a server as ``HOST:ID``, or a cloud login; which of them is told by its form.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from enterprise.emails import normalize
from enterprise.faults import Fault

HEAD: Final = ("identifier", "cost_center")
MOST_ROWS: Final = 1_000_000
NAME_LENGTH: Final = 200
IDENTIFIER_LENGTH: Final = 320  # the longest e-mail address
_ACCOUNT = re.compile(r"([^\s:@]+):(\d{1,18})\Z")


def identifier_key(text: str) -> str:
    """The form in which identifiers are stored and compared."""
    text = text.strip()
    if "@" in text:
        return normalize(text)
    return text.casefold()


def mapping_read(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Each identifier in its compared form, with its cost center.

    Raises Fault ``mapping_not_csv``, ``mapping_bad_head``, ``mapping_bad_row``, ``mapping_twice`` or
    ``mapping_too_long``, with the line of the fault.
    """
    seen: dict[str, str] = {}
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    rows = csv.reader(text, strict=True)
    try:
        head = next(rows, [])
        if tuple(cell.strip().casefold() for cell in head) != HEAD:
            raise Fault("mapping_bad_head", expected=", ".join(HEAD))
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            line = rows.line_num
            if len(seen) >= MOST_ROWS:
                raise Fault("mapping_too_long", most=MOST_ROWS)
            key, center = _row(row, line)
            if seen.setdefault(key, center) != center:
                raise Fault("mapping_twice", line=line)
        yield from seen.items()
    except (UnicodeDecodeError, csv.Error):
        raise Fault("mapping_not_csv", line=rows.line_num + 1) from None
    finally:
        text.detach()


def _row(row: list[str], line: int) -> tuple[str, str]:
    if len(row) != len(HEAD):
        raise Fault("mapping_bad_row", line=line)
    key, center = identifier_key(row[0]), row[1].strip()
    fits = 0 < len(key) <= IDENTIFIER_LENGTH and 0 < len(center) <= NAME_LENGTH
    if not fits or not (key + center).isprintable() or (":" in key and not _is_known(key)):
        raise Fault("mapping_bad_row", line=line)
    return key, center


def _is_known(key: str) -> bool:
    return "@" in key or _ACCOUNT.match(key) is not None
