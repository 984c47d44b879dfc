"""``manage.py doctor``: what is wrong, and how to mend it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management import BaseCommand
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from enterprise.services.connection_test import ERROR, OK, WARNING
from enterprise.services.doctor import examine
from enterprise.wording.doctor import finding_sentence

MARKS = {OK: "  ok  ", WARNING: " WARN ", ERROR: "ERROR "}


class Command(BaseCommand):
    help = (
        "Look at settings, database, broker, beat, clocks, secrets, audit log, and at GitHub and each "
        "instance as a sync would. Ends with 1 if anything is wrong, with 0 for warnings only."
    )
    requires_system_checks = ()  # they are part of what is told

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--local", action="store_true", help="do not connect to GitHub and the instances"
        )

    def handle(self, *_args: Any, local: bool, **_options: Any) -> None:
        levels: Counter[str] = Counter()
        for found in examine(reach_out=not local):
            levels[found.level] += 1
            said = finding_sentence(found.code, found.params)
            self.stdout.write(f"{MARKS[found.level]}{found.part}: {said}")
        self.stdout.write(
            _("%(errors)d wrong, %(warnings)d to look at, %(fine)d in order.")
            % {"errors": levels[ERROR], "warnings": levels[WARNING], "fine": levels[OK]}
        )
        if levels[ERROR]:
            raise SystemExit(1)
