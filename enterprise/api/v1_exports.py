"""``/api/v1``: files, streamed; always whole, or visibly broken."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Query, Router

from enterprise.api.v1_history import Between, pair_asked
from enterprise.api.v1_links import AsOf, TokenReader, reader_of, reads, snapshot_asked
from enterprise.api.v1_lists import list_named
from enterprise.api.v1_problems import Problem
from enterprise.downloads import persons_download, report_download, table_file
from enterprise.reports.lists import list_table
from enterprise.reports.tables import Table, changes_table, difference_table
from enterprise.selectors.difference import snapshot_compared

router = Router(tags=["exports"])


def _file(media_type: str) -> dict[str, Any]:
    """What the description says of an answer that is a file."""
    content = {media_type: {"schema": {"type": "string"}}}
    return {"responses": {200: {"description": "The file, streamed", "content": content}}}


CSV_FILE, JSON_LINES_FILE = _file("text/csv"), _file("application/jsonl")
CSV_FILE["parameters"] = [  # what ``downloads.table_file`` looks at, of every table alike
    {
        "in": "query",
        "name": "bom",
        "required": False,
        "schema": {"type": "boolean", "default": False},
        "description": "A UTF-8 mark in front, for Excel",
    }
]


@router.get(
    "/enterprises/{slug}/persons.csv",
    response={200: None},
    auth=reads,
    summary="Download the consumed-license report",
    openapi_extra=_file("text/csv"),
)
def download_report(
    request: HttpRequest,
    slug: str,
    *,
    as_of: AsOf = None,
    headers: Literal["github", "snake_case"] = "github",
    bom: bool = False,
) -> HttpResponseBase:
    """One row per person in GitHub's 28 columns; `bom` puts a UTF-8 mark in front, for Excel.

    Broken off, its last line begins with `INCOMPLETE:`.
    """
    reader = reader_of(request, slug)
    snapshot = snapshot_asked(reader.enterprise, as_of)
    return report_download(
        request, reader, snapshot, snake_case=headers == "snake_case", utf8_mark=bom
    )


@router.get(
    "/enterprises/{slug}/persons.jsonl",
    response={200: None},
    auth=reads,
    summary="Download all persons as JSON lines",
    openapi_extra=JSON_LINES_FILE,
)
def download_persons(request: HttpRequest, slug: str, as_of: AsOf = None) -> HttpResponseBase:
    """A line is one person as in the list. Broken off, the last one says `"incomplete": true`."""
    reader = reader_of(request, slug)
    return persons_download(request, reader, snapshot_asked(reader.enterprise, as_of))


@router.get(
    "/enterprises/{slug}/changes.csv",
    response={200: None},
    auth=reads,
    summary="Download what changed between two snapshots",
    openapi_extra=CSV_FILE,
)
def download_changes(
    request: HttpRequest, slug: str, between: Annotated[Between, Query()]
) -> HttpResponseBase:
    reader = reader_of(request, slug)
    return table_file(request, reader, _changes(reader, between))


@router.get(
    "/enterprises/{slug}/changes.jsonl",
    response={200: None},
    auth=reads,
    summary="Download what changed between two snapshots as JSON lines",
    openapi_extra=JSON_LINES_FILE,
)
def download_change_lines(
    request: HttpRequest, slug: str, between: Annotated[Between, Query()]
) -> HttpResponseBase:
    reader = reader_of(request, slug)
    return table_file(request, reader, _changes(reader, between), json_lines=True)


def _changes(reader: TokenReader, between: Between) -> Table:
    older, newer = pair_asked(reader.enterprise, between)
    return changes_table(older, newer, masked=reader.masked)


@router.get(
    "/enterprises/{slug}/difference.csv",
    response={200: None},
    auth=reads,
    summary="Download the difference with GitHub",
    openapi_extra=CSV_FILE,
)
def download_difference(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A line for each person and each of GitHub's rows in a component that differs."""
    reader = reader_of(request, slug)
    return table_file(request, reader, _difference(reader))


@router.get(
    "/enterprises/{slug}/difference.jsonl",
    response={200: None},
    auth=reads,
    summary="Download the difference with GitHub as JSON lines",
    openapi_extra=JSON_LINES_FILE,
)
def download_difference_lines(request: HttpRequest, slug: str) -> HttpResponseBase:
    """As the CSV file."""
    reader = reader_of(request, slug)
    return table_file(request, reader, _difference(reader), json_lines=True)


def _difference(reader: TokenReader) -> Table:
    snapshot = snapshot_compared(reader.enterprise)
    if snapshot is None:
        raise Problem(409, "not_compared", "No count has been compared with GitHub's list yet.")
    snapshot.enterprise = reader.enterprise
    return difference_table(snapshot, masked=reader.masked)


@router.get(
    "/enterprises/{slug}/lists/{name}.csv",
    response={200: None},
    auth=reads,
    summary="Download a list of accounts that deserve a look",
    openapi_extra=CSV_FILE,
)
def download_list(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    reader = reader_of(request, slug)
    return table_file(request, reader, _list(reader, name))


@router.get(
    "/enterprises/{slug}/lists/{name}.jsonl",
    response={200: None},
    auth=reads,
    summary="Download a list of accounts that deserve a look as JSON lines",
    openapi_extra=JSON_LINES_FILE,
)
def download_list_lines(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    reader = reader_of(request, slug)
    return table_file(request, reader, _list(reader, name), json_lines=True)


def _list(reader: TokenReader, name: str) -> Table:
    list_named(name)
    return list_table(name, reader.enterprise, masked=reader.masked)
