"""What is beyond a threshold now, by kind of alert: pure reading, one answer per subject.

Each answer is a map from subject to the parameters of its sentence. None means that it cannot be told
now, and then what is known stays as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.utils import timezone

from enterprise.models import (
    AlertKind,
    AlertRule,
    AlertUnit,
    Credential,
    Enterprise,
    Snapshot,
    Source,
)
from enterprise.selectors.connect import (
    CloudLine,
    GitHubState,
    InstanceLine,
    InstanceState,
    cloud_line,
    instance_lines,
)
from enterprise.selectors.history import snapshot_at
from enterprise.selectors.licenses import snapshot_latest, totals_of

Found = dict[str, dict[str, Any]]
JUMP_SPAN = dt.timedelta(days=7)


class Facts:
    """What the rules of one enterprise look at, each part read once and only if a rule needs it."""

    def __init__(self, enterprise: Enterprise) -> None:
        self.enterprise = enterprise
        self.now = timezone.now()

    @cached_property
    def snapshot(self) -> Snapshot | None:
        return snapshot_latest(self.enterprise)

    @cached_property
    def week_ago(self) -> Snapshot | None:
        return snapshot_at(self.enterprise, self.now - JUMP_SPAN)

    @cached_property
    def lines(self) -> list[InstanceLine]:
        return instance_lines(self.enterprise)

    @cached_property
    def cloud(self) -> CloudLine:
        return cloud_line(self.enterprise)

    def beyond(self, rule: AlertRule) -> Found | None:
        """What is beyond this rule's threshold, by subject."""
        return _KINDS[AlertKind(rule.kind)](self, rule)


def _free_seats(facts: Facts, rule: AlertRule) -> Found | None:
    """By GitHub's count where it is known, else by ours; the basis is among the parameters."""
    if facts.snapshot is None:
        return None
    totals = totals_of(facts.snapshot)
    if totals.free is None or totals.github_purchased is None:
        return None
    limit = rule.threshold or 0
    if rule.unit == AlertUnit.PERCENT:
        below = totals.free * 100 < limit * totals.github_purchased
    else:
        below = totals.free < limit
    params = {
        "free": totals.free,
        "purchased": totals.github_purchased,
        "used": totals.github_purchased - totals.free,
        "basis": totals.free_basis,
    }
    return {"enterprise": params} if below else {}


def _count_jump(facts: Facts, rule: AlertRule) -> Found | None:
    """Ours now beside ours seven days before."""
    if facts.snapshot is None or facts.week_ago is None:
        return None
    now, before = facts.snapshot.persons, facts.week_ago.persons
    change, limit = abs(now - before), rule.threshold or 0
    if rule.unit == AlertUnit.PERCENT:
        jumped = change > 0 and change * 100 >= limit * before
    else:
        jumped = change > 0 and change >= limit
    return {"enterprise": {"now": now, "before": before}} if jumped else {}


def _sync(facts: Facts, _rule: AlertRule) -> Found:
    found: Found = {}
    states = (InstanceState.FAILING, InstanceState.HELD, InstanceState.OVERDUE)
    for line in facts.lines:
        if line.state in states:
            found[f"{line.instance.host_name}:{line.state}"] = {
                "host": line.instance.host_name,
                "state": str(line.state),
            }
    cloud = {"failing": facts.cloud.failed, "held": facts.cloud.held}
    for state, run in cloud.items():
        if run is not None:
            found[f"cloud:{state}"] = {"host": "", "state": state}
    return found


def _github_sync(facts: Facts, _rule: AlertRule) -> Found:
    """GitHub's event, not ours."""
    states = (GitHubState.FAILED, GitHubState.OVERDUE, GitHubState.NEVER)
    return {
        f"{line.instance.host_name}:{line.github.state}": {
            "host": line.instance.host_name,
            "state": str(line.github.state),
            "at": line.github.at.isoformat() if line.github.at else None,
        }
        for line in facts.lines
        if line.github.state in states and line.state != InstanceState.OFF
    }


def _license_expiry(facts: Facts, rule: AlertRule) -> Found:
    today = facts.now.date()
    found: Found = {}
    for line in facts.lines:
        ends = line.instance.license_expires_on
        if line.state == InstanceState.OFF:  # it may long be renewed
            continue
        if ends is not None and (ends - today).days <= (rule.threshold or 0):
            found[line.instance.host_name] = {
                "host": line.instance.host_name,
                "on": ends.isoformat(),
                "days": (ends - today).days,
            }
    return found


def _token_expiry(facts: Facts, rule: AlertRule) -> Found:
    found: Found = {}
    for kept in Credential.objects.filter(
        enterprise=facts.enterprise, expires_at__isnull=False
    ).select_related("instance"):
        assert kept.expires_at is not None  # noqa: S101 - the filter above
        if kept.expires_at - facts.now <= dt.timedelta(days=rule.threshold or 0):
            host = kept.instance.host_name if kept.instance else ""
            found[host or "cloud"] = _ending(host, kept.expires_at, facts.now)
    return found


def _certificate_expiry(facts: Facts, rule: AlertRule) -> Found:
    found: Found = {}
    for line in facts.lines:
        ends = line.instance.certificate_expires_at
        if line.state == InstanceState.OFF:  # as with its license
            continue
        if ends is not None and ends - facts.now <= dt.timedelta(days=rule.threshold or 0):
            host = line.instance.host_name
            found[host] = _ending(host, ends, facts.now)
    return found


def _ending(host: str, ends: dt.datetime, now: dt.datetime) -> dict[str, Any]:
    days = (ends.date() - now.date()).days
    return {"host": host, "on": ends.date().isoformat(), "at": ends.isoformat(), "days": days}


def _upload_old(facts: Facts, rule: AlertRule) -> Found:
    """Of instances that take uploads only: how old the applied export is."""
    found: Found = {}
    for line in facts.lines:
        as_of = line.instance.applied_as_of
        if line.instance.source != Source.UPLOAD or as_of is None:
            continue
        days = (facts.now - as_of).days
        if days > (rule.threshold or 0):
            host = line.instance.host_name
            found[host] = {
                "host": host,
                "on": as_of.date().isoformat(),
                "at": as_of.isoformat(),
                "days": days,
            }
    return found


_KINDS: dict[AlertKind, Callable[[Facts, AlertRule], Found | None]] = {
    AlertKind.FREE_SEATS: _free_seats,
    AlertKind.COUNT_JUMP: _count_jump,
    AlertKind.SYNC: _sync,
    AlertKind.GITHUB_SYNC: _github_sync,
    AlertKind.LICENSE_EXPIRY: _license_expiry,
    AlertKind.TOKEN_EXPIRY: _token_expiry,
    AlertKind.CERTIFICATE_EXPIRY: _certificate_expiry,
    AlertKind.UPLOAD_OLD: _upload_old,
}
