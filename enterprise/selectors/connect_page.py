"""The GitHub Connect page as a whole: each box with its runs and token, and the first hour's steps."""

from __future__ import annotations

from typing import NamedTuple

from enterprise.models import (
    Credential,
    Enterprise,
    EnterpriseDomain,
    ServerInstance,
    SyncRun,
)
from enterprise.selectors.connect import CloudLine, InstanceLine, instance_lines


class InstanceBox(NamedTuple):
    """One instance: its states, its token, and the runs that the box speaks of.

    ``read`` is the last run that succeeded: its counts are the accounts applied now.
    """

    line: InstanceLine
    active: SyncRun | None
    held: SyncRun | None
    failed: SyncRun | None
    read: SyncRun | None

    @property
    def id(self) -> str:
        """The box's id in the page."""
        return f"instance-{self.line.instance.pk}"

    @property
    def instance(self) -> ServerInstance:
        return self.line.instance

    @property
    def credential(self) -> Credential | None:
        return self.line.credential

    @property
    def may_sync(self) -> bool:
        return self.instance.connect_enabled and self.instance.license_sync_enabled


CLOUD = "cloud"
"""The id of the cloud's box in the page."""


def instance_boxes(enterprise: Enterprise, *, only: int | None = None) -> list[InstanceBox]:
    """Every instance, or the one of id ``only``, in as many queries however many there are."""
    lines = instance_lines(enterprise, only=only)
    runs = _runs(
        {
            run
            for line in lines
            for run in (line.active_run, line.held_run, line.failed_run, line.read_run)
        }
    )
    return [
        InstanceBox(
            line,
            runs.get(line.active_run),
            runs.get(line.held_run),
            runs.get(line.failed_run),
            runs.get(line.read_run),
        )
        for line in lines
    ]


def domain_is_missing(cloud: CloudLine) -> bool:
    """Whether the enterprise has no verified domain, as far as domains could be read.

    An approved domain makes no e-mail address visible (section 3, rule 9).
    """
    state = cloud.state
    if state.read_at is None or any(g["part"] == "domains" for g in state.gaps):
        return False
    domains = EnterpriseDomain.objects.filter(enterprise_id=state.enterprise_id, verified=True)
    return not domains.exists()


def _runs(ids: set[int | None]) -> dict[int | None, SyncRun]:
    wanted = [run for run in ids if run is not None]
    return {run.pk: run for run in SyncRun.objects.filter(pk__in=wanted)} if wanted else {}


class FirstSteps(NamedTuple):
    """What of the first hour is done, in its order."""

    cloud_token: bool
    instance: bool
    connect: bool
    license_sync: bool
    first_sync: bool

    @property
    def done(self) -> bool:
        return all(self)


def first_steps(cloud: CloudLine, boxes: list[InstanceBox]) -> FirstSteps:
    return FirstSteps(
        cloud_token=cloud.credential is not None,
        instance=bool(boxes),
        connect=any(box.instance.connect_enabled for box in boxes),
        license_sync=any(box.instance.license_sync_enabled for box in boxes),
        first_sync=any(box.read for box in boxes),
    )
