"""What was beyond thresholds as a table for files: in codes, the same in any language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from enterprise.models import Enterprise
from enterprise.reports.rest import moment
from enterprise.reports.tables import Table
from enterprise.selectors.alerts import states_walk

ALERT_HISTORY_HEAD = (
    "Id",
    "Rule",
    "Alert",
    "Threshold",
    "Unit",
    "Subject",
    "Since",
    "Last told",
    "Over",
    "Details",
)


def alert_history_table(enterprise: Enterprise) -> Table:
    """Every subject of every rule that is, or was, beyond its threshold, newest first."""
    return Table("alert-history", ALERT_HISTORY_HEAD, _rows(enterprise), timezone.now())


def _rows(enterprise: Enterprise) -> Iterator[list[Any]]:
    for state in states_walk(enterprise):
        rule = state.rule
        yield [
            state.pk,
            rule.pk,
            rule.kind,
            "" if rule.threshold is None else rule.threshold,
            rule.unit,
            state.subject,
            moment(state.since),
            moment(state.last_sent_at),
            moment(state.over_at) if state.over_at else "",
            state.params,
        ]
