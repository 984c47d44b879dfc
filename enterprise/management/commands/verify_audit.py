"""``manage.py verify_audit``: whether the audit log is as it was sealed."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from enterprise.models import AuditBatch
from enterprise.services.audit_verify import ChainState, audit_verify
from enterprise.wording.audit import finding_sentence


class Command(BaseCommand):
    help = "Check the chain of sealed audit batches; ends with 1 if anything is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--expect",
            metavar="SEAL",
            action="append",
            default=[],
            help="a seal that was noted down earlier and must still be in the chain; may be repeated",
        )

    def handle(self, *_args: Any, expect: list[str], **_options: Any) -> None:
        wrong = 0
        for chain in audit_verify():
            if chain.enterprise is None and not chain.batches and not chain.unsealed:
                continue
            self._tell(chain)
            wrong += len(chain.findings)
        for seal in expect:
            if not AuditBatch.objects.filter(seal=seal).exists():
                self.stdout.write(
                    _("The seal %s is not in any chain: its batch, or all since, was cut off.")
                    % seal
                )
                wrong += 1
        if wrong:
            raise CommandError(
                _(
                    "The audit log is not as it was sealed. Keep this database, compare it with a "
                    "backup, and see docs/operations.md."
                )
            )

    def _tell(self, chain: ChainState) -> None:
        name = chain.enterprise.slug if chain.enterprise else _("(no enterprise)")
        self.stdout.write(
            _(
                "%(name)s: %(batches)d batches with %(events)d events, %(unsealed)d not sealed yet, "
                "newest seal %(seal)s"
            )
            % {
                "name": name,
                "batches": chain.batches,
                "events": chain.events,
                "unsealed": chain.unsealed,
                "seal": chain.seal or "–",
            }
        )
        for finding in chain.findings:
            self.stdout.write(f"  {finding_sentence(finding.code, finding.number)}")
