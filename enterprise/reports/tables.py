"""What changed, the difference with GitHub, and the audit log as tables for files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from django.utils import timezone

from enterprise.emails import mask_text
from enterprise.models import AuditEvent, Enterprise, Snapshot
from enterprise.reports.rest import moment
from enterprise.selectors.audit import events_walk
from enterprise.selectors.changes import KINDS, changes_between, person_changes
from enterprise.selectors.difference import components_walk
from enterprise.selectors.outlook import points_of
from enterprise.selectors.persons import PersonLine, mask_key
from enterprise.services.bulk import in_batches

BATCH = 500


class Table(NamedTuple):
    """Lines with the same columns, read while they are written.

    A file of it is called ``NAME-ENTERPRISE-TIME``; ``at`` is of when it tells, now if of no snapshot.
    """

    name: str
    head: Sequence[str]
    rows: Iterable[Sequence[Any]]
    at: dt.datetime

    def file_name(self, enterprise: Enterprise, suffix: str) -> str:
        return f"{self.name}-{enterprise.slug}-{file_time(self.at)}.{suffix}"


def file_time(at: dt.datetime) -> str:
    """A time in UTC as a part of a file's name."""
    return f"{at.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"


# --- Changes and the difference ------------------------------------------------------------------

CHANGES_HEAD = (
    "Change",
    "Person",
    "Key",
    "License type before",
    "License type after",
    "Server accounts before",
    "Server accounts after",
    "Primary emails before",
    "Primary emails after",
)


def changes_table(older: Snapshot, newer: Snapshot, *, masked: bool) -> Table:
    """Every person that changed between two snapshots, kind by kind."""
    rows = _changes_rows(older, newer, masked=masked)
    return Table(f"changes-{older.pk}-{newer.pk}", CHANGES_HEAD, rows, newer.taken_at)


def _changes_rows(older: Snapshot, newer: Snapshot, *, masked: bool) -> Iterator[list[Any]]:
    changes = changes_between(older, newer)
    for kind in KINDS:
        for numbers in in_batches(getattr(changes, kind), BATCH):
            for person in person_changes(
                older, newer, numbers, masked=masked, former=changes.former
            ):
                before, after = (_cells(line) for line in (person.before, person.after))
                pairs = zip(before, after, strict=True)
                key = person.line.key if person.line else ""
                yield [kind, person.number, key, *(cell for pair in pairs for cell in pair)]


def _cells(line: PersonLine | None) -> tuple[Any, Any, Any]:
    if line is None:
        return "", "", ""
    report = line.report
    return (
        report.get("license_type"),
        report.get("enterprise_server_user_ids"),
        report.get("enterprise_server_primary_emails"),
    )


DIFFERENCE_HEAD = (
    "Component",
    "Category",
    "Change",
    "Person",
    "Key",
    "GitHub row",
    "GitHub row kind",
)


def difference_table(snapshot: Snapshot, *, masked: bool) -> Table:
    """Every component: a line for each of its persons, and for each of GitHub's rows."""
    rows = _difference_rows(snapshot, masked=masked)
    return Table(f"difference-{snapshot.pk}", DIFFERENCE_HEAD, rows, snapshot.taken_at)


def _difference_rows(snapshot: Snapshot, *, masked: bool) -> Iterator[list[Any]]:
    for component in components_walk(snapshot, masked=masked):
        head = [component.id, component.category, component.change]
        for person in component.persons:
            yield [*head, person.number, person.key, "", ""]
        for row in component.rows:
            yield [*head, "", "", row.name, row.kind]


# --- The audit log -------------------------------------------------------------------------------

AUDIT_HEAD = (
    "Time",
    "Actor",
    "Actor kind",
    "Via",
    "IP address",
    "Action",
    "Target",
    "Before",
    "After",
    "Event",
    "Batch",
)


def audit_table(
    enterprise: Enterprise,
    *,
    masked: bool,
    action: str = "",
    actor: str = "",
    since: dt.datetime | None = None,
) -> Table:
    """Every event as ``selectors.audit`` filters them, in codes: the same in any language."""
    events = events_walk(enterprise, masked=masked, action=action, actor=actor, since=since)
    rows = _audit_rows(events, masked=masked)
    return Table("audit", AUDIT_HEAD, rows, timezone.now())


def _audit_rows(events: Iterable[AuditEvent], *, masked: bool) -> Iterator[list[Any]]:
    hide = mask_key if masked else str
    for event in events:
        yield [
            moment(event.at),
            hide(event.actor),
            event.actor_kind,
            event.via,
            event.ip_address or "",
            event.action,
            hide(event.target),
            _masked(event.before) if masked else event.before,
            _masked(event.after) if masked else event.after,
            event.pk,
            event.batch.number if event.batch else "",
        ]


def _masked(value: Any) -> Any:
    """What an event says, with every address in it hidden."""
    if isinstance(value, dict):
        return {name: _masked(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(each) for each in value]
    return mask_text(value) if isinstance(value, str) else value


# --- The count over time -------------------------------------------------------------------------

TREND_HEAD = ("Snapshot", "Time", "This console", "GitHub counts", "GitHub purchased")


def trend_table(enterprise: Enterprise) -> Table:
    """Every snapshot's numbers, in the order of time; empty where GitHub's was not read."""
    return Table("trend", TREND_HEAD, _trend_rows(enterprise), timezone.now())


def _trend_rows(enterprise: Enterprise) -> Iterator[list[Any]]:
    for point in points_of(enterprise):
        numbers = (point.persons, point.github_total, point.github_purchased)
        yield [
            point.id,
            moment(point.taken_at),
            *("" if count is None else count for count in numbers),
        ]
