"""Sync runs: started, watched, decided about."""

from __future__ import annotations

import pytest

from enterprise.models import (
    AuditEvent,
    Enterprise,
    RunState,
    ServerInstance,
    Snapshot,
    SyncRun,
)
from tests.api.conftest import links
from tests.api.v1.conftest import HOST, V1, problem
from tests.factories import (
    CredentialFactory,
    EnterpriseFactory,
    RunLogLineFactory,
    ServerInstanceFactory,
    SnapshotFactory,
    SyncRunFactory,
    ago,
)

pytestmark = pytest.mark.django_db


def test_a_sync_is_started_once(admin: V1, instance: ServerInstance) -> None:
    first = admin.send("POST", "/runs", {"target": HOST.upper()})
    assert first.status_code == 201
    (started,) = first.json()["items"]
    assert started["new"] is True
    run = started["run"]
    assert (run["host_name"], run["trigger"], run["state"]) == (HOST, "api", "queued")
    assert (run["actor"], run["kind"]) == ("admin", "instance")
    again = admin.send("POST", "/runs", {"target": HOST})
    assert again.status_code == 200
    assert again.json()["items"] == [{"new": False, "run": run}]
    (event,) = AuditEvent.objects.filter(action="run.request")
    assert (event.actor, event.actor_kind, event.after) == ("admin", "token", {"run": run["id"]})


def test_all_are_the_enabled_instances_and_the_cloud(
    admin: V1, enterprise: Enterprise, instance: ServerInstance
) -> None:
    CredentialFactory(enterprise=enterprise)
    ServerInstanceFactory(enterprise=enterprise, connected=True)
    ServerInstanceFactory(enterprise=enterprise, syncing=True, source="upload")
    started = admin.send("POST", "/runs", {"target": "all"}).json()["items"]
    assert [(each["run"]["kind"], each["run"]["host_name"]) for each in started] == [
        ("instance", HOST),
        ("cloud", ""),
    ]


def test_what_cannot_be_synced_is_refused_with_the_reason(
    admin: V1, enterprise: Enterprise
) -> None:
    ServerInstanceFactory(enterprise=enterprise, host_name="off.example.com")
    ServerInstanceFactory(enterprise=enterprise, host_name="half.example.com", connected=True)
    expected = {
        "off.example.com": (409, "connect_disabled"),
        "half.example.com": (422, "license_sync_disabled"),
        "cloud": (422, "credential_missing"),
        "all": (422, "nothing_to_sync"),
        "nowhere.example.com": (404, "not_found"),
    }
    for target, told in expected.items():
        assert problem(admin.send("POST", "/runs", {"target": target})) == told
    assert not SyncRun.objects.exists()


def test_runs_are_listed_newest_first_by_filters(reader: V1, instance: ServerInstance) -> None:
    SyncRunFactory.create_batch(35, instance=instance, failed=True)
    held = SyncRunFactory(instance=instance, held=True)
    response = reader.get(f"{reader.start}/runs")
    rest = reader.get(links(response)["next"])
    shown = [run["id"] for page in (response, rest) for run in page.json()["items"]]
    assert len(shown) == 36
    assert shown == sorted(shown, reverse=True)
    (found,) = reader.read("/runs", state="held", host=HOST, kind="instance")["items"]
    assert found["id"] == held.pk
    assert found["error"]["code"] == "held_loss"
    assert found["error"]["message"].startswith("Held: of 120 applied accounts")
    assert reader.read("/runs", trigger="schedule")["items"] == []
    assert problem(reader.get(f"{reader.start}/runs?state=stuck")) == (422, "invalid_parameters")


def test_the_log_can_be_followed(reader: V1, instance: ServerInstance) -> None:
    run = SyncRunFactory(instance=instance, running=True)
    RunLogLineFactory.create_batch(120, run=run)
    response = reader.get(f"{reader.start}/runs/{run.pk}/log")
    lines = response.json()["items"]
    assert lines[0]["message"] == "Attempt 1 started."
    rest = reader.get(links(response)["next"]).json()["items"]
    assert len(lines + rest) == 120
    assert reader.read(f"/runs/{run.pk}/log", after=rest[-1]["id"])["items"] == []


def test_an_active_run_is_cancelled(admin: V1, instance: ServerInstance) -> None:
    run = SyncRunFactory(instance=instance)
    shown = admin.send("POST", f"/runs/{run.pk}/cancel").json()
    assert (shown["state"], shown["error"]["code"]) == ("cancelled", "cancelled_by_owner")
    again = admin.send("POST", f"/runs/{run.pk}/cancel")
    assert problem(again) == (422, "run_not_active")


def test_a_held_result_is_discarded_once(admin: V1, instance: ServerInstance) -> None:
    run = SyncRunFactory(instance=instance, held=True)
    shown = admin.send("POST", f"/runs/{run.pk}/discard").json()
    assert (shown["state"], shown["error"]["code"]) == ("cancelled", "discarded")
    for verb in ("discard", "apply"):
        assert problem(admin.send("POST", f"/runs/{run.pk}/{verb}")) == (422, "run_not_held")
    (event,) = AuditEvent.objects.filter(action="run.discard")
    assert (event.actor, event.actor_kind) == ("admin", "token")


def test_a_held_result_is_applied_only_onto_what_it_was_compared_with(
    admin: V1, instance: ServerInstance
) -> None:
    run = SyncRunFactory(instance=instance, held=True, base_version=instance.applied_version + 1)
    assert problem(admin.send("POST", f"/runs/{run.pk}/apply")) == (422, "data_changed")
    run.refresh_from_db()
    assert run.state == RunState.HELD
    run.base_version = instance.applied_version
    run.save()
    assert admin.send("POST", f"/runs/{run.pk}/apply").json()["state"] == "succeeded"


def test_a_run_of_another_enterprise_is_not_found(admin: V1) -> None:
    run = SyncRunFactory(
        instance=ServerInstanceFactory(enterprise=EnterpriseFactory(slug="other")), held=True
    )
    for method, path in (("GET", ""), ("GET", "/log"), ("POST", "/apply"), ("POST", "/cancel")):
        assert problem(admin.send(method, f"/runs/{run.pk}{path}")) == (404, "not_found")
    assert problem(admin.get(f"{admin.start}/runs/{2**63}")) == (422, "invalid_parameters")


def test_a_run_tells_what_it_changed_in_the_count(reader: V1, enterprise: Enterprise) -> None:
    snapshots = [SnapshotFactory(enterprise=enterprise, data_version=n) for n in (1, 2)]
    Snapshot.objects.filter(pk=snapshots[1].pk).update(changes={"joined": 3})
    for version in (1, 2):
        SyncRunFactory(
            enterprise=enterprise,
            instance=None,
            kind="recount",
            succeeded=True,
            data_version=version,
        )
    facts = {"enterprise": enterprise, "of_cloud": True, "succeeded": True}
    runs = [SyncRunFactory(**facts, data_version=version) for version in (None, 2, 3)]
    told = [reader.read(f"/runs/{run.pk}/changes") for run in runs]
    assert [each["state"] for each in told] == ["nothing_applied", "changed", "pending"]
    assert told[1]["counts"] == {"joined": 3}
    assert (told[1]["older"]["id"], told[1]["newer"]["id"]) == tuple(s.pk for s in snapshots)


def test_runs_are_listed_since_a_time(
    reader: V1, enterprise: Enterprise, instance: ServerInstance
) -> None:
    SyncRunFactory(instance=instance, failed=True, queued_at=ago(days=9))
    late = SyncRunFactory(instance=instance, failed=True, queued_at=ago(days=1))
    shown = reader.read("/runs", since=ago(days=2).isoformat())["items"]
    assert [each["id"] for each in shown] == [late.pk]
