"""``manage.py erase_person NUMBER``: personal data out of the history, for who no longer consumes."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from enterprise import wording
from enterprise.faults import Refused
from enterprise.management.runs import enterprise_named
from enterprise.services.audit import Actor
from enterprise.services.erasure import person_erase, pseudonym

ACTOR = Actor("erase_person", "command")


class Command(BaseCommand):
    help = (
        "Erase login, name and e-mail addresses of a person who consumes no license any more from every "
        "count in the history. It cannot be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", metavar="NUMBER", type=int, help="as in the person's address")
        parser.add_argument("--enterprise", metavar="SLUG")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(
        self, *_args: Any, number: int, enterprise: str | None, yes: bool, **_options: Any
    ) -> None:
        named = enterprise_named(enterprise)
        question = _("Erase person %(number)d of %(enterprise)s for good? Write yes: ")
        said = {"number": number, "enterprise": named.slug}
        if not yes and input(question % said) != "yes":
            raise CommandError(_("Nothing was erased."))
        try:
            erased = person_erase(enterprise=named, number=number, actor=ACTOR)
        except Refused as refused:
            raise CommandError(wording.fault_sentence(refused)) from refused
        text = _("Erased; the history now says %s.") if erased else _("%s was erased before.")
        self.stdout.write(text % pseudonym(number))
