"""``manage.py export``: the same files as by page and API, and what an instance has here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.db import DatabaseError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from enterprise.downloads import incomplete_report, incomplete_table
from enterprise.management.files import write_out
from enterprise.management.runs import EXIT_FAILED, EXIT_USAGE, enterprise_named
from enterprise.models import Dimension, DuplicateState, Enterprise, Snapshot
from enterprise.reports.alerts import alert_history_table
from enterprise.reports.allocation import CHARGEBACK_HEAD, chargeback_rows
from enterprise.reports.csv import ReportIncomplete, file_name, report_csv, table_csv
from enterprise.reports.duplicates import DUPLICATES_HEAD, duplicates_rows
from enterprise.reports.json_lines import report_json_lines, table_json_lines
from enterprise.reports.lists import LISTS, list_table
from enterprise.reports.reclaim import CANDIDATES_HEAD, PLAN_HEAD, candidates_rows, plan_rows
from enterprise.reports.server_usage import DataMoved, NothingApplied, server_usage
from enterprise.reports.tables import (
    Table,
    audit_table,
    changes_table,
    difference_table,
    trend_table,
)
from enterprise.selectors.allocation import allocation_lines
from enterprise.selectors.difference import snapshot_compared
from enterprise.selectors.duplicates import Wanted
from enterprise.selectors.history import snapshot_at, snapshot_before
from enterprise.selectors.licenses import snapshot_get, snapshot_latest
from enterprise.selectors.reclaim import plan_get
from enterprise.services.audit import Actor, audit_record

ACTOR = Actor("export", "command")


class File(NamedTuple):
    """What is written; ``target`` and ``facts`` tell it in the audit log."""

    name: str
    chunks: Iterator[bytes]
    target: str
    facts: dict[str, Any]
    action: str = "report.download"


class Command(BaseCommand):
    help = "Write a report to standard output or a file, with e-mail addresses."

    def add_arguments(self, parser: CommandParser) -> None:
        common = CommandParser(add_help=False)
        common.add_argument(
            "--enterprise",
            metavar="SLUG",
            help="which enterprise; needed only where there are several",
        )
        common.add_argument(
            "--output",
            metavar="PATH",
            type=Path,
            help="a file, or a folder for one named after the enterprise and the time;"
            " it appears when it is whole",
        )
        tables = CommandParser(add_help=False)
        tables.add_argument("--format", choices=["csv", "jsonl"], default="csv")
        tables.add_argument(
            "--bom", action="store_true", help="a UTF-8 mark in front, for spreadsheets (CSV)"
        )
        what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
        report = what.add_parser(
            "report", parents=[common, tables], help="who consumes a license, in GitHub's columns"
        )
        report.add_argument("--as-of", metavar="ID", type=int, help="the id of a snapshot")
        report.add_argument(
            "--snake-case", action="store_true", help="GitHub's older headers (CSV)"
        )
        changes = what.add_parser(
            "changes", parents=[common, tables], help="what changed between two snapshots"
        )
        start = changes.add_mutually_exclusive_group()
        start.add_argument("--from", dest="older", metavar="ID", type=int, help="a snapshot")
        start.add_argument("--since", metavar="TIME", help="the count as it was then (RFC 3339)")
        changes.add_argument("--to", dest="newer", metavar="ID", type=int, help="a snapshot")
        what.add_parser(
            "alerts", parents=[common, tables], help="what is or was beyond a threshold"
        )
        duplicates = what.add_parser(
            "duplicates", parents=[common, tables], help="persons that are probably one"
        )
        duplicates.add_argument(
            "--state", choices=DuplicateState.values, default=DuplicateState.OPEN
        )
        what.add_parser(
            "reclaim", parents=[common, tables], help="persons whose licenses could be freed"
        )
        plan = what.add_parser(
            "plan", parents=[common, tables], help="a plan of what to suspend where"
        )
        plan.add_argument("plan", metavar="ID", type=int, help="the id of a plan")
        allocation = what.add_parser(
            "allocation", parents=[common, tables], help="the licenses for chargeback"
        )
        allocation.add_argument("--by", choices=Dimension.values, default=Dimension.ORGANIZATION)
        allocation.add_argument("--as-of", metavar="ID", type=int, help="the id of a snapshot")
        what.add_parser("trend", parents=[common, tables], help="the count over time")
        what.add_parser("difference", parents=[common, tables], help="the difference with GitHub")
        audit = what.add_parser("audit", parents=[common, tables], help="the audit log")
        audit.add_argument("--action", default="", help="for example run.apply")
        audit.add_argument("--actor", default="", help="a part of a name")
        a_list = what.add_parser(
            "list", parents=[common, tables], help="accounts that deserve a look"
        )
        a_list.add_argument("name", choices=sorted(LISTS))
        usage = what.add_parser(
            "server-usage",
            parents=[common],
            help="an instance's accounts, as licsync.server-usage/1, for another console",
        )
        usage.add_argument("host", metavar="HOST", help="the instance's host name")

    def handle(self, *_args: Any, what: str, **options: Any) -> None:
        enterprise = enterprise_named(options.pop("enterprise"))
        builders = {"report": self._report, "server-usage": self._server_usage}
        file = builders.get(what, self._table)(enterprise, what, **options)
        try:
            path = write_out(self._told(enterprise, file), output=options["output"], name=file.name)
        except NothingApplied:
            text = _("Nothing of %s has been read yet.") % options["host"]
            raise CommandError(text, returncode=EXIT_FAILED) from None
        except DataMoved:
            text = _("New data arrived while the file was written, and it has no end. Try again.")
            raise CommandError(text, returncode=EXIT_FAILED) from None
        except (ReportIncomplete, DatabaseError) as error:
            text = _("The file could not be finished. Try again.")
            raise CommandError(text, returncode=EXIT_FAILED) from error
        if path is not None:
            self.stdout.write(str(path))

    @staticmethod
    def _told(enterprise: Enterprise, file: File) -> Iterator[bytes]:
        """The file, told in the audit log before any of it goes out: who breaks it off has the rest."""
        for number, chunk in enumerate(file.chunks):
            if number == 0:
                audit_record(
                    enterprise=enterprise,
                    actor=ACTOR,
                    action=file.action,
                    target=file.target,
                    after=file.facts,
                )
            yield chunk

    # --- The files -------------------------------------------------------------------------------

    def _report(self, enterprise: Enterprise, _what: str, **options: Any) -> File:
        snapshot = self._snapshot(enterprise, options["as_of"])
        suffix = options["format"]
        chunks = (
            report_json_lines(snapshot, masked=False)
            if suffix == "jsonl"
            else report_csv(
                snapshot,
                masked=False,
                incomplete=incomplete_report(),
                snake_case=options["snake_case"],
                utf8_mark=options["bom"],
            )
        )
        facts = {"snapshot": snapshot.pk, "rows": snapshot.persons, "masked": False}
        target = "persons.jsonl" if suffix == "jsonl" else "licensing.csv"
        return File(file_name(snapshot, suffix), chunks, target, facts)

    def _table(self, enterprise: Enterprise, what: str, **options: Any) -> File:
        table = getattr(self, f"_{what}")(enterprise, **options)
        suffix = options["format"]
        chunks = (
            table_json_lines(table)
            if suffix == "jsonl"
            else table_csv(table, incomplete=incomplete_table(), utf8_mark=options["bom"])
        )
        name = table.file_name(enterprise, suffix)
        return File(name, chunks, f"{table.name}.{suffix}", {"masked": False})

    def _changes(
        self,
        enterprise: Enterprise,
        *,
        older: int | None,
        newer: int | None,
        since: str | None,
        **_options: Any,
    ) -> Table:
        end = self._snapshot(enterprise, newer)
        if since is not None:
            start = snapshot_at(enterprise, self._moment(since))
        elif older is not None:
            start = self._snapshot(enterprise, older)
        else:
            start = snapshot_before(end)
        if start is None:
            text = _("There is no count before that to compare with.")
            raise CommandError(text, returncode=EXIT_FAILED)
        start, end = sorted((start, end), key=lambda snapshot: snapshot.pk)
        return changes_table(start, end, masked=False)

    def _difference(self, enterprise: Enterprise, **_options: Any) -> Table:
        snapshot = snapshot_compared(enterprise)
        if snapshot is None:
            text = _("No count has been compared with GitHub's list yet.")
            raise CommandError(text, returncode=EXIT_FAILED)
        snapshot.enterprise = enterprise
        return difference_table(snapshot, masked=False)

    def _alerts(self, enterprise: Enterprise, **_options: Any) -> Table:
        return alert_history_table(enterprise)

    def _duplicates(self, enterprise: Enterprise, *, state: str, **_options: Any) -> Table:
        rows = duplicates_rows(enterprise, Wanted(state=state), masked=False)
        return Table("duplicates", DUPLICATES_HEAD, rows, timezone.now())

    def _reclaim(self, enterprise: Enterprise, **_options: Any) -> Table:
        rows = candidates_rows(enterprise, which="all", masked=False)
        return Table("reclaim", CANDIDATES_HEAD, rows, timezone.now())

    def _plan(self, enterprise: Enterprise, *, plan: int, **_options: Any) -> Table:
        line = plan_get(enterprise, plan, masked=False)
        if line is None:
            raise CommandError(_("There is no plan %s.") % plan, returncode=EXIT_USAGE)
        rows = plan_rows(line.plan, masked=False)
        return Table(f"reclaim-plan-{plan}", PLAN_HEAD, rows, timezone.now())

    def _allocation(
        self, enterprise: Enterprise, *, by: str, as_of: int | None, **_options: Any
    ) -> Table:
        snapshot = self._snapshot(enterprise, as_of or enterprise.allocated_snapshot or None)
        dimension = Dimension(by)
        lines = allocation_lines(enterprise, snapshot, dimension)
        if lines is None:
            text = _("The licenses of this count have not been split.")
            raise CommandError(text, returncode=EXIT_FAILED)
        rows = chargeback_rows(enterprise, snapshot, dimension, lines)
        return Table(f"chargeback-{by}-{snapshot.pk}", CHARGEBACK_HEAD, rows, snapshot.taken_at)

    def _trend(self, enterprise: Enterprise, **_options: Any) -> Table:
        return trend_table(enterprise)

    def _audit(self, enterprise: Enterprise, *, action: str, actor: str, **_options: Any) -> Table:
        return audit_table(enterprise, masked=False, action=action, actor=actor)

    def _list(self, enterprise: Enterprise, *, name: str, **_options: Any) -> Table:
        return list_table(name, enterprise, masked=False)

    def _server_usage(
        self, enterprise: Enterprise, _what: str, *, host: str, **_options: Any
    ) -> File:
        instance = enterprise.instances.filter(host_name=host.lower()).first()
        if instance is None:
            raise CommandError(_("There is no instance %s.") % host, returncode=EXIT_USAGE)
        name = f"server-usage-{instance.host_name}.json"
        chunks = iter(server_usage(instance))
        return File(name, chunks, instance.host_name, {}, action="server_usage.export")

    # --- What is asked for -----------------------------------------------------------------------

    @staticmethod
    def _snapshot(enterprise: Enterprise, snapshot_id: int | None) -> Snapshot:
        if snapshot_id is not None:
            found = snapshot_get(enterprise, snapshot_id)
            if found is None:
                text = _("There is no snapshot %s.") % snapshot_id
                raise CommandError(text, returncode=EXIT_USAGE)
            return found
        newest = snapshot_latest(enterprise)
        if newest is None:
            raise CommandError(_("Nothing has been counted yet."), returncode=EXIT_FAILED)
        return newest

    @staticmethod
    def _moment(text: str) -> dt.datetime:
        try:
            at = parse_datetime(text)
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            text = _("Write the time as 2026-03-01T00:00:00Z, with its zone.")
            raise CommandError(text, returncode=EXIT_USAGE)
        return at
