"""Files to take away, for pages and for the API: streamed, and whole or visibly broken."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any, Protocol

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from enterprise.models import Enterprise, Snapshot
from enterprise.reports.csv import file_name, report_csv, table_csv
from enterprise.reports.json_lines import report_json_lines, table_json_lines
from enterprise.reports.rest import moment
from enterprise.reports.tables import Table
from enterprise.services.audit import Actor, audit_record

CSV = "text/csv; charset=utf-8; header=present"
JSON_LINES = "application/jsonl"

SPOOL_BYTES = 4 * 1024 * 1024  # held in memory; more goes to a temporary file
READ_BYTES = 64 * 1024


class Reader(Protocol):
    """Who takes a file away: a person, or a token."""

    @property
    def enterprise(self) -> Enterprise: ...
    @property
    def actor(self) -> Actor: ...
    @property
    def masked(self) -> bool: ...


def report_download(
    request: HttpRequest,
    reader: Reader,
    snapshot: Snapshot,
    *,
    snake_case: bool = False,
    utf8_mark: bool = False,
) -> HttpResponseBase:
    """The consumed-license report as of ``snapshot`` in GitHub's 28 columns."""
    snapshot.enterprise = reader.enterprise
    chunks = report_csv(
        snapshot,
        masked=reader.masked,
        incomplete=incomplete_report(),
        snake_case=snake_case,
        utf8_mark=utf8_mark,
    )
    return _of_snapshot(request, reader, snapshot, chunks, target="licensing.csv", content_type=CSV)


def persons_download(request: HttpRequest, reader: Reader, snapshot: Snapshot) -> HttpResponseBase:
    """Every person as of ``snapshot`` as JSON lines."""
    snapshot.enterprise = reader.enterprise
    chunks = report_json_lines(snapshot, masked=reader.masked)
    return _of_snapshot(
        request, reader, snapshot, chunks, target="persons.jsonl", content_type=JSON_LINES
    )


def table_download(
    request: HttpRequest,
    reader: Reader,
    name: str,
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> HttpResponseBase:
    """Rows of what is now as a CSV file; ``rows`` are read while it is sent."""
    return table_file(request, reader, Table(name, head, rows, timezone.now()))


def table_file(
    request: HttpRequest, reader: Reader, table: Table, *, json_lines: bool = False
) -> HttpResponseBase:
    """Any other table, as CSV or JSON lines; its rows are read while it is sent.

    ``?bom=1`` puts a UTF-8 mark in front of CSV, for spreadsheets. Raises BadRequest for what is neither
    yes nor no.
    """
    suffix = "jsonl" if json_lines else "csv"
    asked = request.GET.get("bom", "false").lower()
    if asked not in ("0", "1", "false", "true"):
        raise BadRequest("bom is true or false")
    mark = asked in ("1", "true")
    response = _download(
        request,
        reader,
        table_json_lines(table)
        if json_lines
        else table_csv(table, incomplete=incomplete_table(), utf8_mark=mark),
        target=f"{table.name}.{suffix}",
        facts={"masked": reader.masked},
    )
    name = table.file_name(reader.enterprise, suffix)
    response["Content-Type"] = JSON_LINES if json_lines else CSV
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def incomplete_report() -> str:
    """The last line of a report that broke off."""
    return _(
        "INCOMPLETE: this download broke off after %(written)s of %(persons)s rows."
        " Download it again."
    )


def incomplete_table() -> str:
    """The last line of another table that broke off."""
    return _("INCOMPLETE: this download broke off after %(written)s rows. Download it again.")


def _of_snapshot(
    request: HttpRequest,
    reader: Reader,
    snapshot: Snapshot,
    chunks: Iterator[bytes],
    *,
    target: str,
    content_type: str,
) -> HttpResponseBase:
    facts = {"snapshot": snapshot.pk, "rows": snapshot.persons, "masked": reader.masked}
    response = _download(request, reader, chunks, target=target, facts=facts)
    name = file_name(snapshot, target.rpartition(".")[2])
    response["Content-Type"] = content_type
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Licsync-Snapshot"] = str(snapshot.pk)
    response["X-Licsync-As-Of"] = moment(snapshot.taken_at)
    response["X-Licsync-Rows"] = str(snapshot.persons)
    return response


def _download(
    request: HttpRequest,
    reader: Reader,
    chunks: Iterator[bytes],
    *,
    target: str,
    facts: dict[str, Any],
) -> HttpResponseBase:
    """Audited, unless only the headers are asked for."""
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse()
    else:
        audit_record(
            enterprise=reader.enterprise,
            actor=reader.actor,
            action="report.download",
            target=target,
            after=facts,
        )
        response = _streamed(request, chunks)
    response["Cache-Control"] = "no-store"
    return response


def _streamed(request: HttpRequest, chunks: Iterator[bytes]) -> StreamingHttpResponse:
    """Send while reading; but to HTTP/1.0 only when all is read.

    HTTP/1.0 (still what some proxies speak to their servers) marks the end of an answer of unknown
    length by closing, as a break does. So that one is made whole first, and its length told.
    """
    if request.META.get("SERVER_PROTOCOL") != "HTTP/1.0":
        return StreamingHttpResponse(chunks)
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - closed by _read
    for chunk in chunks:
        spool.write(chunk)
    response = StreamingHttpResponse(_read(spool))
    response["Content-Length"] = str(spool.tell())
    spool.seek(0)
    return response


def _read(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        while block := spool.read(READ_BYTES):
            yield block
