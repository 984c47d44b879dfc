"""The backup file: ``licsync.backup/1``, gzip over JSON lines, encrypted if a passphrase is set.

The first line tells the version and migrations; then each table has a line with its columns, lines of
up to 500 rows in the order of their ids, and a line with the number of rows and the SHA-256 of the
row lines; the last line ends the file. The same content gives the same hashes on any database, so that
a restored console is compared with its backup by them.
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import orjson
from django.apps import apps
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder

from licsync.sealed_files import MAGIC, SealedReader, SealingWriter

FORMAT = "licsync.backup/1"
ROWS = 500

# Made anew by migrating (nothing of ours refers to them), and sessions: who has the file must not be
# able to go on in one, so that everybody signs in again.
LEFT_OUT = {"contenttypes", "auth", "sessions", "usersessions"}


class BackupError(Exception):
    """The file cannot be used; ``code`` has its sentence in ``wording.backup``."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code, self.params = code, params


class TableSum(NamedTuple):
    """What a table holds."""

    rows: int
    digest: str


def tables() -> list[type[models.Model]]:
    """Every table that is backed up, in a fixed order."""
    found = apps.get_models(include_auto_created=True)
    kept = [m for m in found if m._meta.managed and m._meta.app_label not in LEFT_OUT]
    return sorted(kept, key=lambda model: model._meta.db_table)


def columns(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def migrations() -> list[str]:
    """The migrations of this database that its content depends on, sorted."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied if app not in LEFT_OUT)


def row_lines(model: type[models.Model]) -> Iterator[tuple[bytes, int]]:
    """The rows of a table as lines, with how many rows each has."""
    rows = model._base_manager.order_by("pk").values_list(*columns(model))
    batch: list[Any] = []
    for row in rows.iterator(chunk_size=ROWS):
        batch.append(row)
        if len(batch) == ROWS:
            yield _line(batch), len(batch)
            batch = []
    if batch:
        yield _line(batch), len(batch)


def table_sum(model: type[models.Model]) -> TableSum:
    digest, rows = sha256(), 0
    for line, count in row_lines(model):
        digest.update(line)
        rows += count
    return TableSum(rows, digest.hexdigest())


def _line(value: Any) -> bytes:
    return orjson.dumps(
        value, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
    )


def _plain(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="microseconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    return str(value)


def row_values(model: type[models.Model], row: list[Any]) -> list[Any]:
    """A row of a file as the database takes it."""
    values = []
    for field, value in zip(model._meta.concrete_fields, row, strict=True):
        read = value
        if value is not None and isinstance(field, models.BinaryField):
            read = base64.b64decode(value)
        elif not isinstance(field, models.JSONField):
            read = field.to_python(value)
        values.append(field.get_db_prep_save(read, connection))
    return values


@contextmanager
def backup_written(path: Path, passphrase: str) -> Iterator[IO[bytes]]:
    """A file that appears under its name when it is whole, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            sealing = SealingWriter(file, passphrase) if passphrase else None
            target = cast(IO[bytes], sealing or file)
            with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=4, mtime=0) as packed:
                yield cast(IO[bytes], packed)
            if sealing:
                sealing.close()
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def backup_read(path: Path, passphrase: str) -> Iterator[IO[bytes]]:
    """Raises BackupError ``passphrase_needed``; gzip's and our own errors come while reading."""
    with path.open("rb") as file:
        source: IO[bytes] = file
        if file.read(len(MAGIC)) == MAGIC:
            if not passphrase:
                raise BackupError("passphrase_needed")
            source = cast(IO[bytes], SealedReader(file, passphrase))
        else:
            file.seek(0)
        with gzip.GzipFile(fileobj=source, mode="rb") as packed:
            yield cast(IO[bytes], packed)
