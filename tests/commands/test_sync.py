"""``manage.py sync`` and ``recount``: what runs, what each line says, and the exit codes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from enterprise.management import runs as following
from enterprise.models import (
    AuditEvent,
    Enterprise,
    RunKind,
    RunState,
    RunTrigger,
    ServerInstance,
    SyncRun,
)
from enterprise.services.audit import SYSTEM
from enterprise.services.connect import license_sync_set
from enterprise.services.credentials import credential_delete
from enterprise.services.enterprises import enterprise_add
from enterprise.services.recounts import recount_mark
from enterprise.services.runs import run_request
from enterprise.services.sync import run_execute
from sandbox.server import Fleet
from tests.factories import SyncRunFactory, ago

pytestmark = pytest.mark.django_db

HOST = "ghes1.example.com"
REPORT = "/stafftools/reports/all_users.csv"


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL_SECONDS", 0.02)


def called(*arguments: str) -> tuple[list[str], int]:
    """The lines that the command printed, and its exit code."""
    out = StringIO()
    try:
        call_command(*arguments, stdout=out)
    except CommandError as error:
        return out.getvalue().splitlines(), error.returncode
    return out.getvalue().splitlines(), 0


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    return enterprise.instances.select_related("enterprise").get(host_name=HOST)


# --- In this process ------------------------------------------------------------------------------


def test_all_inline_reads_everything_and_counts(enterprise: Enterprise) -> None:
    lines, code = called("sync", "--all", "--inline")
    assert code == 0
    assert [line.split(" (")[0] for line in lines] == [
        "cloud: succeeded",
        "ghes1.example.com: succeeded",
        "ghes2.example.com: succeeded",
        "recount: succeeded",
    ]
    assert "read 90, added 90" in lines[1]
    assert "persons" in lines[3]
    enterprise.refresh_from_db()
    assert enterprise.counted_version == enterprise.data_version
    runs = SyncRun.objects.exclude(kind=RunKind.RECOUNT)
    assert {(run.trigger, run.actor) for run in runs} == {(RunTrigger.COMMAND, "sync")}
    asked = AuditEvent.objects.filter(action="run.request", actor="sync", actor_kind="command")
    assert [event.target for event in asked.order_by("pk")] == [
        "cloud",
        "ghes1.example.com",
        "ghes2.example.com",
    ]


def test_no_host_means_all(enterprise: Enterprise) -> None:
    lines, code = called("sync")
    assert code == 0
    assert [line.split(" (")[0] for line in lines] == [
        "cloud: queued",
        "ghes1.example.com: queued",
        "ghes2.example.com: queued",
    ]


def test_one_host_inline_also_does_the_cloud_run_that_it_queued(enterprise: Enterprise) -> None:
    lines, code = called("sync", HOST.upper(), "--inline")
    assert code == 0
    assert [line.split(" (")[0] for line in lines] == [
        "ghes1.example.com: succeeded",
        "cloud: succeeded",
        "recount: succeeded",
    ]


def test_a_cloud_in_trouble_is_told_but_does_not_fail_an_instances_sync(
    fleet: Fleet, enterprise: Enterprise
) -> None:
    fleet.ghec.faults.add("status", status=401)
    lines, code = called("sync", HOST, "--inline")
    assert code == 0
    assert lines[1].startswith("cloud: failed")
    assert "The server refused the token." in lines[1]


def test_nothing_new_needs_no_recount(enterprise: Enterprise) -> None:
    called("sync", "--all", "--inline")
    lines, code = called("sync", "--all", "--inline")
    assert code == 0
    assert not any(line.startswith("recount") for line in lines)


def test_a_failed_run_says_why_and_the_others_go_on(fleet: Fleet, enterprise: Enterprise) -> None:
    fleet.instances[HOST].faults.add("status", status=401, path=REPORT)
    lines, code = called("sync", "--all", "--inline")
    assert code == 1
    assert lines[1].startswith("ghes1.example.com: failed (run ")
    assert lines[1].endswith("and save it here.")
    assert lines[2].startswith("ghes2.example.com: succeeded")
    assert lines[3].startswith("recount: succeeded")


def test_a_held_run_is_no_success(fleet: Fleet, enterprise: Enterprise) -> None:
    called("sync", HOST, "--inline")
    fleet.instances[HOST].faults.add("halved", path=REPORT)
    lines, code = called("sync", HOST, "--inline")
    assert code == 1
    assert lines[0].startswith("ghes1.example.com: held (run ")
    assert "Held: of 90 applied accounts, 45 would go" in lines[0]


def test_a_run_that_is_tried_again_is_followed_to_its_end(
    fleet: Fleet, enterprise: Enterprise
) -> None:
    fleet.instances[HOST].faults.add("status", status=502, path=REPORT, times=20)
    lines, code = called("sync", HOST, "--inline")
    run = SyncRun.objects.get(kind=RunKind.INSTANCE)
    assert run.attempt > 1
    assert (code == 0) == (run.state == RunState.SUCCEEDED)
    assert lines[0].startswith(f"ghes1.example.com: {run.state}")


def test_a_refused_instance_is_told_and_stops_no_other(instance: ServerInstance) -> None:
    license_sync_set(instance=instance, enabled=False, actor=SYSTEM)
    lines, code = called("sync", HOST, "ghes2.example.com", "--inline")
    assert code == 1
    assert lines[0] == (
        "ghes1.example.com: refused: License sync of ghes1.example.com is disabled. "
        "Enable it to sync."
    )
    assert lines[1].startswith("ghes2.example.com: succeeded")


def test_a_queued_run_is_taken_up_and_no_second_one_made(instance: ServerInstance) -> None:
    run, _ = run_request(
        enterprise=instance.enterprise,
        kind=RunKind.INSTANCE,
        instance=instance,
        trigger=RunTrigger.MANUAL,
    )
    lines, code = called("sync", HOST, "--inline")
    assert code == 0
    assert f"(run {run.pk})" in lines[0]
    assert SyncRun.objects.filter(kind=RunKind.INSTANCE).count() == 1


def test_a_run_of_another_worker_ends_with_code_3(instance: ServerInstance) -> None:
    SyncRunFactory(instance=instance, running=True)
    lines, code = called("sync", HOST, "ghes2.example.com", "--inline")
    assert code == 3
    assert lines[0].startswith("ghes1.example.com: running (run ")
    assert lines[0].endswith("another worker has it")
    assert lines[1].startswith("ghes2.example.com: succeeded")


def test_a_run_whose_worker_died_is_done_here(instance: ServerInstance) -> None:
    run = SyncRunFactory(instance=instance, running=True, lease_until=ago(seconds=1))
    lines, code = called("sync", HOST, "--inline")
    assert code == 0
    assert lines[0].startswith(f"ghes1.example.com: succeeded (run {run.pk})")


# --- With a worker --------------------------------------------------------------------------------


@pytest.fixture
def worker(transactional_db: None) -> Iterator[None]:
    """A thread that executes whatever is queued, as a worker would."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            for run_id in SyncRun.objects.filter(state=RunState.QUEUED).values_list(
                "pk", flat=True
            ):
                run_execute(run_id=run_id)
            time.sleep(0.02)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.mark.django_db(transaction=True)
def test_wait_follows_the_workers_runs_and_the_recount(
    worker: None, fleet: Fleet, enterprise: Enterprise
) -> None:
    fleet.instances[HOST].faults.add("status", status=401, path=REPORT)
    lines, code = called("sync", "--all", "--wait")
    assert code == 1
    assert [line.split(" (")[0] for line in lines[:4]] == [
        "cloud: succeeded",
        "ghes1.example.com: failed",
        "ghes2.example.com: succeeded",
        "recount: succeeded",
    ]
    enterprise.refresh_from_db()
    assert enterprise.counted_version == enterprise.data_version


@pytest.mark.django_db(transaction=True)
def test_inline_with_wait_waits_for_the_worker_that_has_the_run(
    transactional_db: None, instance: ServerInstance
) -> None:
    run = SyncRunFactory(instance=instance, running=True)

    def end() -> None:
        time.sleep(0.2)
        SyncRun.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED)
        connection.close()

    thread = threading.Thread(target=end)
    thread.start()
    lines, code = called("sync", HOST, "--inline", "--wait")
    thread.join()
    assert code == 0
    assert lines[0].startswith(f"ghes1.example.com: succeeded (run {run.pk})")


# --- Usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("sync", "nowhere.example.com"),
        ("sync", "--all", HOST),
        ("sync", "--all", "--enterprise", "nobody"),
        ("recount", "--enterprise", "nobody"),
    ],
)
def test_wrong_usage_ends_with_code_2_and_queues_nothing(
    enterprise: Enterprise, arguments: tuple[str, ...]
) -> None:
    assert called(*arguments) == ([], 2)
    assert not SyncRun.objects.exists()


def test_several_enterprises_have_to_be_told_apart(enterprise: Enterprise) -> None:
    enterprise_add(actor=SYSTEM, slug="umbrella")
    assert called("sync", "--all") == ([], 2)
    lines, code = called("sync", "--all", "--enterprise", enterprise.slug.upper())
    assert (len(lines), code) == (3, 0)


def test_nothing_to_sync_is_no_success(enterprise: Enterprise) -> None:
    credential_delete(enterprise=enterprise, instance=None)
    enterprise.instances.update(license_sync_enabled=False)
    assert called("sync", "--all", "--inline") == ([], 1)


# --- Recount --------------------------------------------------------------------------------------


def test_a_recount_inline_counts_even_if_nothing_changed(enterprise: Enterprise) -> None:
    lines, code = called("recount", "--inline")
    assert code == 0
    assert lines[0].startswith("recount: succeeded (run ")
    assert "persons 0" in lines[0]


def test_a_recount_is_queued_once(enterprise: Enterprise) -> None:
    recount_mark(enterprise=enterprise)
    first, code = called("recount")
    assert code == 0
    assert called("recount") == (first, 0)
    assert first[0].startswith("recount: queued (run ")
