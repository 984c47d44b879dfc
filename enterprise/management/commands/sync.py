"""``manage.py sync``: sync instances and the cloud from the command line."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.db import OperationalError
from django.utils.translation import gettext as _

from enterprise.faults import Refused
from enterprise.management.runs import (
    EXIT_FAILED,
    EXIT_USAGE,
    Follower,
    add_run_arguments,
    enterprise_named,
    run_line,
)
from enterprise.models import (
    Credential,
    Enterprise,
    RunKind,
    RunTrigger,
    ServerInstance,
    Source,
    SyncRun,
)
from enterprise.services.audit import Actor
from enterprise.services.full_disk import disk_is_full
from enterprise.services.runs import run_request
from enterprise.wording import fault_sentence, sentence

ACTOR = Actor("sync", "command")


class Command(BaseCommand):
    help = (
        "Sync the named instances, or all of them and the cloud. "
        "Exit code 0 only if every run succeeded, 1 if one did not, 3 if another worker has one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("hosts", metavar="HOST", nargs="*")
        parser.add_argument(
            "--all",
            action="store_true",
            help="every instance with license sync enabled, and the cloud; so without HOST too",
        )
        add_run_arguments(parser)

    def handle(
        self,
        *_args: Any,
        hosts: list[str],
        all: bool,  # noqa: A002 - the option's name
        enterprise: str | None,
        inline: bool,
        wait: bool,
        **_options: Any,
    ) -> None:
        if hosts and all:
            raise CommandError(_("Name hosts or --all, not both."), returncode=EXIT_USAGE)
        named = enterprise_named(enterprise)
        instances = self._instances(named, hosts)
        self.refused = 0
        runs = [] if hosts else self._cloud(named, publish=not inline)
        for instance in instances:
            runs += self._request(named, RunKind.INSTANCE, instance, publish=not inline)
        if not runs and not self.refused:
            raise CommandError(
                _("There is nothing to sync: license sync is enabled for no instance."),
                returncode=EXIT_FAILED,
            )
        follower = Follower(named, inline=inline, wait=wait, out=self.stdout)
        follower.failed = self.refused
        if inline or wait:
            try:
                follower.follow(runs)
                if inline:
                    follower.do_cloud_beside()
                follower.recount(ACTOR)
            except OperationalError as error:
                if not disk_is_full(error):
                    raise
                raise CommandError(sentence("disk_full", {}), returncode=EXIT_FAILED) from error
        else:
            for run in runs:
                self.stdout.write(run_line(run))
        follower.finish()

    def _instances(self, enterprise: Enterprise, hosts: list[str]) -> list[ServerInstance]:
        instances = enterprise.instances.select_related("enterprise").order_by("host_name")
        if not hosts:
            return list(instances.filter(license_sync_enabled=True).exclude(source=Source.UPLOAD))
        by_host = {instance.host_name: instance for instance in instances}
        wanted = list(dict.fromkeys(host.lower() for host in hosts))
        unknown = [host for host in wanted if host not in by_host]
        if unknown:
            raise CommandError(
                _("%(slug)s has no instance %(hosts)s.")
                % {"slug": enterprise.slug, "hosts": ", ".join(unknown)},
                returncode=EXIT_USAGE,
            )
        return [by_host[host] for host in wanted]

    def _cloud(self, enterprise: Enterprise, *, publish: bool) -> list[SyncRun]:
        if not Credential.objects.filter(enterprise=enterprise, instance=None).exists():
            return []
        return self._request(enterprise, RunKind.CLOUD, None, publish=publish)

    def _request(
        self,
        enterprise: Enterprise,
        kind: RunKind,
        instance: ServerInstance | None,
        *,
        publish: bool,
    ) -> list[SyncRun]:
        """The run as a list; none if it is refused, which is told and stops no other."""
        try:
            run, _new = run_request(
                enterprise=enterprise,
                kind=kind,
                instance=instance,
                trigger=RunTrigger.COMMAND,
                actor=ACTOR,
                publish=publish,
            )
        except Refused as refusal:
            self.refused += 1
            name = instance.host_name if instance else kind.value
            self.stdout.write(f"{name}: {_('refused')}: {fault_sentence(refusal)}")
            return []
        return [run]
