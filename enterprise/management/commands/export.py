"""``manage.py export server-usage HOST``: what an instance has here, for another console."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from enterprise.management.runs import EXIT_FAILED, EXIT_USAGE, enterprise_named
from enterprise.reports.server_usage import DataMoved, NothingApplied, server_usage
from enterprise.services.audit import Actor, audit_record

ACTOR = Actor("export", "command")


class Command(BaseCommand):
    help = "Write an instance's accounts to standard output, as licsync.server-usage/1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["server-usage"])
        parser.add_argument("host", metavar="HOST", help="the instance's host name")
        parser.add_argument(
            "--enterprise",
            metavar="SLUG",
            help="which enterprise; needed only where there are several",
        )

    def handle(self, *_args: Any, host: str, enterprise: str | None, **_options: Any) -> None:
        named = enterprise_named(enterprise)
        instance = named.instances.filter(host_name=host.lower()).first()
        if instance is None:
            raise CommandError(_("There is no instance %s.") % host, returncode=EXIT_USAGE)
        try:
            for piece in server_usage(instance):
                sys.stdout.buffer.write(piece)
        except NothingApplied:
            text = _("Nothing of %s has been read yet.") % host
            raise CommandError(text, returncode=EXIT_FAILED) from None
        except DataMoved:
            text = _("New data arrived while the file was written, and it has no end. Try again.")
            raise CommandError(text, returncode=EXIT_FAILED) from None
        audit_record(
            enterprise=named, actor=ACTOR, action="server_usage.export", target=instance.host_name
        )
