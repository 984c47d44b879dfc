"""Whatever happens around a run, its ending is a documented one, and the next run succeeds."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
import time_machine
from django.conf import settings as live_settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from psycopg.errors import AdminShutdown

from enterprise.models import (
    Enterprise,
    RunChunk,
    RunKind,
    RunState,
    RunTrigger,
    ServerInstance,
    ServerUserAccount,
    SyncRun,
)
from enterprise.services import clients, staging, workers
from enterprise.services import sync as service
from enterprise.services.audit import SYSTEM
from enterprise.services.connect import connect_disable
from enterprise.services.runs import run_request, runs_sweep
from enterprise.services.servers import instance_remove, instance_token_set
from enterprise.services.sync import run_execute
from enterprise.services.ticking import instances_start_due, tick
from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from tests.faults.conftest import HOST, content
from tests.sync.conftest import register, sync

on_sqlite = pytest.mark.skipif(
    "sqlite3" not in live_settings.DATABASES["default"]["ENGINE"], reason="is about SQLite"
)
on_postgres = pytest.mark.skipif(
    "sqlite3" in live_settings.DATABASES["default"]["ENGINE"], reason="is about PostgreSQL"
)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with serve(generate_world(7, cloud=20, instances={HOST: 400})) as fleet:
        yield fleet


@pytest.fixture
def enterprise(db: None, fleet: Fleet) -> Enterprise:
    return register(fleet)


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    found = enterprise.instances.get(host_name=HOST)
    sync(enterprise)  # so that no run of the cloud comes in between
    return found


def queued(instance: ServerInstance) -> SyncRun:
    run, _ = run_request(
        enterprise=instance.enterprise,
        kind=RunKind.INSTANCE,
        instance=instance,
        trigger=RunTrigger.MANUAL,
    )
    return run


@contextmanager
def in_mid_run(act: Callable[[], object]) -> Iterator[None]:
    """Do something once, when an instance's accounts are half read."""
    read_instance = clients.read_instance
    to_do = [act]

    def disturbed(*arguments: Any) -> Any:
        facts, accounts = read_instance(*arguments)

        def half() -> Iterator[Any]:
            for number, account in enumerate(accounts):
                if number == 10 and to_do:
                    to_do.pop()()
                yield account

        return facts, half()

    with mock.patch.object(clients, "read_instance", disturbed):
        yield
    assert not to_do


def lose(run: SyncRun) -> None:
    """Let the lease of a run whose worker is gone run out, and the sweep find it."""
    past = timezone.now() - dt.timedelta(seconds=1)
    SyncRun.objects.filter(pk=run.pk, state=RunState.RUNNING).update(lease_until=past)
    assert runs_sweep() == 1


# --- The broker ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_run_asked_for_while_the_broker_is_gone_is_queued_and_woken_by_a_later_tick(
    instance: ServerInstance, settings: Any
) -> None:
    settings.LICSYNC_TICK_SECONDS = 0.5
    with mock.patch.object(workers.current_app, "send_task", side_effect=ConnectionError):
        run = queued(instance)
        assert run.state == RunState.QUEUED
    workers.current_app.control.purge()  # it comes back with nothing that it held
    woken = mock.Mock()
    with (
        mock.patch.object(workers.current_app, "send_task", woken),
        time_machine.travel(timezone.now() + dt.timedelta(seconds=1)),
    ):
        tick()
    assert mock.call(run.pk) in [mock.call(*c.args[1]) for c in woken.call_args_list]


def test_a_message_delivered_twice_is_done_once(instance: ServerInstance) -> None:
    run = queued(instance)
    assert run_execute(run_id=run.pk) == RunState.SUCCEEDED
    assert run_execute(run_id=run.pk) is None
    assert run.log.filter(code="run_started").count() == 1


def test_a_message_delivered_again_in_mid_run_is_somebody_elses(instance: ServerInstance) -> None:
    run = queued(instance)
    again: list[RunState | None] = []
    with in_mid_run(lambda: again.append(run_execute(run_id=run.pk))):
        assert run_execute(run_id=run.pk) == RunState.SUCCEEDED
    assert again == [None]


def test_two_beats_start_what_is_due_once(instance: ServerInstance) -> None:
    ServerInstance.objects.update(next_sync_at=timezone.now() - dt.timedelta(minutes=1))
    tick()
    tick()
    assert SyncRun.objects.filter(instance=instance, trigger=RunTrigger.SCHEDULE).count() == 1


# --- The database and the disk -------------------------------------------------------------------


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, AdminShutdown])
def test_a_database_that_goes_away_in_mid_run_leaves_the_run_to_the_sweep(
    enterprise: Enterprise, instance: ServerInstance, error: type[Exception]
) -> None:
    before = content(enterprise)
    run = queued(instance)
    with (
        pytest.raises(error),
        in_mid_run(mock.Mock(side_effect=error("server closed the connection"))),
    ):
        run_execute(run_id=run.pk)
    assert content(enterprise) == before
    run.refresh_from_db()
    assert run.state == RunState.RUNNING
    lose(run)
    assert run_execute(run_id=run.pk) == RunState.SUCCEEDED


@on_postgres
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_connection_is_cut_leaves_the_run_to_the_sweep(
    instance: ServerInstance,
) -> None:
    run = queued(instance)

    def cut() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises((OperationalError, InterfaceError)), in_mid_run(cut):
        run_execute(run_id=run.pk)
    connection.close()
    lose(run)
    assert run_execute(run_id=run.pk) == RunState.SUCCEEDED


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_a_locked_database_costs_a_tick_and_nothing_else(instance: ServerInstance) -> None:
    run = queued(instance)
    SyncRun.objects.filter(pk=run.pk).update(state=RunState.RUNNING, lease_until=None)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        tick()
        run.refresh_from_db()
        assert run.state == RunState.RUNNING
        other.execute("ROLLBACK")
        tick()
    finally:
        other.close()
        connection.close()
    run.refresh_from_db()
    assert run.state == RunState.QUEUED


@contextmanager
def sqlite_without_room() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA page_count")
        # Room enough to say what happened.
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0] + 2}")
        yield
        cursor.execute("PRAGMA max_page_count = 1000000")


@contextmanager
def postgres_without_room() -> Iterator[None]:
    """The server's own error, where it would come: while a run's records are written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER no_room BEFORE INSERT ON enterprise_serveruseraccount"
            " EXECUTE FUNCTION no_room()"
        )
        yield
        cursor.execute("DROP FUNCTION no_room CASCADE")


@contextmanager
def folder_without_room() -> Iterator[None]:
    def write(*_: Any) -> None:
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")

    with mock.patch.object(staging.zlib, "compress", side_effect=write):
        yield


@pytest.mark.parametrize(
    "without_room",
    [
        pytest.param(sqlite_without_room, marks=on_sqlite),
        pytest.param(postgres_without_room, marks=[on_postgres, pytest.mark.postgres]),
        folder_without_room,
    ],
)
@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_told_applies_nothing_and_is_no_trouble_once_there_is_room(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance, without_room: Any
) -> None:
    before = content(enterprise)
    users = fleet.world.instances[HOST].users.values()
    for number, user in enumerate(users):
        if number % 10 == 0:
            user.email = f"{'long' * 200}{number}@example.com"
    run = queued(instance)
    with without_room():
        assert run_execute(run_id=run.pk) == RunState.QUEUED
    run.refresh_from_db()
    assert (run.error_code, run.error_params) == ("disk_full", {})
    assert content(enterprise) == before
    SyncRun.objects.filter(pk=run.pk).update(not_before=timezone.now())
    assert run_execute(run_id=run.pk) == RunState.SUCCEEDED


def test_a_disk_too_full_to_say_so_leaves_the_run_to_the_sweep(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    before = content(enterprise)
    next(iter(fleet.world.instances[HOST].users.values())).email = "new@example.com"
    run = queued(instance)
    nothing_fits = mock.patch.object(service, "run_fail", side_effect=OperationalError("full"))
    with folder_without_room(), nothing_fits, pytest.raises(OperationalError):
        run_execute(run_id=run.pk)
    assert content(enterprise) == before
    lose(run)
    assert run_execute(run_id=run.pk) == RunState.SUCCEEDED


# --- The clock -----------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [dt.timedelta(days=-400), dt.timedelta(days=400)])
def test_after_a_jump_of_the_clock_what_is_due_still_starts(
    instance: ServerInstance, jump: dt.timedelta
) -> None:
    with time_machine.travel(timezone.now() + jump):
        ServerInstance.objects.update(next_sync_at=timezone.now() - dt.timedelta(minutes=1))
        assert instances_start_due() == 1
        run = SyncRun.objects.get(instance=instance)
        run_execute(run_id=run.pk)
    # A window 400 days off is none; one long past is due.
    assert instances_start_due() == 1
    instance.refresh_from_db()
    assert instance.next_sync_at is not None
    assert timezone.now() < instance.next_sync_at < timezone.now() + dt.timedelta(days=9)


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_lease_that_a_wrong_clock_set_does_not_keep_a_run_stuck(
    instance: ServerInstance, hours: int
) -> None:
    run = queued(instance)
    SyncRun.objects.filter(pk=run.pk).update(
        state=RunState.RUNNING, lease_until=timezone.now() + dt.timedelta(hours=hours)
    )
    assert runs_sweep() == 1
    far = timezone.now() + dt.timedelta(hours=30)
    SyncRun.objects.filter(pk=run.pk).update(not_before=far)
    runs_sweep()
    assert run_execute(run_id=run.pk) == RunState.SUCCEEDED


def test_a_clock_set_back_in_mid_run_does_not_silence_the_worker(
    enterprise: Enterprise, instance: ServerInstance, settings: Any
) -> None:
    settings.LICSYNC_LEASE_SECONDS = 1
    now = timezone.now()
    with time_machine.travel(now) as clock:
        run = queued(instance)
        with in_mid_run(lambda: clock.move_to(now - dt.timedelta(hours=2))):
            assert run_execute(run_id=run.pk) == RunState.SUCCEEDED


# --- The owner -----------------------------------------------------------------------------------


def test_an_instance_removed_in_mid_run_ends_it_and_leaves_nothing(
    enterprise: Enterprise, instance: ServerInstance
) -> None:
    run = queued(instance)
    with in_mid_run(lambda: instance_remove(instance=instance, actor=SYSTEM)):
        assert run_execute(run_id=run.pk) == RunState.CANCELLED
    run.refresh_from_db()
    assert (run.error_code, run.host_name) == ("instance_removed", HOST)
    assert not RunChunk.objects.exists()
    assert not ServerUserAccount.objects.exists()


def test_connect_disabled_in_mid_run_ends_it_and_applies_nothing(
    enterprise: Enterprise, instance: ServerInstance
) -> None:
    before = content(enterprise)
    run = queued(instance)
    with in_mid_run(lambda: connect_disable(instance=instance, actor=SYSTEM)):
        assert run_execute(run_id=run.pk) == RunState.CANCELLED
    run.refresh_from_db()
    assert run.error_code == "connect_disabled"
    assert not RunChunk.objects.exists()
    assert content(enterprise) == before


def test_a_token_changed_while_a_run_uses_the_old_one_gets_a_try(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    site = fleet.instances[HOST]
    run = queued(instance)
    old = clients.instance_client(instance)
    new = "ghp_" + "n" * 36
    site.tokens = {new: site.access}
    read_instance = clients.read_instance

    def with_the_old(*arguments: Any) -> Any:
        instance_token_set(instance=instance, actor=SYSTEM, username=site.username, token=new)
        with mock.patch.object(clients, "instance_client", return_value=old):
            return read_instance(*arguments)

    with mock.patch.object(clients, "read_instance", with_the_old):
        assert run_execute(run_id=run.pk) == RunState.QUEUED
    run.refresh_from_db()
    assert run.error_code == "bad_credentials"
    SyncRun.objects.filter(pk=run.pk).update(not_before=timezone.now())
    assert run_execute(run_id=run.pk) == RunState.SUCCEEDED
