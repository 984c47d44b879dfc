"""Files to take away."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from enterprise.access import Access, Permission, enterprise_view
from enterprise.models import Snapshot
from enterprise.reports.csv import file_name, report_csv, table_csv
from enterprise.reports.rest import moment
from enterprise.selectors.licenses import snapshot_get, snapshot_latest
from enterprise.services.audit import audit_record
from enterprise.views.shell import whole_number

SPOOL_BYTES = 4 * 1024 * 1024  # held in memory; more goes to a temporary file
READ_BYTES = 64 * 1024


@enterprise_view(Permission.SEE_REPORTS)
def licensing_csv(request: HttpRequest, access: Access) -> HttpResponseBase:
    """The report as of the newest snapshot, or of ``?as_of=ID``.

    ``?headers=snake_case`` gives GitHub's older headers, ``?bom=1`` a UTF-8 mark for spreadsheets.
    Before the first count there is no file: an empty one would say that nobody consumes a license.
    """
    snapshot = _snapshot(request, access)
    if snapshot is None:
        return render(request, "nothing_counted.html", {"access": access}, status=409)
    snapshot.enterprise = access.enterprise
    chunks = report_csv(
        snapshot,
        masked=access.masked,
        incomplete=_(
            "INCOMPLETE: this download broke off after %(written)s of %(persons)s rows."
            " Download it again."
        ),
        snake_case=request.GET.get("headers") == "snake_case",
        utf8_mark=request.GET.get("bom") == "1",
    )
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse()
    else:
        audit_record(
            enterprise=access.enterprise,
            actor=access.actor,
            action="report.download",
            target="licensing.csv",
            after={"snapshot": snapshot.pk, "rows": snapshot.persons, "masked": access.masked},
        )
        response = _streamed(request, chunks)
    response["Content-Type"] = "text/csv; charset=utf-8; header=present"
    response["Content-Disposition"] = f'attachment; filename="{file_name(snapshot)}"'
    response["Cache-Control"] = "no-store"
    response["X-Licsync-Snapshot"] = str(snapshot.pk)
    response["X-Licsync-As-Of"] = moment(snapshot.taken_at)
    response["X-Licsync-Rows"] = str(snapshot.persons)
    return response


def table_download(
    request: HttpRequest,
    access: Access,
    name: str,
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> HttpResponseBase:
    """Any other table as the file ``NAME-ENTERPRISE.csv``; ``rows`` are read while it is sent."""
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse()
    else:
        audit_record(
            enterprise=access.enterprise,
            actor=access.actor,
            action="report.download",
            target=f"{name}.csv",
            after={"masked": access.masked},
        )
        incomplete = _(
            "INCOMPLETE: this download broke off after %(written)s rows. Download it again."
        )
        response = _streamed(request, table_csv(head, rows, incomplete=incomplete))
    response["Content-Type"] = "text/csv; charset=utf-8; header=present"
    response["Content-Disposition"] = f'attachment; filename="{name}-{access.enterprise.slug}.csv"'
    response["Cache-Control"] = "no-store"
    return response


def _snapshot(request: HttpRequest, access: Access) -> Snapshot | None:
    as_of = request.GET.get("as_of")
    if as_of is None:
        return snapshot_latest(access.enterprise)
    number = whole_number(as_of)
    snapshot = None if number is None else snapshot_get(access.enterprise, number)
    if snapshot is None:
        raise Http404
    return snapshot


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
