"""What the GitHub Connect page shows of each instance: our state, and GitHub's own beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from django.db import models
from django.db.models import F, FilteredRelation, OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enterprise.models import (
    CloudState,
    Credential,
    Enterprise,
    GitHubSyncStatus,
    RunKind,
    RunState,
    ServerInstance,
    SyncRun,
)
from enterprise.models.sync import ACTIVE
from enterprise.services.scheduling import rhythm_length

GITHUB_OVERDUE = dt.timedelta(days=8)


class InstanceState(models.TextChoices):
    """The state of an instance in this console (domain.md section 5)."""

    NEVER_SYNCED = "never_synced", _("Never synced")
    OK = "ok", _("OK")
    FAILING = "failing", _("Failing")
    OVERDUE = "overdue", _("Overdue")
    HELD = "held", _("Held")
    OFF = "off", _("Off")


class GitHubState(models.TextChoices):
    """GitHub's own state of an instance, from ``license-sync-status``: GitHub's event, not ours."""

    UNKNOWN = "unknown", _("Not known")
    NEVER = "never", _("GitHub Connect server usage never synced")
    FAILED = "failed", _("GitHub Connect server usage sync failed")
    OVERDUE = "overdue", _("GitHub Connect server usage sync overdue")
    OK = "ok", _("GitHub Connect server usage synced")


class GitHubSync(NamedTuple):
    """GitHub's last sync of one instance. ``error`` is GitHub's own text."""

    state: GitHubState
    at: dt.datetime | None = None
    error: str = ""


class InstanceLine(NamedTuple):
    """One instance on the page. ``active_run``, ``held_run`` and ``failed_run`` are run ids or None."""

    instance: ServerInstance
    state: InstanceState
    state_label: str | Promise
    credential: Credential | None
    active_run: int | None
    held_run: int | None
    failed_run: int | None  # the last run that ended, if it failed
    last_run: int | None  # the last run that succeeded or failed
    read_run: int | None  # the last run that succeeded: its counts are the accounts applied now
    github: GitHubSync
    license_url: str  # the instance's own License page, for GitHub's "Sync now"


def github_sync(status: GitHubSyncStatus | None, now: dt.datetime) -> GitHubSync:
    if status is None:
        return GitHubSync(GitHubState.UNKNOWN)
    state = GitHubState.OK
    if status.last_sync_at is None:
        state = GitHubState.NEVER
    elif status.status.lower() not in ("success", "succeeded", "ok", ""):
        state = GitHubState.FAILED
    elif now - status.last_sync_at > GITHUB_OVERDUE:
        state = GitHubState.OVERDUE
    return GitHubSync(state, status.last_sync_at, status.error)


def license_page(instance: ServerInstance) -> str:
    """Where the instance itself offers GitHub's own "Sync now"."""
    return f"{instance.url}/enterprises/{instance.slug_there}/settings/license"


_runs = SyncRun.objects.filter(instance=OuterRef("pk"), kind=RunKind.INSTANCE)
_newest = _runs.order_by("-pk").values("pk")  # the larger an id, the later the run
_INSTANCES = (  # put together once: that alone took a quarter of the time that it is asked in
    ServerInstance.objects.select_related("credential")
    .annotate(
        active_run=Subquery(_newest.filter(state__in=ACTIVE)[:1]),
        held_run=Subquery(_newest.filter(state=RunState.HELD)[:1]),
        failed_run=Subquery(_newest.filter(state=RunState.FAILED)[:1]),
        read_run=Subquery(_newest.filter(state=RunState.SUCCEEDED)[:1]),
    )
    .order_by("host_name")
)


def instance_lines(enterprise: Enterprise, *, only: int | None = None) -> list[InstanceLine]:
    """Every instance, or the one of id ``only``, with its token and its states, in two queries however
    many there are."""
    now = timezone.now()
    status_of = _statuses(enterprise)
    lines = []
    wanted = {} if only is None else {"pk": only}
    for instance in _INSTANCES.filter(enterprise=enterprise, **wanted):
        instance.enterprise = enterprise
        last_run = max(instance.failed_run or 0, instance.read_run or 0) or None
        failed = instance.failed_run is not None and instance.failed_run == last_run
        state = _state(instance, now, held=instance.held_run is not None, failed=failed)
        github = github_sync(status_of(instance), now)
        lines.append(
            InstanceLine(
                instance,
                state,
                state.label,
                getattr(instance, "credential", None),
                instance.active_run,
                instance.held_run,
                instance.failed_run if failed else None,
                last_run,
                instance.read_run,
                github,
                license_page(instance),
            )
        )
    return lines


def _statuses(enterprise: Enterprise) -> Callable[[ServerInstance], GitHubSyncStatus | None]:
    """What GitHub says of an instance: by its id, which a new host name does not change, else by host.

    After a rename or a restore two hosts have one id: its own host is meant, else the newest.
    """
    exactly: dict[tuple[str, str], GitHubSyncStatus] = {}
    by_id: dict[str, GitHubSyncStatus] = {}
    by_host: dict[str, GitHubSyncStatus] = {}
    newest_first = F("last_sync_at").desc(nulls_last=True)
    for status in GitHubSyncStatus.objects.filter(enterprise=enterprise).order_by(newest_first):
        exactly[status.server_id, status.host_name] = status
        by_host.setdefault(status.host_name, status)
        if status.server_id:
            by_id.setdefault(status.server_id, status)

    def status_of(instance: ServerInstance) -> GitHubSyncStatus | None:
        server_id, host_name = instance.server_id, instance.host_name
        return exactly.get((server_id, host_name)) or by_id.get(server_id) or by_host.get(host_name)

    return status_of


def _state(
    instance: ServerInstance, now: dt.datetime, *, held: bool, failed: bool
) -> InstanceState:
    if not instance.license_sync_enabled:
        return InstanceState.OFF
    if held:
        return InstanceState.HELD
    if failed:
        return InstanceState.FAILING
    if instance.last_success_at is None:
        return InstanceState.NEVER_SYNCED
    if now - instance.last_success_at > rhythm_length(instance) + dt.timedelta(days=1):
        return InstanceState.OVERDUE
    return InstanceState.OK


class CloudLine(NamedTuple):
    """The cloud side on the page. ``state`` is an empty one where nothing was read yet."""

    state: CloudState
    credential: Credential | None
    active: SyncRun | None
    held: SyncRun | None
    failed: SyncRun | None  # the last run that ended, if it failed


_cloud_runs = SyncRun.objects.filter(enterprise=OuterRef("pk"), kind=RunKind.CLOUD)
_newest_of_cloud = _cloud_runs.order_by("-pk").values("pk")
_CLOUD = (  # as _INSTANCES
    Enterprise.objects.annotate(  # type: ignore[misc]  # of a filtered relation it does not know
        token=FilteredRelation("credentials", condition=Q(credentials__instance=None)),
        active_run=Subquery(_newest_of_cloud.filter(state__in=ACTIVE)[:1]),
        held_run=Subquery(_newest_of_cloud.filter(state=RunState.HELD)[:1]),
        failed_run=Subquery(_newest_of_cloud.filter(state=RunState.FAILED)[:1]),
        succeeded_run=Subquery(_newest_of_cloud.filter(state=RunState.SUCCEEDED)[:1]),
    ).select_related("cloud", "token")
)


def cloud_line(enterprise: Enterprise) -> CloudLine:
    """The cloud side with its token, in one query; in one more its runs, if there is one to speak of."""
    row = _CLOUD.get(pk=enterprise.pk)
    failed = row.failed_run if (row.failed_run or 0) > (row.succeeded_run or 0) else None
    wanted = [run for run in (row.active_run, row.held_run, failed) if run is not None]
    runs = {run.pk: run for run in SyncRun.objects.filter(pk__in=wanted)} if wanted else {}
    active, held, last = (runs.get(run or 0) for run in (row.active_run, row.held_run, failed))
    state = getattr(row, "cloud", None) or CloudState(enterprise=enterprise)
    return CloudLine(state, getattr(row, "token", None), active, held, last)


def host_names_offered(enterprise: Enterprise) -> list[str]:
    """Hosts that GitHub's sync status knows and that are not registered here yet."""
    registered = set(enterprise.instances.values_list("host_name", flat=True))
    ids = set(enterprise.instances.exclude(server_id="").values_list("server_id", flat=True))
    return sorted(
        status.host_name
        for status in GitHubSyncStatus.objects.filter(enterprise=enterprise)
        if status.host_name not in registered and status.server_id not in ids
    )
