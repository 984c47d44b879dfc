"""Whether each migration can run while the version before it still serves (docs/operations.md).

django-migration-linter looks at the SQL that each migration of ours makes of the database in
``DATABASE_URL``. What may stay is answered in ``ANSWERED``. Exit code 1 if anything else is found.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Those that no released version has ever served beside: they made the tables of the first release.
# 0005 and 0012 add columns that a version before could not fill.
FIRST = ["0001_initial", "0002_sources_and_uploads", "0003_search_index"]
FIRST += ["0005_renewal", "0012_instance_slug"]
ANSWERED = [
    "RUNPYTHON_REVERSIBLE",  # a step that cannot be undone says so with noop; rollback is tested
]


def main() -> int:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licsync.settings")
    import django  # noqa: PLC0415

    django.setup()
    from django_migration_linter import MigrationLinter  # noqa: PLC0415

    linter = MigrationLinter(
        str(ROOT),
        include_apps=["enterprise", "licsync"],
        ignore_name=FIRST,
        exclude_migration_tests=ANSWERED,
        warnings_as_errors_tests=None,
        no_cache=True,
    )
    linter.lint_all_migrations()
    linter.print_summary()
    return 1 if linter.has_errors else 0


if __name__ == "__main__":
    sys.exit(main())
