"""``manage.py restore FILE``: fill an empty database from a backup, and check it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from enterprise.services.audit import Actor
from enterprise.services.backup import backup_restore, refuse_unless_empty
from enterprise.services.backup_format import BackupError
from enterprise.wording.backup import trouble_sentence

ACTOR = Actor("restore", "command")


class Command(BaseCommand):
    help = "Fill an empty database from FILE, all of it or nothing, and compare it with the file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *_args: Any, file: Path, verbosity: int, **_options: Any) -> None:
        done = 0

        def tell(table: str, rows: int) -> None:
            nonlocal done
            done += rows
            if verbosity > 1:
                self.stdout.write(f"{table}: {rows}")

        if not file.is_file():
            raise CommandError(_("There is no file %s.") % file)
        passphrase = settings.LICSYNC_BACKUP_PASSPHRASE
        try:
            refuse_unless_empty()  # before another console's database is migrated
            call_command("migrate", interactive=False, verbosity=0, stdout=self.stdout)
            unreadable = backup_restore(path=file, passphrase=passphrase, actor=ACTOR, tell=tell)
        except BackupError as error:
            raise CommandError(trouble_sentence(error.code, error.params)) from error
        self.stdout.write(_("%d rows restored, and equal to the backup.") % done)
        if unreadable:
            self.stdout.write(
                _(
                    "%d stored secrets cannot be read with today's LICSYNC_CREDENTIAL_KEYS: add the "
                    "keys of that time. Without them, enter tokens and the secrets of webhooks again, "
                    "and set authenticator apps up anew."
                )
                % unreadable
            )
