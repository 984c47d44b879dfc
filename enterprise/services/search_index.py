"""The index of trigrams over current persons' words, of which migration 0003 tells.

PostgreSQL keeps its own. On SQLite triggers take out what is deleted or changed; what is inserted is
added here, all at once: by a trigger it would be written row by row, at ten times the cost.
"""

from __future__ import annotations

from functools import cache

from django.db import connection

TABLE = "enterprise_currentperson_words"


def has_words_index() -> bool:
    """Whether this is SQLite, and has the index: it needs FTS5 with trigrams (SQLite 3.34)."""
    return connection.vendor == "sqlite" and _has_table(str(connection.settings_dict["NAME"]))


@cache
def _has_table(_database: str) -> bool:
    return TABLE in connection.introspection.table_names()


def newest_person() -> int:
    """The id after which ``words_index_add`` is to go on: those of new rows are larger."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(MAX(id), 0) FROM enterprise_currentperson")
        row: tuple[int] = cursor.fetchone()
    return row[0]


def words_index_add(*, after: int) -> None:
    """Add the words of current persons with an id above ``after``, in the transaction at hand."""
    if has_words_index():
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {TABLE}(rowid, words)"  # noqa: S608 - a constant
                " SELECT id, words FROM enterprise_currentperson WHERE id > %s",
                [after],
            )
