"""A run that is tried again goes on where its staging ended, and gives what an undisturbed one gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from django.db.transaction import atomic, set_rollback
from django.utils import timezone

from enterprise.models import (
    Enterprise,
    RunKind,
    RunState,
    RunTrigger,
    ServerInstance,
    ServerUserAccount,
    SyncRun,
)
from enterprise.services import cloud_copy, sync_cloud
from enterprise.services.runs import run_request
from enterprise.services.sync import run_execute
from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from tests.faults.conftest import HOST, content, use_source
from tests.sync.conftest import drain, register, sync, sync_everything

pytestmark = pytest.mark.django_db

A_CHUNK = 4  # pages, instead of twenty


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sync_cloud, cloud_copy):
        monkeypatch.setattr(module, "PAGES_A_CHUNK", A_CHUNK)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with serve(generate_world(7, cloud=600, instances={HOST: 700})) as fleet:
        yield fleet


def undisturbed(fleet: Fleet, copied: bool = False) -> dict[str, list[Any]]:
    """What a console that met no trouble has applied and counted."""
    with atomic():
        enterprise = enterprise_of(fleet, copied=copied)
        sync_everything(enterprise)
        found = content(enterprise)
        set_rollback(True)
    return found


def enterprise_of(fleet: Fleet, *, copied: bool = False) -> Enterprise:
    enterprise = register(fleet)
    if copied:
        use_source(enterprise, "copy")
    return enterprise


def pages_of_licenses(fleet: Fleet) -> list[int]:
    """The pages of consumed licenses that the sandbox saw asked for."""
    queries = [asked.query for asked in fleet.ghec.requests if "consumed" in asked.path]
    return sorted(int(parse_qs(query).get("page", ["1"])[0]) for query in queries)


def queued(enterprise: Enterprise, instance: ServerInstance | None = None) -> SyncRun:
    kind = RunKind.INSTANCE if instance else RunKind.CLOUD
    run, _ = run_request(
        enterprise=enterprise, kind=kind, instance=instance, trigger=RunTrigger.MANUAL
    )
    return run


def attempt(run: SyncRun) -> RunState | None:
    SyncRun.objects.filter(pk=run.pk).update(not_before=timezone.now())
    return run_execute(run_id=run.pk)


@pytest.mark.parametrize("half_is_applied", [False, True])
def test_a_failure_far_into_the_list_does_not_start_it_at_page_1(
    fleet: Fleet, half_is_applied: bool
) -> None:
    expected = undisturbed(fleet)
    enterprise = register(fleet)
    if half_is_applied:
        fleet.ghec.faults.add("halved", path="*/consumed-licenses")
        sync(enterprise)
        fleet.ghec.faults.clear()
    last = -(-len(expected["rows"]) // 100)
    staged = (last - 1) // A_CHUNK * A_CHUNK
    run = queued(enterprise)
    fleet.ghec.faults.add("status", path="*/consumed-licenses", query={"page": str(last)})
    assert attempt(run) == RunState.QUEUED
    fleet.ghec.faults.clear()
    fleet.ghec.requests.clear()

    assert attempt(run) == RunState.SUCCEEDED

    assert pages_of_licenses(fleet) == list(range(staged + 1, last + 1))
    resumed = run.log.get(code="walk_resumed")
    assert (resumed.attempt, resumed.params) == (2, {"rows": staged * 100})
    sync_everything(enterprise)
    assert content(enterprise) == expected


def copied_pages(fleet: Fleet) -> int:
    """How many pages of the cloud's copy the sandbox was asked for, its list of instances apart."""
    return fleet.ghec.count("/graphql") - 1


@pytest.mark.parametrize("half_is_applied", [False, True])
def test_a_failure_far_into_the_clouds_copy_does_not_start_it_at_page_1(
    fleet: Fleet, half_is_applied: bool
) -> None:
    expected = undisturbed(fleet, copied=True)
    enterprise = enterprise_of(fleet, copied=True)
    instance = enterprise.instances.get()
    sync(enterprise)  # so that no run of the cloud comes in between
    if half_is_applied:
        fleet.ghec.faults.add("halved", path="/graphql", contains="remoteUserId")
        sync(enterprise, instance)
        fleet.ghec.faults.clear()
    run = queued(enterprise, instance)
    fleet.ghec.faults.add(
        "status", path="/graphql", contains="remoteUserId", after_requests=A_CHUNK + 1
    )
    assert attempt(run) == RunState.QUEUED
    fleet.ghec.faults.clear()
    fleet.ghec.requests.clear()

    assert attempt(run) == RunState.SUCCEEDED

    pages = -(-len(expected["accounts"]) // 100)
    assert copied_pages(fleet) == pages - A_CHUNK
    assert run.log.get(code="walk_resumed").params == {"rows": A_CHUNK * 100}
    drain(enterprise)
    assert content(enterprise) == expected


@pytest.mark.parametrize("why", ["the cursor has expired", "a newer upload", "another total"])
def test_a_copy_that_cannot_be_gone_on_with_is_read_anew(fleet: Fleet, why: str) -> None:
    enterprise = enterprise_of(fleet, copied=True)
    instance = enterprise.instances.get()
    sync(enterprise)
    run = queued(enterprise, instance)
    fleet.ghec.faults.add(
        "status", path="/graphql", contains="remoteUserId", after_requests=A_CHUNK + 1
    )
    attempt(run)
    fleet.ghec.faults.clear()
    seen = fleet.world.instances[HOST]
    if why == "the cursor has expired":
        chunk = run.chunks.exclude(cursor="").get()
        upload, _after, *rest = orjson.loads(chunk.cursor)
        chunk.cursor = orjson.dumps([upload, "Z29uZQ==", *rest]).decode()
        chunk.save()
    elif why == "a newer upload":
        newest = max(seen.uploads, key=lambda upload: upload.created_at)
        newest.created_at = timezone.now().isoformat()
    else:
        seen.seen.popitem()
    attempt(run)  # which is queued again where the place is found useless only while reading
    attempt(run)
    run.refresh_from_db()
    assert (run.state, run.counts["read"]) == (RunState.SUCCEEDED, len(seen.seen))
    applied = ServerUserAccount.objects.filter(instance=instance)
    assert set(applied.values_list("user_id", flat=True)) == set(seen.seen)
