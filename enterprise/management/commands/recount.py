"""``manage.py recount``: count an enterprise's persons anew from what is applied."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand
from django.core.management.base import CommandParser

from enterprise.management.runs import Follower, add_run_arguments, enterprise_named, run_line
from enterprise.models import RunTrigger
from enterprise.services.audit import Actor
from enterprise.services.recounts import recount_request

ACTOR = Actor("recount", "command")


class Command(BaseCommand):
    help = "Count anew, even if nothing changed. Exit code 0 only if the run succeeded."

    def add_arguments(self, parser: CommandParser) -> None:
        add_run_arguments(parser)

    def handle(
        self, *_args: Any, enterprise: str | None, inline: bool, wait: bool, **_options: Any
    ) -> None:
        named = enterprise_named(enterprise)
        follower = Follower(named, inline=inline, wait=wait, out=self.stdout)
        run, _new = recount_request(enterprise=named, trigger=RunTrigger.COMMAND, actor=ACTOR)
        if inline or wait:
            follower.follow([run])
        else:
            self.stdout.write(run_line(run))
        follower.finish()
