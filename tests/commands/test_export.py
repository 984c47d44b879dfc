"""``manage.py export``: each file as by page and API, whole or visibly broken."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from enterprise.models import (
    AlertRule,
    AlertState,
    AuditEvent,
    Enterprise,
    PersonVersion,
    ServerUserAccount,
    Snapshot,
)
from enterprise.reports.duplicates import DUPLICATES_HEAD
from enterprise.reports.lists import LISTS
from enterprise.services.audit import SYSTEM
from enterprise.services.reclaim_plans import plan_make
from enterprise.wording import EXCLUSIONS
from tests.factories import AuditEventFactory, EnterpriseFactory, ServerInstanceFactory, ago
from tests.reports.ledger import member
from tests.services.applied import Applied
from tests.views.counted import account, count

pytestmark = pytest.mark.django_db

HOST = "ghes.example.com"


@pytest.fixture
def enterprise() -> Enterprise:
    return EnterpriseFactory(slug="acme")


@pytest.fixture
def counted(enterprise: Enterprise) -> list[Snapshot]:
    """Two counts: Mona and an account of nobody else, then Hubot too."""
    instance = ServerInstanceFactory(enterprise=enterprise, host_name=HOST, synced=True)
    account(instance, 1, "lone@example.com")
    account(instance, 2, "=gone@example.com", suspended=True, consumes=False)
    return [
        count(enterprise, [member("mona", name="=1+1")]),
        count(enterprise, [member("mona", name="=1+1"), member("hubot")]),
    ]


class Export:
    """Runs the command; what it writes to standard output, as text."""

    def __init__(self, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        self._capture = capsysbinary

    def __call__(self, *arguments: str) -> str:
        self._capture.readouterr()
        call_command("export", *arguments)
        return self._capture.readouterr().out.decode()

    def written(self) -> str:
        return self._capture.readouterr().out.decode()

    def table(self, *arguments: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(self(*arguments), newline="")))

    def lines(self, *arguments: str) -> list[Any]:
        return [json.loads(line) for line in self(*arguments, "--format", "jsonl").splitlines()]


@pytest.fixture
def export(capsysbinary: pytest.CaptureFixture[bytes]) -> Export:
    return Export(capsysbinary)


def refused(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as error:
        call_command("export", *arguments)
    return error.value.returncode, str(error.value)


# --- The files -----------------------------------------------------------------------------------


def test_the_report_has_githubs_columns_and_is_safe(
    export: Export, counted: list[Snapshot]
) -> None:
    head, *rows = export.table("report")
    assert len(head) == 28
    assert [row[0] for row in rows] == ["hubot", "", "mona"]
    assert rows[2][1] == "'=1+1"
    (event,) = AuditEvent.objects.filter(action="report.download")
    assert (event.actor, event.actor_kind, event.target) == ("export", "command", "licensing.csv")
    assert event.after["rows"] == 3


def test_the_report_may_be_of_an_earlier_count_with_older_headers_and_a_mark(
    export: Export, counted: list[Snapshot]
) -> None:
    text = export("report", "--as-of", str(counted[0].pk), "--snake-case", "--bom")
    assert text.startswith("\ufeffgithub_com_login,")
    assert "hubot" not in text


def test_the_report_as_json_lines(export: Export, counted: list[Snapshot]) -> None:
    lines = export.lines("report")
    assert [line["key"] for line in lines] == ["hubot", "lone@example.com", "mona"]
    assert lines[2]["report"]["github_com_name"] == "=1+1"


def test_changes_are_of_the_last_two_counts_or_of_those_named(
    export: Export, counted: list[Snapshot]
) -> None:
    older, newer = counted
    want = [["joined", "hubot"]]
    for arguments in (
        [],
        ["--from", str(older.pk), "--to", str(newer.pk)],
        ["--from", str(newer.pk), "--to", str(older.pk)],
        ["--since", older.taken_at.isoformat()],
    ):
        _head, *rows = export.table("changes", *arguments)
        assert [[row[0], row[2]] for row in rows] == want
    (line,) = export.lines("changes")
    assert (line["change"], line["key"]) == ("joined", "hubot")
    assert line["license_type_before"] == ""


def test_the_difference(export: Export, counted: list[Snapshot]) -> None:
    assert "lone@example.com" in {row[4] for row in export.table("difference")}
    assert "lone@example.com" in {line["key"] for line in export.lines("difference")}


def test_the_count_over_time(export: Export, counted: list[Snapshot]) -> None:
    assert [row[2] for row in export.table("trend")] == ["This console", "2", "3"]
    assert [line["this_console"] for line in export.lines("trend")] == [2, 3]


def test_the_audit_log_with_its_filters(export: Export, enterprise: Enterprise) -> None:
    AuditEventFactory(enterprise=enterprise, actor="mona", after={"rhythm": "daily"})
    AuditEventFactory(enterprise=enterprise, actor="hubot", action="run.apply")
    head, row = export.table("audit", "--actor", "mon")
    assert dict(zip(head, row, strict=True))["After"] == '{"rhythm":"daily"}'
    (line,) = export.lines("audit", "--actor", "mon")
    assert line["after"] == {"rhythm": "daily"}
    assert line["before"] == {}
    (line,) = export.lines("audit", "--action", "run.apply")
    assert line["actor"] == "hubot"


@pytest.mark.parametrize("name", LISTS)
def test_each_list(export: Export, counted: list[Snapshot], name: str) -> None:
    head, *rows = export.table("list", name)
    assert head
    assert len(export.lines("list", name)) == len(rows)
    if name == "excluded":
        assert rows == [[f"{HOST}:2", "'=gone@example.com", str(EXCLUSIONS["suspended"])]]


# --- To a file -----------------------------------------------------------------------------------


def test_a_file_in_a_folder_is_named_after_enterprise_and_time(
    export: Export, counted: list[Snapshot], tmp_path: Path
) -> None:
    told = export("report", "--output", str(tmp_path))
    name = f"consumed-licenses-acme-{counted[1].taken_at:%Y%m%dT%H%M%SZ}.csv"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert told == f"{tmp_path / name}\n"
    assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert (tmp_path / name).read_bytes().count(b"\r\n") == 4


def test_a_named_file_is_replaced_by_a_whole_one(
    export: Export, counted: list[Snapshot], tmp_path: Path
) -> None:
    path = tmp_path / "report.csv"
    path.write_text("old")
    export("report", "--output", str(path))
    assert path.read_text().startswith("GitHub com login")
    PersonVersion.objects.filter(key="mona").delete()
    assert refused("report", "--output", str(path))[0] == 1
    assert path.read_text().startswith("GitHub com login")
    assert list(tmp_path.iterdir()) == [path]


def test_on_standard_output_a_file_that_breaks_off_says_so(
    export: Export, counted: list[Snapshot]
) -> None:
    PersonVersion.objects.filter(key="mona").delete()
    status, message = refused("report")
    assert (status, message) == (1, "The file could not be finished. Try again.")
    assert export.written().splitlines()[-1].startswith("INCOMPLETE:")
    assert AuditEvent.objects.filter(action="report.download").exists(), "what was read is told"


def test_where_nobody_reads_on_it_is_told_and_says_so(
    counted: list[Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed(io.BytesIO):
        def write(self, *_args: Any) -> int:
            raise BrokenPipeError(32, os.strerror(32))

    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(Closed()))
    assert refused("report") == (1, "The file could not be finished: Broken pipe.")
    assert AuditEvent.objects.filter(action="report.download").exists()


def test_a_folder_that_is_not_there_is_named(counted: list[Snapshot], tmp_path: Path) -> None:
    status, message = refused("report", "--output", str(tmp_path / "gone" / "report.csv"))
    assert status == 2
    assert f"Cannot write in {tmp_path / 'gone'}: {os.strerror(2)}." in message
    assert not AuditEvent.objects.filter(action="report.download").exists()


def test_insights_are_written_too(export: Export) -> None:
    applied = Applied()
    enterprise = applied.enterprise
    applied.account(1, "ada@acme.example")
    ServerUserAccount.objects.update(dormant=True)
    applied.recount()
    rule = AlertRule.objects.create(enterprise=enterprise, kind="sync")
    AlertState.objects.create(rule=rule, subject=HOST, since=ago(days=2), last_sent_at=ago(days=1))
    assert [row[5] for row in export.table("alerts")] == ["Subject", HOST]
    assert export("alerts", "--bom") == "\ufeff" + export("alerts")
    assert [row[1] for row in export.table("reclaim")] == ["Key", "ada@acme.example"]
    plan = plan_make(enterprise=enterprise, seats=1, actor=SYSTEM)
    assert export.table("plan", str(plan.pk))[1][3:5] == ["ada@acme.example", "suspend"]
    assert [row[4] for row in export.table("allocation")][1:] == ["1"]
    assert export.table("allocation", "--by", "instance")[1][2] == "instance"
    assert export.table("duplicates", "--state", "closed") == [[*DUPLICATES_HEAD]]
    targets = AuditEvent.objects.filter(action="report.download").values_list("target", flat=True)
    assert {"alert-history.csv", "reclaim.csv", "duplicates.csv"} <= set(targets)


# --- Refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["report"], 1),
        (["report", "--as-of", "999"], 2),
        (["changes"], 1),
        (["difference"], 1),
        (["list", "nonsense"], 1),
        (["plan", "999"], 2),
        (["allocation"], 1),
        (["server-usage", "gone.example.com"], 2),
        (["report", "--enterprise", "other"], 2),
    ],
)
def test_what_cannot_be_had_is_said(
    enterprise: Enterprise, arguments: list[str], status: int
) -> None:
    assert refused(*arguments)[0] == status


@pytest.mark.parametrize(
    "time", ["yesterday", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00"], ids=str
)
def test_a_time_is_written_with_its_zone(counted: list[Snapshot], time: str) -> None:
    assert refused("changes", "--since", time)[0] == 2


def test_a_count_before_the_first_is_none(counted: list[Snapshot]) -> None:
    assert refused("changes", "--since", "2001-01-01T00:00:00Z")[0] == 1
