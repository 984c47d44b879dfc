"""Each source end to end against the sandbox, the switch between them, and from console to console."""

from __future__ import annotations

import datetime as dt
import io
import sys
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from enterprise.models import Enterprise, RunState, RunTrigger, ServerInstance, ServerUserAccount
from enterprise.services.audit import SYSTEM
from enterprise.services.connect import connect_enable
from enterprise.services.connection_test import connection_test
from enterprise.services.enterprises import enterprise_add
from enterprise.services.held import run_apply_held
from enterprise.services.runs import run_discard
from enterprise.services.servers import instance_add, instance_edit
from enterprise.services.uploads import Received, upload_take
from enterprise.sources import ghec_graphql
from sandbox.server import Fleet
from sandbox.world import Upload
from tests.sync.conftest import drain, enterprise, fleet, sync, sync_everything
from tests.uploads.conftest import token_client

__all__ = ["enterprise", "fleet"]

pytestmark = pytest.mark.django_db

HOST = "ghes1.example.com"


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    return enterprise.instances.get(host_name=HOST)


def switch(instance: ServerInstance, source: str) -> None:
    instance_edit(instance=instance, actor=SYSTEM, source=source)
    instance.refresh_from_db()


def kept(enterprise: Enterprise) -> list[tuple[object, ...]]:
    fields = (
        "user_id",
        "email",
        "email_key",
        "other_emails",
        "suspended",
        "dormant",
        "never_signed_in",
        "excluded",
        "consumes",
        "digest",
    )
    accounts = ServerUserAccount.objects.filter(instance__enterprise=enterprise)
    return sorted(accounts.values_list("instance__host_name", *fields))


# --- The cloud's copy ----------------------------------------------------------------------------


def test_the_clouds_copy_needs_no_access_to_the_instance(
    enterprise: Enterprise, instance: ServerInstance, fleet: Fleet
) -> None:
    switch(instance, "cloud_copy")

    run = sync(enterprise, instance)

    assert run.state == RunState.SUCCEEDED, (run.error_code, run.error_params)
    seen = fleet.world.instances[HOST].seen
    accounts = ServerUserAccount.objects.filter(instance=instance)
    assert set(accounts.values_list("user_id", flat=True)) == set(seen)
    assert not accounts.filter(suspended=True).exists()
    assert run.log.filter(code="cloud_copy_all_consume").exists()
    assert fleet.instances[HOST].requests == []


def test_a_connection_test_of_the_clouds_copy_tells_what_github_has_of_the_instance(
    instance: ServerInstance, fleet: Fleet
) -> None:
    switch(instance, "cloud_copy")
    there = fleet.world.instances[HOST]
    there.uploads.append(Upload("newest", "PENDING", "2027-01-01T00:00:00Z"))

    test = connection_test(instance=instance)

    told = {finding.code: finding for finding in test.findings}
    assert test.ok
    assert told["test_copy_readable"].params == {"host": HOST, "accounts": len(there.seen)}
    assert told["cloud_copy_pending"].level == "warning"

    instance.host_name = "ghes9.example.com"
    test = connection_test(instance=instance)
    assert not test.ok
    assert test.findings[-1].code == "installation_unknown"


@pytest.mark.parametrize(
    ("state", "code"), [("PENDING", "cloud_copy_pending"), ("FAILURE", "cloud_copy_failed")]
)
def test_an_upload_that_github_has_not_taken_in_is_a_warning(
    enterprise: Enterprise, instance: ServerInstance, fleet: Fleet, state: str, code: str
) -> None:
    fleet.world.instances[HOST].uploads.append(Upload("newest", state, "2027-01-01T00:00:00Z"))
    switch(instance, "cloud_copy")

    run = sync(enterprise, instance)

    assert run.state == RunState.SUCCEEDED
    assert code in [warning["code"] for warning in run.warnings]


@pytest.mark.parametrize("state", ["PENDING", "FAILURE"])
def test_the_clouds_copy_is_as_of_the_upload_that_github_last_took_in(
    enterprise: Enterprise, instance: ServerInstance, fleet: Fleet, state: str
) -> None:
    world = fleet.world.instances[HOST]
    world.uploads = [
        Upload("old", "SUCCESS", "2026-09-01T02:00:00Z"),
        Upload("taken", "SUCCESS", "2026-09-08T02:00:00Z"),
        Upload("newest", state, "2026-09-15T02:00:00Z"),
    ]
    switch(instance, "cloud_copy")

    run = sync(enterprise, instance)

    instance.refresh_from_db()
    assert run.as_of == instance.applied_as_of == dt.datetime(2026, 9, 8, 2, tzinfo=dt.UTC)


@pytest.mark.parametrize("at", ["", "some day", "2999-01-01T00:00:00Z"])
def test_a_copy_without_a_usable_time_is_as_of_its_reading(
    enterprise: Enterprise,
    instance: ServerInstance,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
) -> None:
    real = ghec_graphql.read_installations

    def with_time(*arguments: Any) -> list[ghec_graphql.Installation]:
        return [each._replace(taken_in_at=at) for each in real(*arguments)]

    monkeypatch.setattr(ghec_graphql, "read_installations", with_time)
    begun = timezone.now()
    switch(instance, "cloud_copy")

    run = sync(enterprise, instance)

    assert run.as_of is not None
    assert begun <= run.as_of <= timezone.now()


def test_an_instance_that_github_does_not_know_is_told(
    enterprise: Enterprise, instance: ServerInstance, fleet: Fleet
) -> None:
    del fleet.world.instances[HOST]
    switch(instance, "cloud_copy")

    run = sync(enterprise, instance)

    assert (run.state, run.error_code) == (RunState.FAILED, "installation_unknown")


# --- The switch ----------------------------------------------------------------------------------


def test_a_switch_of_source_is_a_replacement_with_a_preview(
    enterprise: Enterprise, instance: ServerInstance
) -> None:
    sync_everything(enterprise)
    before = kept(enterprise)
    switch(instance, "cloud_copy")

    held = sync(enterprise, instance)

    assert (held.state, held.error_code) == (RunState.HELD, "held_replacement")
    assert {"persons_before", "persons_after", "persons_change"} <= held.counts.keys()
    assert kept(enterprise) == before

    run_discard(run=held, actor=SYSTEM)
    again = sync(enterprise, instance)
    assert again.error_code == "held_replacement"

    run_apply_held(run=again, actor=SYSTEM)
    drain(enterprise)
    assert sync(enterprise, instance).state == RunState.SUCCEEDED
    instance.refresh_from_db()
    assert instance.applied_source == "cloud_copy"


def test_the_preview_tells_the_count_that_the_recount_then_finds(
    enterprise: Enterprise, instance: ServerInstance
) -> None:
    sync_everything(enterprise)
    switch(instance, "cloud_copy")
    held = sync(enterprise, instance)
    newest = enterprise.snapshots.order_by("-pk").first()
    assert newest is not None
    assert held.counts["persons_before"] == newest.persons

    run_apply_held(run=held, actor=SYSTEM)
    drain(enterprise)

    after = enterprise.snapshots.order_by("-pk").first()
    assert after is not None
    assert held.counts["persons_after"] == after.persons


def test_switching_back_needs_no_preview(enterprise: Enterprise, instance: ServerInstance) -> None:
    sync_everything(enterprise)
    switch(instance, "cloud_copy")
    held = sync(enterprise, instance)
    switch(instance, "site_admin_report")

    held.refresh_from_db()
    assert (held.state, held.error_code) == (RunState.CANCELLED, "source_switched")
    assert sync(enterprise, instance).state == RunState.SUCCEEDED


def test_a_switch_before_anything_was_read_is_none(
    enterprise: Enterprise, instance: ServerInstance
) -> None:
    switch(instance, "cloud_copy")

    assert sync(enterprise, instance).state == RunState.SUCCEEDED


# --- From console to console ---------------------------------------------------------------------


def test_what_one_console_gives_out_another_takes_unchanged(
    enterprise: Enterprise, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    sync_everything(enterprise)
    other = enterprise_add(actor=SYSTEM, slug="elsewhere")
    owner = token_client(enterprise, "admin:enterprise")

    for instance in enterprise.instances.all():
        call_command("export", "server-usage", instance.host_name, enterprise=enterprise.slug)
        sys.stdout.flush()
        by_command = capsysbinary.readouterr().out
        address = f"/api/v1/enterprises/{enterprise.slug}/instances/{instance.host_name}"
        by_api = b"".join(owner.get(f"{address}/server-usage").streaming_content)
        assert by_api == by_command
        twin = instance_add(
            enterprise=other, actor=SYSTEM, host_name=instance.host_name, source="upload"
        )
        connect_enable(instance=twin, actor=SYSTEM)
        run, _new = upload_take(
            enterprise=other,
            actor=SYSTEM,
            trigger=RunTrigger.API,
            received=Received(io.BytesIO(by_api)),
        )
        assert run.state == RunState.SUCCEEDED, (run.error_code, run.error_params)
        twin.refresh_from_db()
        assert twin.applied_as_of == instance.applied_as_of
        assert twin.version == instance.version

    assert kept(other) == kept(enterprise)
    assert len(kept(other)) > 100


def test_only_a_token_of_an_owner_gets_server_usage(
    enterprise: Enterprise, instance: ServerInstance
) -> None:
    sync_everything(enterprise)
    address = f"/api/v1/enterprises/{enterprise.slug}/instances/{HOST}/server-usage"

    for scope in ("read:enterprise", "write:server_usage"):
        assert token_client(enterprise, scope).get(address).status_code == 403


def test_usage_of_an_instance_never_read_is_none(
    enterprise: Enterprise, instance: ServerInstance
) -> None:
    owner = token_client(enterprise, "admin:enterprise")
    address = f"/api/v1/enterprises/{enterprise.slug}/instances/{HOST}/server-usage"

    assert owner.get(address).status_code == 409
