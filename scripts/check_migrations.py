"""Whether each migration can run while the version before it still serves (docs/operations.md).

django-migration-linter looks at the SQL that each migration of ours makes of the database in
``DATABASE_URL``. What may stay is answered in ``ANSWERED``. Whether the version before can insert into
its tables is seen only of all migrations together, by ``unfilled``. Exit code 1 if anything is found.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.db.migrations.state import ProjectState

ROOT = Path(__file__).resolve().parent.parent

# The version before: its last migration, and its commit, whose code is run beside the present one. There
# is no release yet: that is the schema of the first commit that could sync, count and search, and the
# last commit on that schema, as a release would have been. With each release both move to it.
PREVIOUS = ("enterprise", "0003_search_index")
PREVIOUS_COMMIT = "a51581d4455296318de5d15db23be3be3d7b4ce6"
ANSWERED = [
    "RUNPYTHON_REVERSIBLE",  # a step that cannot be undone says so with noop; rollback is tested
    "NOT_NULL",  # by unfilled: the linter lets all pass where one column of a migration has a default
]


def unfilled(then: ProjectState, now: ProjectState) -> list[str]:
    """Columns, as ``table.column`` by name, that whoever knows the tables as ``then`` leaves without a
    value that they need ``now``: no null is allowed, and the database has no default."""
    return sorted(
        f"{app}_{model}.{name}"
        for (app, model), before in then.models.items()
        if (app, model) in now.models
        for name, field in now.models[app, model].fields.items()
        if not (field.null or field.has_db_default() or field.many_to_many)
        and (name not in before.fields or before.fields[name].null)
    )


def main() -> int:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licsync.settings")
    import django  # noqa: PLC0415

    django.setup()
    from django.db.migrations.loader import MigrationLoader  # noqa: PLC0415
    from django_migration_linter import MigrationLinter  # noqa: PLC0415

    loader = MigrationLoader(None)
    linter = MigrationLinter(
        str(ROOT),
        include_apps=["enterprise", "licsync"],
        # Those that no version serves beside any more.
        ignore_name=[
            name for app, name in loader.graph.forwards_plan(PREVIOUS) if app == "enterprise"
        ],
        exclude_migration_tests=ANSWERED,
        warnings_as_errors_tests=None,
        no_cache=True,
    )
    linter.lint_all_migrations()
    linter.print_summary()
    found = unfilled(loader.project_state([PREVIOUS]), loader.project_state())
    for column in found:
        print(f"{column}: the version before cannot fill it; give the field a db_default")
    return 1 if linter.has_errors or found else 0


if __name__ == "__main__":
    sys.exit(main())
