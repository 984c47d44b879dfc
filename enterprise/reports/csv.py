"""The consumed-license report and others as CSV, streamed: always every row, or visibly broken."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from enterprise.models import Snapshot
from enterprise.reports.rows import COLUMNS, FROM_CLOUD, cell, cells_of
from enterprise.reports.tables import Table, file_time
from enterprise.selectors.licenses import report_walk
from enterprise.selectors.persons import mask_report
from enterprise.services.bulk import in_batches, read_once

CHUNK_ROWS = 500
UTF8_MARK = "\ufeff"


class ReportIncomplete(Exception):
    """The snapshot gave another number of rows than it counted."""


def report_csv(
    snapshot: Snapshot,
    *,
    masked: bool,
    incomplete: str,
    snake_case: bool = False,
    utf8_mark: bool = False,
) -> Iterator[bytes]:
    """The file in chunks: the header at once, then every row of ``snapshot`` in key order.

    If it cannot be finished, the last line is ``incomplete`` (a template for ``written`` and
    ``persons``), and then the error is raised, so that the server breaks off the transfer: the one
    is seen by a person and by any parser that counts columns, the other by the client, where the
    connection allows to tell an end from a break.
    """
    head = [column.name if snake_case else column.header for column in COLUMNS]
    yield (UTF8_MARK if utf8_mark else "").encode() + _lines([head])
    unread = FROM_CLOUD if snapshot.github_listed is None else frozenset[str]()
    written = 0
    try:
        for batch in report_batches(snapshot):
            yield _lines(_table(batch, masked=masked, unread=unread))
            written += len(batch)
    except Exception:
        yield _lines([[incomplete % {"written": written, "persons": snapshot.persons}]])
        raise


def table_csv(table: Table, *, incomplete: str, utf8_mark: bool = False) -> Iterator[bytes]:
    """Any other table in chunks, its cells made safe; broken off, it ends as ``report_csv`` does.

    ``incomplete`` is a template for ``written``.
    """
    yield (UTF8_MARK if utf8_mark else "").encode() + _lines([table.head])
    written = 0
    try:
        for batch in in_batches(table.rows, CHUNK_ROWS):
            yield _lines([cell(value) for value in row] for row in batch)
            written += len(batch)
    except Exception:
        yield _lines([[incomplete % {"written": written}]])
        raise


def file_name(snapshot: Snapshot, suffix: str = "csv") -> str:
    """With the enterprise and the time of the count, in UTC."""
    return f"consumed-licenses-{snapshot.enterprise.slug}-{file_time(snapshot.taken_at)}.{suffix}"


def report_batches(snapshot: Snapshot) -> Iterator[list[tuple[Any, ...]]]:
    """Every row of a snapshot, some hundreds at a time. Raises ReportIncomplete."""
    read = 0
    with read_once():
        for batch in in_batches(report_walk(snapshot), CHUNK_ROWS):
            yield batch
            read += len(batch)
    if read != snapshot.persons:
        raise ReportIncomplete(f"{read} of {snapshot.persons} rows")


def _table(
    rows: list[tuple[Any, ...]], *, masked: bool, unread: frozenset[str]
) -> Iterator[list[str]]:
    for _number, _key, license_type, _accounts, text in rows:
        report = orjson.loads(text)
        if masked:
            report = mask_report(report)
        yield cells_of(report, license_type, unread=unread)


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    return "".join(map(_line, rows)).encode()


def _line(cells: Sequence[str]) -> str:
    """As the csv module writes it, which is asked only where something needs quotation marks."""
    line = ",".join(cells)
    if (
        '"' not in line
        and "\n" not in line
        and "\r" not in line
        and line.count(",") == len(cells) - 1
        and line
    ):
        return f"{line}\r\n"
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue()
