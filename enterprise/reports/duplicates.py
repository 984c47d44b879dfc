"""The work-list as a table for files: in codes and values, the same in any language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from enterprise.models import Enterprise
from enterprise.reports.rest import moment
from enterprise.selectors.duplicates import Wanted, duplicates_walk

DUPLICATES_HEAD = (
    "Pair",
    "State",
    "Confidence",
    "Person",
    "Key",
    "Other person",
    "Other key",
    "Rules",
    "Values",
    "Accounts to change",
    "New primary email",
    "Or email to verify",
    "On the cloud account",
    "Or suspend one of both on",
    "Group",
    "Licenses the group saves",
    "Found at",
    "Decided by",
    "Decided at",
    "Reason",
    "Ending",
    "Closed at",
    "Licenses saved",
)


def duplicates_rows(enterprise: Enterprise, wanted: Wanted, *, masked: bool) -> Iterator[list[Any]]:
    """Every pair that is wanted, in the order of the page."""
    for line in duplicates_walk(enterprise, wanted, masked=masked):
        row, change = line.row, line.change
        shared = change.get("shared", [])
        yield [
            row.pk,
            row.state,
            row.confidence,
            row.one,
            line.one,
            row.other,
            line.other,
            row.rules.split(),
            [f"{each['one']} / {each['other']}" for each in line.evidence],
            change.get("accounts", []),
            "" if shared else change.get("email", ""),
            "" if shared else change.get("verify", ""),
            "" if shared else change.get("login", ""),
            shared,
            row.group,
            row.group_saves,
            moment(row.found_at),
            line.decided_by,
            moment(row.decided_at) if row.decided_at else "",
            line.reason,
            row.ending,
            moment(row.closed_at) if row.closed_at else "",
            row.saved,
        ]
