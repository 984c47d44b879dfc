"""What Prometheus scrapes: one collector over the database, whichever process answers.

Only precomputed totals are read, never persons or accounts: a scrape costs the same at any size.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import structlog
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from enterprise.models import Enterprise, RunKind, RunState, ServerInstance, SyncRun
from enterprise.models.sync import ACTIVE
from enterprise.reports.metrics_described import METRICS
from enterprise.selectors.connect import GitHubState, InstanceState, cloud_line, instance_lines
from enterprise.selectors.delivery_health import deliveries_health
from enterprise.selectors.difference import difference_totals
from enterprise.selectors.engine import runs_waiting
from enterprise.selectors.licenses import recount_is_pending, snapshot_latest, totals_of
from licsync import health
from licsync.celery import app
from licsync.worker_seen import worker_age

log = structlog.get_logger(__name__)


class Sample(NamedTuple):
    """One number of a metric in ``METRICS``, without its prefix; ``labels`` as named there."""

    metric: str
    value: float
    labels: tuple[str, ...] = ()


Part = Callable[[Enterprise, dt.datetime], Iterator[Sample]]


def metrics_text(enterprise: Enterprise) -> bytes:
    """The metrics of one enterprise, and of the engine that it shares, as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(EnterpriseCollector(enterprise))
    return generate_latest(registry)


class EnterpriseCollector(Collector):
    """Each part by itself: one that breaks is logged, and shows as ``licsync_part_up 0``."""

    def __init__(self, enterprise: Enterprise) -> None:
        self.enterprise = enterprise

    def collect(self) -> Iterable[Metric]:
        now = timezone.now()
        samples: list[Sample] = []
        for name, part in PARTS.items():
            try:
                found = list(part(self.enterprise, now))
            except Exception as error:  # any failure is a number here
                log.warning("metrics part failed", part=name, error=type(error).__name__)
                samples.append(Sample("part_up", 0, (name,)))
            else:
                samples += [*found, Sample("part_up", 1, (name,))]
        return self._families(samples)

    def _families(self, samples: Iterable[Sample]) -> list[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for name, value, labels in samples:
            family = families.get(name)
            if family is None:
                described = METRICS[name]
                family = families[name] = GaugeMetricFamily(
                    f"licsync_{name}", described.help, labels=["enterprise", *described.labels]
                )
            family.add_metric([self.enterprise.slug, *labels], value)
        return [families[name] for name in METRICS if name in families]


# --- The parts -----------------------------------------------------------------------------------


def _licenses(enterprise: Enterprise, now: dt.datetime) -> Iterator[Sample]:
    """GitHub's total and ours, never mixed: each number says on which basis it is."""
    yield Sample("recount_pending", recount_is_pending(enterprise))
    snapshot = snapshot_latest(enterprise)
    if snapshot is None:
        return
    totals = totals_of(snapshot)
    yield Sample("seats_consumed", totals.persons, ("console",))
    if totals.github_total is not None:
        yield Sample("seats_consumed", totals.github_total, ("github",))
    if totals.github_purchased is not None:
        yield Sample("seats_purchased", totals.github_purchased)
    if totals.free is not None:
        yield Sample("seats_free", totals.free, (totals.free_basis,))
    for license_type, persons in totals.by_license_type.items():
        yield Sample("seats_consumed_by_license_type", persons, (license_type,))
    yield Sample("persons_unmatched", totals.server_only)
    yield Sample("accounts_ambiguous", snapshot.totals.get("ambiguous", 0))
    yield Sample("accounts_never_signed_in", snapshot.totals.get("never_signed_in", 0))
    for reason, accounts in snapshot.totals.get("excluded", {}).items():
        yield Sample("accounts_excluded", accounts, (reason,))
    for host, accounts in snapshot.totals.get("consuming_by_instance", {}).items():
        yield Sample("instance_seats_consumed", accounts, (host,))
    for host, accounts in totals.unread.items():
        yield Sample("accounts_not_read", accounts, (host,))
    yield Sample("snapshot_age_seconds", (now - snapshot.taken_at).total_seconds())
    difference = difference_totals(snapshot)
    if difference is not None:
        for category, persons in difference.by_category.items():
            yield Sample("difference", persons, (category,))
        if difference.not_listed is not None:
            yield Sample("github_not_listed", difference.not_listed)


def _cloud(enterprise: Enterprise, now: dt.datetime) -> Iterator[Sample]:
    line = cloud_line(enterprise)
    yield Sample("cloud_failing", line.failed is not None)
    yield Sample("runs", line.held is not None, (RunKind.CLOUD, RunState.HELD))
    if line.state.read_at is None:
        return
    yield Sample("cloud_gaps", len(line.state.gaps))
    if line.state.last_success_at is not None:
        age = now - line.state.last_success_at
        yield Sample("cloud_last_success_age_seconds", age.total_seconds())


def _instances(enterprise: Enterprise, now: dt.datetime) -> Iterator[Sample]:
    lines = instance_lines(enterprise)
    last = SyncRun.objects.in_bulk([line.last_run for line in lines if line.last_run])
    held = sum(line.held_run is not None for line in lines)
    yield Sample("runs", held, (RunKind.INSTANCE, RunState.HELD))
    for line in lines:
        instance, host = line.instance, line.instance.host_name
        for state in InstanceState:
            yield Sample("instance_state", state == line.state, (host, state))
        for github in GitHubState:
            yield Sample("instance_github_state", github == line.github.state, (host, github))
        if line.github.at is not None:
            age = now - line.github.at
            yield Sample("instance_github_last_sync_age_seconds", age.total_seconds(), (host,))
        if instance.last_success_at is not None:
            age = now - instance.last_success_at
            yield Sample("instance_last_success_age_seconds", age.total_seconds(), (host,))
        yield from _license_of(instance)
        run = last.get(line.last_run or 0)
        if run is None:
            continue
        if run.started_at and run.finished_at:
            took = run.finished_at - run.started_at
            yield Sample("instance_last_run_duration_seconds", took.total_seconds(), (host,))
        if "read" in run.counts:
            yield Sample("instance_accounts_read", run.counts["read"], (host,))


def _license_of(instance: ServerInstance) -> Iterator[Sample]:
    """What the instance says of its own license: +Inf is unlimited, and unknown is no sample."""
    host = instance.host_name
    seats = math.inf if instance.seats_unlimited else instance.seats
    if seats is not None:
        yield Sample("instance_seats_purchased", seats, (host,))
        if instance.seats_used is not None:
            yield Sample("instance_seats_free", seats - instance.seats_used, (host,))
    if instance.license_expires_on is not None:
        ends = dt.datetime.combine(instance.license_expires_on, dt.time(), dt.UTC)
        yield Sample("instance_license_expires_timestamp_seconds", ends.timestamp(), (host,))


def _queue(enterprise: Enterprise, now: dt.datetime) -> Iterator[Sample]:
    waiting = {(each.kind, each.state): each for each in runs_waiting(enterprise, now)}
    for kind in RunKind:
        for state in ACTIVE:
            here = waiting.get((kind, state))
            yield Sample("runs", here.runs if here else 0, (kind, state))
    queued = [each.due for each in waiting.values() if each.state == RunState.QUEUED]
    oldest = (now - min(queued)).total_seconds() if queued else 0
    yield Sample("queue_oldest_age_seconds", max(0, oldest))
    yield Sample("runs_lost", sum(each.lost for each in waiting.values()))


def _deliveries(enterprise: Enterprise, now: dt.datetime) -> Iterator[Sample]:
    health_now = deliveries_health(enterprise, now)
    for channel, waiting in health_now.waiting.items():
        yield Sample("deliveries_waiting", waiting, (channel,))
    for channel, failed in health_now.failed.items():
        yield Sample("deliveries_failed_last_day", failed, (channel,))
    yield Sample("digests_failed_last_day", health_now.digests_failed)
    age = (now - health_now.due).total_seconds() if health_now.due else 0
    yield Sample("deliveries_oldest_age_seconds", max(0, age))
    for webhook in health_now.webhooks:
        yield Sample("webhook_failures", webhook.failures, (webhook.name,))
        yield Sample("webhook_disabled", webhook.disabled_at is not None, (webhook.name,))


def _sweep(_enterprise: Enterprise, _now: dt.datetime) -> Iterator[Sample]:
    """The tick, which sweeps: of the whole console, whatever the enterprise."""
    age = health.tick_age()
    if age is not None:
        yield Sample("tick_age_seconds", age)


def _worker(_enterprise: Enterprise, _now: dt.datetime) -> Iterator[Sample]:
    """Asked by itself, since a broker that is gone must not hide the sweep."""
    yield Sample("worker_seen", worker_age(app) is not None)


PARTS: dict[str, Part] = {
    "licenses": _licenses,
    "cloud": _cloud,
    "instances": _instances,
    "queue": _queue,
    "deliveries": _deliveries,
    "sweep": _sweep,
    "worker": _worker,
}
