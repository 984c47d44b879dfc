"""Bulk reads and writes through the bare cursor, in this one place.

Django's bulk_create takes six times as long on either database (stack.md, "Speed"). Columns are
given by their field names; values as the database takes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, models

T = TypeVar("T")

READ_ROWS = 2000
WRITE_ROWS = 5000
IN_LIST = 500  # values in one IN list: under SQLite's limit in every build


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most ``size`` items, in order."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


@contextmanager
def read_once() -> Iterator[None]:
    """Read a whole table once without filling SQLite's page cache, which would keep 64 MiB of it."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        before = cursor.execute("PRAGMA cache_size").fetchone()[0]
        cursor.execute("PRAGMA cache_size = -4096")  # KiB
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA cache_size = {int(before)}")


def bulk_read(sql: str, params: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of one SELECT, without holding them all.

    PostgreSQL streams from a server-side cursor, held past its transaction, so that what the caller
    writes meanwhile is committed at once; SQLite streams by itself.
    """
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(READ_ROWS):
            yield from rows


def bulk_read_in(
    sql: str, params: Sequence[Any], values: Iterable[Any]
) -> Iterator[tuple[Any, ...]]:
    """The rows of a SELECT that ends in ``IN``, for any number of values."""
    with connection.cursor() as cursor:
        for batch in in_batches(values, IN_LIST):
            cursor.execute(f"{sql} ({_marks(batch)})", [*params, *batch])
            yield from cursor.fetchall()


def bulk_execute_in(sql: str, params: Sequence[Any], values: Iterable[Any]) -> None:
    """Run an UPDATE or DELETE that ends in ``IN``, for any number of values."""
    with connection.cursor() as cursor:
        for batch in in_batches(values, IN_LIST):
            cursor.execute(f"{sql} ({_marks(batch)})", [*params, *batch])


def bulk_insert(
    model: type[models.Model], fields: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """Insert rows given as sequences in the order of ``fields``; how many they were."""
    quote = connection.ops.quote_name
    by_name = {field.name: str(field.column) for field in model._meta.concrete_fields}
    columns = ", ".join(quote(by_name[name]) for name in fields)
    table = quote(model._meta.db_table)
    written = 0
    with connection.cursor() as cursor:
        sql = f"INSERT INTO {table} ({columns}) VALUES ({_marks(fields)})"  # noqa: S608 - names, no input
        # A batch is gathered before it is written: its rows may come from the same connection.
        for batch in in_batches(rows, WRITE_ROWS):
            if connection.vendor == "postgresql":
                copying = cursor.copy(f"COPY {table} ({columns}) FROM STDIN")
                with connection.wrap_database_errors, copying as copy:  # Django does not by itself
                    for row in batch:
                        copy.write_row(row)
            else:
                cursor.executemany(sql, batch)
            written += len(batch)
    return written


def bulk_execute(sql: str, rows: Iterable[Sequence[Any]]) -> None:
    """Run one UPDATE or DELETE with each of many parameter rows."""
    with connection.cursor() as cursor:
        for batch in in_batches(rows, WRITE_ROWS):
            cursor.executemany(sql, batch)


def _marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))
