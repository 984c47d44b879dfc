"""Every person of a snapshot, or any other table, as JSON lines: one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from enterprise.models import Snapshot
from enterprise.reports.csv import CHUNK_ROWS, report_batches
from enterprise.reports.tables import Table
from enterprise.selectors.persons import mask_key, mask_report
from enterprise.services.bulk import in_batches


def report_json_lines(snapshot: Snapshot, *, masked: bool) -> Iterator[bytes]:
    """Lines ``{"number", "key", "license_type", "accounts", "report"}`` in key order, in chunks.

    If it cannot be finished, the last line is ``{"incomplete": true, "written", "persons"}``, and
    then the error is raised, so that the server breaks off the transfer.
    """
    written = 0
    try:
        for batch in report_batches(snapshot):
            yield b"".join(_line(*row, masked=masked) for row in batch)
            written += len(batch)
    except Exception:
        end = {"incomplete": True, "written": written, "persons": snapshot.persons}
        yield orjson.dumps(end) + b"\n"
        raise


def table_json_lines(table: Table) -> Iterator[bytes]:
    """A table in chunks; a member's name is its column's header in snake_case.

    If it cannot be finished, the last line is ``{"incomplete": true, "written"}``; see above.
    """
    names = [header.lower().replace(" ", "_") for header in table.head]
    written = 0
    try:
        for batch in in_batches(table.rows, CHUNK_ROWS):
            objects = (dict(zip(names, row, strict=True)) for row in batch)
            yield b"".join(orjson.dumps(each) + b"\n" for each in objects)
            written += len(batch)
    except Exception:
        yield orjson.dumps({"incomplete": True, "written": written}) + b"\n"
        raise


def _line(
    number: int, key: str, license_type: str, accounts: int, report: str, *, masked: bool
) -> bytes:
    """The stored row is JSON already: it is put in as it is, unless e-mails are to be masked."""
    if masked:
        key, report = mask_key(key), orjson.dumps(mask_report(orjson.loads(report))).decode()
    head = {"number": number, "key": key, "license_type": license_type, "accounts": accounts}
    return b'%b,"report":%b}\n' % (orjson.dumps(head)[:-1], report.encode())
