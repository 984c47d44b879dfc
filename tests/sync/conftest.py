"""A sandbox fleet, and an enterprise of this console that reads it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone

from enterprise.models import (
    Enterprise,
    RunKind,
    RunState,
    RunTrigger,
    ServerInstance,
    SyncRun,
)
from enterprise.services.audit import SYSTEM
from enterprise.services.connect import connect_enable, license_sync_set
from enterprise.services.enterprises import enterprise_add, enterprise_token_set
from enterprise.services.runs import run_request
from enterprise.services.servers import instance_add, instance_token_set
from enterprise.services.sync import run_execute
from sandbox.generate import generate_world
from sandbox.server import Fleet, serve


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    world = generate_world(
        7, cloud=120, instances={"ghes1.example.com": 90, "ghes2.example.com": 60}
    )
    with serve(world) as fleet:
        yield fleet


def register(fleet: Fleet) -> Enterprise:
    """The fleet's enterprise with every instance connected and enabled, nothing read yet."""
    enterprise = enterprise_add(actor=SYSTEM, slug=fleet.world.slug, api_url=fleet.ghec.url)
    enterprise_token_set(enterprise=enterprise, actor=SYSTEM, token=fleet.ghec.token)
    for host_name, site in fleet.instances.items():
        instance = instance_add(
            enterprise=enterprise, actor=SYSTEM, host_name=host_name, url=site.url
        )
        instance_token_set(
            instance=instance, actor=SYSTEM, username=site.username, token=site.token
        )
        connect_enable(instance=instance, actor=SYSTEM)
        license_sync_set(instance=instance, enabled=True, actor=SYSTEM)
    return enterprise


@pytest.fixture
def enterprise(db: None, fleet: Fleet) -> Enterprise:
    return register(fleet)


def sync(enterprise: Enterprise, instance: ServerInstance | None = None) -> SyncRun:
    """Run one instance, or the cloud, to its end in this process; then whatever else was queued."""
    kind = RunKind.INSTANCE if instance else RunKind.CLOUD
    run, _ = run_request(
        enterprise=enterprise, kind=kind, instance=instance, trigger=RunTrigger.MANUAL
    )
    run_execute(run_id=run.pk)
    drain(enterprise)
    run.refresh_from_db()
    return run


def drain(enterprise: Enterprise, limit: int = 50) -> None:
    """Execute queued runs until there are none, without the waits between tries."""
    for _ in range(limit):
        SyncRun.objects.filter(state=RunState.QUEUED).update(not_before=timezone.now())
        queued = SyncRun.objects.filter(enterprise=enterprise, state=RunState.QUEUED).first()
        if queued is None:
            return
        run_execute(run_id=queued.pk)
    raise AssertionError("runs are queued without end")


def sync_everything(enterprise: Enterprise) -> list[SyncRun]:
    return [
        sync(enterprise),
        *(sync(enterprise, instance) for instance in enterprise.instances.order_by("host_name")),
    ]
