"""Server instances, the settings and the cloud side: read, changed, refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from enterprise.models import (
    AuditEvent,
    Credential,
    Enterprise,
    RunState,
    ServerInstance,
    SyncRun,
)
from enterprise.services.credentials import credential_open
from tests.api.v1.conftest import HOST, V1, problem
from tests.factories import (
    CloudStateFactory,
    CredentialFactory,
    GitHubSyncStatusFactory,
    ServerInstanceFactory,
    SyncRunFactory,
)

pytestmark = pytest.mark.django_db

INSTANCE = f"/instances/{HOST}"


def refused(response: Any) -> tuple[str, str | None]:
    """(code, field) of what the rules do not allow."""
    status, code = problem(response)
    assert status == 422
    return code, response.json().get("field")


def test_an_instance_is_shown_with_both_states(
    reader: V1, enterprise: Enterprise, instance: ServerInstance
) -> None:
    GitHubSyncStatusFactory(
        enterprise=enterprise, host_name=HOST, status="failure", error="Bad gateway"
    )
    SyncRunFactory(instance=instance, failed=True)
    shown = reader.read(INSTANCE.replace("ghes1", "GHES1"))
    assert (shown["state"], shown["github_state"]) == ("failing", "failed")
    assert shown["github_error"] == "Bad gateway"
    assert shown["rhythm"] == "weekly"
    assert (shown["schedule_weekday"], shown["schedule_time"]) == (0, "03:00:00")
    assert shown["has_credentials"] is True
    assert "unreadable" not in str(shown)
    listed = reader.read("/instances")["items"]
    assert [each["host_name"] for each in listed] == [HOST]
    assert listed[0].items() <= shown.items()


@pytest.mark.parametrize("host", ["nowhere.example.com", "%00"])
def test_an_instance_that_is_not_there_is_not_found(reader: V1, host: str) -> None:
    assert problem(reader.get(f"{reader.start}/instances/{host}")) == (404, "not_found")


def test_an_instance_is_registered_given_a_token_and_switched_on(
    admin: V1, enterprise: Enterprise
) -> None:
    added = admin.send("POST", "/instances", {"host_name": "GHES2.example.com"})
    assert added.status_code == 201
    assert added.json()["url"] == "https://ghes2.example.com"
    where = "/instances/ghes2.example.com"
    token = {"username": "monalisa", "token": "ghp_secret"}
    assert admin.send("PUT", f"{where}/token", token).status_code == 204
    changed = admin.send("PATCH", where, {"connect_enabled": True, "license_sync_enabled": True})
    assert changed.json()["state"] == "never_synced"
    assert changed.json()["next_sync_at"] is not None
    instance = ServerInstance.objects.get()
    stored = credential_open(enterprise=enterprise, instance=instance, url=instance.url)
    assert stored.token == "ghp_secret"
    events = AuditEvent.objects.order_by("pk")
    assert [event.action for event in events if event.actor_kind == "token"] == [
        "instance.add",
        "instance.token_set",
        "instance.connect_enable",
        "instance.license_sync_enable",
    ]
    assert {event.actor for event in events if event.actor_kind == "token"} == {"admin"}
    assert "ghp_secret" not in str(list(events.values()))


def test_license_sync_is_refused_before_github_connect(admin: V1, enterprise: Enterprise) -> None:
    ServerInstanceFactory(enterprise=enterprise, host_name=HOST)
    body = {"rhythm": "daily", "license_sync_enabled": True}
    response = admin.send("PATCH", INSTANCE, body)
    assert refused(response) == ("connect_first", None)
    assert "Enable GitHub Connect first." in response.json()["detail"]
    assert ServerInstance.objects.get().rhythm == "weekly"


def test_if_one_change_is_refused_none_is_made(admin: V1, instance: ServerInstance) -> None:
    body = {"source": "upload", "connect_enabled": False, "license_sync_enabled": True}
    assert refused(admin.send("PATCH", INSTANCE, body)) == ("connect_first", None)
    instance.refresh_from_db()
    assert instance.connect_enabled
    assert instance.source == "site_admin_report"
    assert Credential.objects.filter(instance=instance).exists()
    assert not AuditEvent.objects.filter(actor_kind="token").exists()


def test_a_weekday_and_an_hour_are_chosen_and_the_next_sync_follows(
    admin: V1, instance: ServerInstance
) -> None:
    body = {"schedule_weekday": 6, "schedule_time": "02:30:00"}
    shown = admin.send("PATCH", INSTANCE, body).json()
    assert body.items() <= shown.items()
    assert dt.datetime.fromisoformat(shown["next_sync_at"]).weekday() == 6


def test_disabling_connect_deletes_the_token(admin: V1, instance: ServerInstance) -> None:
    shown = admin.send("PATCH", INSTANCE, {"connect_enabled": False}).json()
    assert (shown["state"], shown["has_credentials"]) == ("off", False)
    assert (shown["license_sync_enabled"], shown["next_sync_at"]) == (False, None)


def test_another_address_erases_the_token(admin: V1, instance: ServerInstance) -> None:
    shown = admin.send("PATCH", INSTANCE, {"url": "https://elsewhere.example.com"}).json()
    assert shown["has_credentials"] is False


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"url": "https://user:pw@ghes.example.com"}, "bad_address", "url"),
        ({"url": "http://ghes.example.com"}, "plain_http_unconfirmed", "url"),
        ({"url": ""}, "bad_address", "url"),
        ({"ca_bundle": "none"}, "bad_ca_bundle", "ca_bundle"),
        ({"guard_share": 101}, "bad_guard_share", "guard_share"),
        ({"schedule_weekday": 7}, "out_of_range", "schedule_weekday"),
        ({"schedule_time": "03:00Z"}, "bad_time", "schedule_time"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_field(
    admin: V1, instance: ServerInstance, changes: dict[str, Any], code: str, field: str
) -> None:
    assert refused(admin.send("PATCH", INSTANCE, changes)) == (code, field)


@pytest.mark.parametrize(
    "changes",
    [
        {"rythm": "daily"},
        {"rhythm": "hourly"},
        {"url": None},
        {"connect_enabled": "perhaps"},
        {"proxy": "a\0b"},
        {"guard_share": 10**30},
        [],
    ],
)
def test_a_body_that_is_not_as_described_is_refused(
    admin: V1, instance: ServerInstance, changes: Any
) -> None:
    assert problem(admin.send("PATCH", INSTANCE, changes)) == (422, "invalid_parameters")


def test_what_a_client_sends_wrong_is_not_repeated(admin: V1, instance: ServerInstance) -> None:
    response = admin.send("PUT", f"{INSTANCE}/token", {"username": "m", "token": ["ghp_secret"]})
    assert problem(response) == (422, "invalid_parameters")
    assert "ghp_secret" not in response.content.decode()


def test_a_body_that_is_no_json_is_refused(admin: V1, instance: ServerInstance) -> None:
    response = admin.generic("PATCH", admin.start + INSTANCE, b"{", "application/json")
    assert problem(response) == (400, "bad_request")


def test_an_instance_is_not_registered_twice(admin: V1, instance: ServerInstance) -> None:
    response = admin.send("POST", "/instances", {"host_name": HOST})
    assert refused(response) == ("instance_exists", "host_name")


def test_an_instance_is_removed_and_its_runs_stay(admin: V1, instance: ServerInstance) -> None:
    run = SyncRunFactory(instance=instance, running=True)
    assert admin.send("DELETE", INSTANCE).status_code == 204
    assert admin.get(admin.start + INSTANCE).status_code == 404
    assert SyncRun.objects.get(pk=run.pk).state == RunState.CANCELLED


def test_a_connection_is_tested(admin: V1, enterprise: Enterprise) -> None:
    ServerInstanceFactory(enterprise=enterprise, host_name=HOST, source="upload")
    told = admin.send("POST", f"{INSTANCE}/test").json()
    assert told["ok"] is True
    assert [finding["code"] for finding in told["findings"]] == ["upload_only"]
    cloud = admin.send("POST", "/cloud/test").json()
    assert cloud["ok"] is False
    assert cloud["findings"][0]["code"] == "credential_missing"


# --- Settings ------------------------------------------------------------------------------------


def test_the_enterprise_is_shown_and_changed(admin: V1, enterprise: Enterprise) -> None:
    shown = admin.read("")
    assert (shown["slug"], shown["guard_share"]) == ("acme", 20)
    changes = {"name": "Acme Ltd", "time_zone": "Europe/Berlin", "billing_model": "metered"}
    assert admin.send("PATCH", "", changes).json() == {**shown, **changes}
    (event,) = AuditEvent.objects.filter(action="enterprise.edit")
    assert (event.actor, event.actor_kind) == ("admin", "token")
    assert event.after == changes


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"time_zone": "Berlin"}, "bad_time_zone", "time_zone"),
        ({"api_url": "http://api.github.com"}, "plain_http_unconfirmed", "api_url"),
        ({"guard_minimum": -1}, "out_of_range", "guard_minimum"),
        ({"name": " "}, "name_needed", "name"),
    ],
)
def test_a_setting_of_the_enterprise_that_cannot_be_is_refused(
    admin: V1, changes: dict[str, Any], code: str, field: str
) -> None:
    assert refused(admin.send("PATCH", "", changes)) == (code, field)


def test_the_cloud_side_tells_what_it_lacks(reader: V1, enterprise: Enterprise) -> None:
    assert reader.read("/cloud")["total"] is None
    gaps = [{"part": "identities", "code": "missing_scope", "params": {}}]
    CloudStateFactory(enterprise=enterprise, read=True, gaps=gaps)
    CredentialFactory(enterprise=enterprise)
    shown = reader.read("/cloud")
    assert (shown["total"], shown["purchased"], shown["has_credentials"]) == (120, 200, True)
    assert "The count may be too high." in shown["gaps"][0]


def test_the_cloud_token_is_saved_and_anchors_the_schedule(
    admin: V1, enterprise: Enterprise
) -> None:
    assert admin.send("PUT", "/cloud/token", {"token": "ghp_cloud"}).status_code == 204
    shown = admin.read("/cloud")
    assert shown["has_credentials"] is True
    assert shown["next_sync_at"] is not None
    assert refused(admin.send("PUT", "/cloud/token", {"token": "a b"})) == ("bad_token", "token")


def test_instances_are_filtered_by_state_and_source(
    reader: V1, enterprise: Enterprise, instance: ServerInstance
) -> None:
    ServerInstanceFactory(enterprise=enterprise, host_name="off.example.com", source="upload")

    def shown(**query: str) -> list[str]:
        answer = reader.read("/instances", **query)
        assert answer["total"] == len(answer["items"])
        return [each["host_name"] for each in answer["items"]]

    assert shown(state="off") == ["off.example.com"]
    assert shown(state="ok") == [HOST]
    assert shown(source="upload") == ["off.example.com"]
    assert shown(source="upload", state="ok") == []
