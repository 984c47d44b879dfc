"""An index of trigrams over the words of current persons, so that a part of a name is found at once.

On PostgreSQL by pg_trgm, where the extension is there and may be created; on SQLite by FTS5, kept by
``services.search_index`` and by triggers. Without either, a search reads the whole table: slower, and
right all the same.

On SQLite a migration that remakes the table drops its triggers, and has to make them again.
"""

from django.db import Error, migrations, transaction

SQLITE = (
    # Only which trigrams a row has, not where (detail): a search compares the row itself anyway.
    # So many bytes of new trigrams are gathered before they are written (hashsize): with FTS5's own
    # 1 MiB, the first count of a million persons takes five times as long.
    "CREATE VIRTUAL TABLE enterprise_currentperson_words USING fts5("
    "words, content='enterprise_currentperson', content_rowid='id',"
    " tokenize='trigram case_sensitive 1', detail=none, columnsize=0)",
    "INSERT INTO enterprise_currentperson_words(enterprise_currentperson_words, rank)"
    " VALUES ('hashsize', 16777216)",
    "INSERT INTO enterprise_currentperson_words(enterprise_currentperson_words) VALUES ('rebuild')",
    "CREATE TRIGGER current_person_words_delete AFTER DELETE ON enterprise_currentperson BEGIN"
    " INSERT INTO enterprise_currentperson_words(enterprise_currentperson_words, rowid, words)"
    " VALUES ('delete', old.id, old.words); END",
    "CREATE TRIGGER current_person_words_update AFTER UPDATE OF words ON enterprise_currentperson"
    " BEGIN"
    " INSERT INTO enterprise_currentperson_words(enterprise_currentperson_words, rowid, words)"
    " VALUES ('delete', old.id, old.words);"
    " INSERT INTO enterprise_currentperson_words(rowid, words) VALUES (new.id, new.words); END",
)
POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX current_person_words ON enterprise_currentperson USING gin (words gin_trgm_ops)",
)


def index_words(apps, schema_editor):
    connection = schema_editor.connection
    statements = POSTGRESQL if connection.vendor == "postgresql" else SQLITE
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    except Error:  # no such module or extension, or not allowed: then without
        pass


class Migration(migrations.Migration):
    dependencies = [
        ("enterprise", "0002_sources_and_uploads"),
    ]

    operations = [
        migrations.RunPython(index_words, migrations.RunPython.noop),
    ]
