"""Everything the console knows, to a file and back, between SQLite and PostgreSQL too."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import orjson
from django.core.exceptions import ValidationError
from django.core.management.color import no_style
from django.db import DataError, IntegrityError, connection, models, transaction
from django.utils import timezone

from enterprise.models import AuditEvent, Enterprise, User
from enterprise.services.audit import Actor, audit_record
from enterprise.services.backup_format import (
    FORMAT,
    BackupError,
    TableSum,
    backup_read,
    backup_written,
    columns,
    migrations,
    row_lines,
    row_values,
    table_sum,
    tables,
)
from enterprise.services.bulk import bulk_insert
from enterprise.services.key_rotation import secrets_unreadable
from enterprise.services.search_index import words_index_add
from licsync.sealed_files import UnsealError

_DAMAGE = (
    *(
        EOFError,
        gzip.BadGzipFile,
        zlib.error,
        orjson.JSONDecodeError,
        KeyError,
        TypeError,
        ValueError,
    ),
    *(ValidationError, DataError, IntegrityError),
)

Tell = Callable[[str, int], None]  # a table and its rows, as each is done


def backup_make(*, path: Path, passphrase: str, actor: Actor, tell: Tell) -> int:
    """Write everything as of one moment; how many rows. Runs beside a working console.

    Nobody waits for it: PostgreSQL and SQLite both give a reader its own view of that moment.
    """
    audit_record(
        enterprise=None, actor=actor, action="backup.make", after={"encrypted": bool(passphrase)}
    )
    with _one_moment(), backup_written(path, passphrase) as file:
        head = {"format": FORMAT, "made_at": timezone.now(), "migrations": migrations()}
        _write(file, head)
        total = 0
        for model in tables():
            _write(file, {"table": model._meta.db_table, "columns": columns(model)})
            digest, rows = sha256(), 0
            for line, count in row_lines(model):
                file.write(line + b"\n")
                digest.update(line)
                rows += count
            _write(file, {"rows": rows, "sha256": digest.hexdigest()})
            tell(model._meta.db_table, rows)
            total += rows
        _write(file, {"end": True, "rows": total})
    return total


def _write(file: IO[bytes], value: dict[str, Any]) -> None:
    file.write(orjson.dumps(value) + b"\n")


@contextmanager
def _one_moment() -> Iterator[None]:
    """A transaction that only reads. Django's own would take SQLite's write lock."""
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    with connection.cursor() as cursor:
        cursor.execute(begin if connection.vendor == "postgresql" else "BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def backup_restore(*, path: Path, passphrase: str, actor: Actor, tell: Tell) -> int:
    """Fill an empty, migrated database from a file; how many stored secrets today's keys do not open.

    All of it or nothing: one transaction, at the end of which what the database holds is read again
    and compared with the file. Raises BackupError.
    """
    refuse_unless_empty()
    try:
        with transaction.atomic():
            with backup_read(path, passphrase) as file:
                sums = _load(file, tell)
            words_index_add(after=0)
            _set_sequences()
            for model in tables():
                if table_sum(model) != sums[model._meta.db_table]:
                    raise BackupError("content_differs", table=model._meta.db_table)
    except UnsealError:
        raise BackupError("unreadable") from None
    except _DAMAGE:
        raise BackupError("damaged") from None
    except OSError as error:
        raise BackupError("unread", reason=error.strerror) from None
    audit_record(enterprise=None, actor=actor, action="backup.restore")
    return secrets_unreadable()


def refuse_unless_empty() -> None:
    """Raises BackupError if the database holds anything of ours, migrated or not.

    An event of the audit log is enough: it could not be taken out for the backup's.
    """
    there = connection.introspection.table_names()
    for model in (User, Enterprise, AuditEvent):
        if model._meta.db_table in there and model._base_manager.exists():
            raise BackupError("not_empty")


def _load(file: IO[bytes], tell: Tell) -> dict[str, TableSum]:
    head = orjson.loads(file.readline())
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise BackupError("unknown_format")
    if head["migrations"] != migrations():
        missing = sorted({*head["migrations"]} ^ {*migrations()})
        raise BackupError("other_version", names=", ".join(missing[:5]))
    sums = {}
    for model in tables():
        table = model._meta.db_table
        if orjson.loads(file.readline()) != {"table": table, "columns": columns(model)}:
            raise BackupError("damaged")
        model._base_manager.all()._raw_delete(connection.alias)  # what migrations put there
        rows = _Rows(file, model)
        bulk_insert(model, _names(model), rows)
        if rows.end != {"rows": rows.count, "sha256": rows.digest.hexdigest()}:
            raise BackupError("damaged")
        sums[table] = TableSum(rows.count, rows.digest.hexdigest())
        tell(table, rows.count)
    total = sum(each.rows for each in sums.values())
    if orjson.loads(file.readline()) != {"end": True, "rows": total} or file.read(1):
        raise BackupError("damaged")
    return sums


class _Rows:
    """The rows of one table while they are read, counted and hashed; ``end`` is the line after."""

    def __init__(self, file: IO[bytes], model: type[models.Model]) -> None:
        self.file, self.model = file, model
        self.digest, self.count = sha256(), 0
        self.end: Any = None

    def __iter__(self) -> Iterator[list[Any]]:
        while True:
            line = self.file.readline().rstrip(b"\n")
            rows = orjson.loads(line)
            if isinstance(rows, dict):
                self.end = rows
                return
            self.digest.update(line)
            self.count += len(rows)
            for row in rows:
                yield row_values(self.model, row)


def _names(model: type[models.Model]) -> list[str]:
    return [field.name for field in model._meta.concrete_fields]


def _set_sequences() -> None:
    """New rows get ids after the restored ones."""
    statements = connection.ops.sequence_reset_sql(no_style(), tables())
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
