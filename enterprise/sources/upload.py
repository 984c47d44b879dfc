"""An uploaded file: which format it is, packed or not, and its accounts (domain.md section 6).

Nothing here trusts the file's name, its type or what it says of its own size.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import BinaryIO

from enterprise.faults import Fault
from enterprise.records import ServerAccount
from enterprise.sources.bodies import unpacked
from enterprise.sources.ghes_report import parse_report, text_lines
from enterprise.sources.server_usage import read_users
from enterprise.sources.usage_head import UsageHead, read_head

MAX_BYTES = 2 * 2**30
"""The largest file, as it comes and unpacked: ten times that of a million users."""

_STEP = 2**16
_GZIP = b"\x1f\x8b"
_UNDERCOUNTING = re.compile(r"(active|dormant|suspended)[ _-]?users", re.IGNORECASE)
_OTHER_REPORTS = re.compile(r"(all|active)[ _-]?(organi[sz]ations|repositories)", re.IGNORECASE)


class UploadFormat(enum.StrEnum):
    SERVER_USAGE = "licsync.server-usage/1"
    REPORT = "all_users.csv"


def refuse_by_name(name: str) -> None:
    """Refuse the instance's other reports, which have the same columns and fewer users.

    Raises Fault ``upload_undercounts`` (report). The name is used for nothing else.
    """
    found = _UNDERCOUNTING.search(name) or _OTHER_REPORTS.search(name)
    if found is not None:
        raise Fault("upload_undercounts", report=found.group().lower().replace(" ", "_"))


class Upload:
    """An uploaded file, which can be read more than once; positions in it are of no meaning outside.

    Every reading may raise Fault ``upload_too_large`` (limit), ``upload_unpackable`` or
    ``upload_truncated`` (line, where known).
    """

    def __init__(self, file: BinaryIO, *, limit: int = MAX_BYTES) -> None:
        self._file = file
        self._limit = limit

    def chunks(self) -> Iterator[bytes]:
        """The content from its beginning, unpacked if it is gzip."""
        self._file.seek(0)
        raw = iter(lambda: self._file.read(_STEP), b"")
        packed = self._file.read(2) == _GZIP
        self._file.seek(0)
        fault = None
        try:
            yield from unpacked(raw, self._limit) if packed else raw
        except Fault as found:
            fault = found
        if fault is not None:
            raise _as_upload(fault)

    def format(self) -> UploadFormat:
        """Which of the two formats it is, by its first sign. Raises ``upload_unknown_format``."""
        start = b""
        for chunk in self.chunks():
            start = (start + chunk).removeprefix(b"\xef\xbb\xbf").lstrip()
            if start:
                break
        if not start:
            raise Fault("upload_empty")
        if start[:1] == b"{":
            return UploadFormat.SERVER_USAGE
        if start[:1] in b"[<" or start[:2] == b"PK" or b"\0" in start[:64]:
            raise Fault("upload_unknown_format")
        return UploadFormat.REPORT

    def head(self) -> UsageHead:
        """What a ``licsync.server-usage/1`` says of itself, as ``usage_head.read_head``."""
        return read_head(self.chunks)

    def users(self) -> Iterator[ServerAccount]:
        """The accounts of a ``licsync.server-usage/1``, as ``server_usage.read_users``."""
        return read_users(self.chunks)

    def report(self, *, keep_logins: bool) -> Iterator[ServerAccount]:
        """The accounts of an ``all_users.csv``, as ``ghes_report.parse_report``."""
        fault = None
        try:
            yield from parse_report(text_lines(self.chunks()), keep_logins=keep_logins)
        except Fault as found:
            fault = found
        if fault is not None:
            raise _as_upload(fault)


_CODES = {
    "cut_short": "upload_truncated",
    "unreadable_encoding": "upload_unpackable",
    "too_large": "upload_too_large",
}


def _as_upload(fault: Fault) -> Fault:
    """The same trouble in words for a file that somebody sent: trying again helps nothing."""
    code = _CODES.get(fault.code, fault.code)
    if code == "upload_truncated" and "line" not in fault.params:
        code = "upload_truncated_packed"
    return Fault(code, **fault.params)
