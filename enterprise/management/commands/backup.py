"""``manage.py backup FILE``: everything the console knows, as of one moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from enterprise.services.audit import Actor
from enterprise.services.backup import backup_make

ACTOR = Actor("backup", "command")


class Command(BaseCommand):
    help = (
        "Write a backup to FILE, beside a running console; encrypted if LICSYNC_BACKUP_PASSPHRASE is "
        "set. Keys and sessions are not in it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *_args: Any, file: Path, verbosity: int, **_options: Any) -> None:
        def tell(table: str, rows: int) -> None:
            if verbosity > 1:
                self.stdout.write(f"{table}: {rows}")

        if file.exists():
            raise CommandError(_("%s is there already, and stays as it is.") % file)
        passphrase = settings.LICSYNC_BACKUP_PASSPHRASE
        try:
            rows = backup_make(path=file, passphrase=passphrase, actor=ACTOR, tell=tell)
        except OSError as error:
            raise CommandError(
                _("%(file)s cannot be written: %(reason)s.")
                % {"file": file, "reason": error.strerror}
            ) from error
        how = _("encrypted") if passphrase else _("not encrypted: it holds e-mail addresses")
        self.stdout.write(
            _("%(file)s: %(rows)d rows, %(how)s.") % {"file": file, "rows": rows, "how": how}
        )
