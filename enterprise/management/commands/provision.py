"""``manage.py provision FILE.toml``: bring an enterprise to what a file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from enterprise.services.provision_file import Problem, ProvisionRefused, provision_file_read
from enterprise.services.provisioning import provision
from enterprise.wording import fault_sentence
from licsync import env


class Command(BaseCommand):
    help = "Apply a provisioning file (docs/configuration.md): prints one line for each change."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE.toml", type=Path)

    def handle(self, *_args: Any, file: Path, **_options: Any) -> None:
        try:
            changes = provision(file=provision_file_read(file), secret=env.text)
        except ProvisionRefused as refused:
            raise CommandError("\n".join(map(_line, refused.problems))) from None
        except ImproperlyConfigured as error:  # a NAME_FILE that cannot be read
            raise CommandError(str(error)) from None
        for change in changes or [_("nothing changed")]:
            self.stdout.write(change)


def _line(problem: Problem) -> str:
    place = f"{problem.place}: " if problem.place else ""
    return f"{place}{fault_sentence(problem.refusal)}"
