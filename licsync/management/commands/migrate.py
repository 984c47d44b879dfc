"""``manage.py migrate``, which gives way to those who work meanwhile (docs/operations.md).

On PostgreSQL whoever changes a table waits for all who read it, and everybody who comes later waits
behind that: during a long run no page would come. And a migration that has changed one table and
waits for the next, and a page that reads both, may wait for each other until one of them is ended. So
here a migration takes all its tables at once or none, and never waits while it has one.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import AddIndex, CreateModel, Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from django.db.migrations.utils import resolve_relation
from psycopg.errors import LockNotAvailable

PAUSE = 0.02  # seconds between two tries
PATIENCE = 900.0  # seconds: a run applies all that it read in one transaction

CHANGES = "ACCESS EXCLUSIVE"  # nobody else reads or writes
WRITES = "SHARE ROW EXCLUSIVE"  # others read: for a new index, or a new key that points there


def _touched(migration: Migration) -> Iterator[tuple[tuple[str, str], str]]:
    """The models whose tables a migration locks, and how; those that it makes are among them.

    Not what a key pointed to that goes: ``make migrations`` refuses to drop a column or a table.
    """
    for operation in migration.operations:
        name = getattr(operation, "model_name", "") or getattr(operation, "name", "")
        yield (
            (migration.app_label, name.lower()),
            WRITES if isinstance(operation, AddIndex) else CHANGES,
        )
        fields = dict(operation.fields) if isinstance(operation, CreateModel) else {}
        for field in (*fields.values(), getattr(operation, "field", None)):
            if relation := getattr(field, "remote_field", None):
                yield resolve_relation(relation.model, migration.app_label, name), WRITES


def _lock(connection: BaseDatabaseWrapper, migration: Migration, state: ProjectState) -> None:
    """Take every table that the migration finds, or raise at once."""
    tables = defaultdict(set)
    for key, mode in _touched(migration):
        if key in state.models:
            model = state.apps.get_model(*key)._meta
            if model.can_migrate(connection):  # Django's own user, whom ours replaces, has no table
                tables[mode].add(model.db_table)
    with connection.cursor() as cursor:
        for mode in (CHANGES, WRITES):
            if tables[mode]:
                names = ", ".join(map(connection.ops.quote_name, sorted(tables[mode])))
                cursor.execute(f"LOCK TABLE {names} IN {mode} MODE NOWAIT")


class Executor(MigrationExecutor):
    def apply_migration(
        self, state: ProjectState, migration: Migration, *args: Any, **options: Any
    ) -> ProjectState:
        if self.connection.vendor != "postgresql" or not migration.atomic:
            return super().apply_migration(state, migration, *args, **options)
        deadline = time.monotonic() + PATIENCE
        while True:
            with transaction.atomic(using=self.connection.alias):
                if self._is_locked(migration, state, last=time.monotonic() > deadline):
                    return super().apply_migration(state, migration, *args, **options)
            time.sleep(PAUSE)

    def _is_locked(self, migration: Migration, state: ProjectState, *, last: bool) -> bool:
        """Whether the migration has its tables now, none otherwise. ``last`` raises instead."""
        try:
            with transaction.atomic(using=self.connection.alias):
                _lock(self.connection, migration, state)
        except OperationalError as error:
            if last or not isinstance(error.__cause__, LockNotAvailable):
                raise
            return False
        return True


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        # Django's command makes its own, by this name.
        migrate.MigrationExecutor = Executor  # type: ignore[attr-defined]
        super().handle(*args, **options)
