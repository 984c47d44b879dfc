"""Make the table of the database cache, so that ``migrate`` is the only step before a start.

It is made also where another cache is set, so that the setting can be changed later.
"""

from typing import Any, ClassVar

from django.core.management import call_command
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def create(_apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    call_command(
        "createcachetable", "licsync_cache", database=schema_editor.connection.alias, verbosity=0
    )


class Migration(migrations.Migration):
    dependencies: ClassVar = []
    operations: ClassVar = [
        migrations.RunPython(create, migrations.RunPython.noop),
    ]
