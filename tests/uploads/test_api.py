"""``POST /api/v1/enterprises/{slug}/server-usage``: applied, held, refused, and by whom."""

from __future__ import annotations

import errno
import gzip
import os
import tracemalloc
from itertools import chain
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from enterprise.faults import Fault
from enterprise.models import (
    AuditEvent,
    Enterprise,
    RunState,
    RunTrigger,
    ServerInstance,
    ServerUserAccount,
    Source,
    SyncRun,
)
from enterprise.services import staging
from enterprise.services.audit import SYSTEM
from enterprise.services.runs import runs_sweep
from enterprise.services.sync import run_execute
from enterprise.services.uploads import _begin
from enterprise.sources.usage_head import read_head
from tests.factories import EnterpriseFactory
from tests.uploads.conftest import (
    HEADER,
    HOST,
    UPLOAD,
    body,
    line,
    send,
    token_client,
    usage,
    user,
    users,
)

pytestmark = pytest.mark.django_db


def accounts() -> list[tuple[Any, ...]]:
    fields = ("user_id", "email", "other_emails", "suspended", "dormant", "never_signed_in")
    return list(ServerUserAccount.objects.order_by("user_id").values_list(*fields))


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["status"] == status
    return told


def test_an_upload_replaces_what_the_instance_had(job: Client, instance: ServerInstance) -> None:
    assert send(job, body(usage(*users(3)))).status_code == 201
    later = usage(
        user(1, "user1@example.com"),
        user(2, "new@example.com", "old@example.com", dormant=True, never_signed_in=False),
        exported_at="2026-10-06T02:00:00Z",
    )

    response = send(job, body(later))

    assert response.status_code == 201, response.content
    run = response.json()
    assert (run["state"], run["source"], run["trigger"]) == ("succeeded", "upload", "api")
    assert run["counts"]["removed"] == run["counts"]["changed"] == 1
    assert run["as_of"] == "2026-10-06T02:00:00Z"
    assert job.get(response["Location"]).json() == run
    assert accounts() == [
        (1, "user1@example.com", "", False, False, None),
        (2, "new@example.com", "old@example.com", False, True, False),
    ]
    instance.refresh_from_db()
    assert instance.version == "3.19.1"
    assert instance.last_success_at is not None


def test_a_packed_file_is_as_good(job: Client) -> None:
    assert send(job, gzip.compress(body(usage(*users(3))))).status_code == 201
    assert len(accounts()) == 3


def test_a_report_needs_its_instance_and_its_time(job: Client) -> None:
    report = (HEADER + line(1, "a@example.com", dormant=True)).encode()

    assert problem(send(job, report), 422)["code"] == "upload_instance_needed"
    told = problem(send(job, report, f"?instance={HOST}"), 422)
    assert told["code"] == "upload_time_needed"
    assert not SyncRun.objects.exists()
    query = f"?instance={HOST}&exported_at=2026-10-05T02:00:00Z"
    assert send(job, report, query).status_code == 201
    assert accounts() == [(1, "a@example.com", "", False, True, False)]


def test_a_report_without_one_dormant_or_suspended_account_is_held(job: Client) -> None:
    report = (HEADER + line(1, "a@example.com")).encode()

    response = send(job, report, f"?instance={HOST}&exported_at=2026-10-05T02:00:00Z")

    assert response.status_code == 202
    run = response.json()
    assert run["error"]["code"] == "held_all_active"
    assert [warning["code"] for warning in run["warnings"]] == ["upload_all_active"]
    assert not accounts()


@pytest.mark.parametrize(
    "name", ["active_users.csv", "../dormant-users (1).csv", "suspended_users"]
)
def test_a_report_that_undercounts_is_refused_by_its_name(job: Client, name: str) -> None:
    response = send(
        job,
        (HEADER + line(1, "a@example.com", dormant=True)).encode(),
        f"?instance={HOST}&exported_at=2026-10-05T02:00:00Z",
        **{"Content-Disposition": f'attachment; filename="{name}"'},
    )

    assert problem(response, 422)["code"] == "upload_undercounts"


def test_a_preview_is_held_and_tells_the_effect_on_the_count(job: Client) -> None:
    send(job, body(usage(*users(3))))
    later = usage(*users(2), user(9, "user1@example.com"), exported_at="2026-10-06T02:00:00Z")

    response = send(job, body(later), "?preview=1")

    assert response.status_code == 202
    run = response.json()
    assert run["error"]["code"] == "held_preview"
    assert run["counts"] | {"read": 3, "added": 1, "removed": 1} == run["counts"]
    assert (run["counts"]["persons_before"], run["counts"]["persons_after"]) == (3, 2)
    assert len(accounts()) == 3


def test_the_guard_holds_what_takes_too_much_away(job: Client) -> None:
    send(job, body(usage(*users(60))))

    response = send(job, body(usage(*users(30), exported_at="2026-10-06T02:00:00Z")))

    assert response.status_code == 202
    assert response.json()["error"]["code"] == "held_loss"
    assert len(accounts()) == 60


FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a user twice": ({"users": [user(1), user(2), user(1)]}, "upload_duplicate_user", "users[2]"),
    "two primaries": (
        {"users": [user(1, emails=[{"email": "a@b.c", "primary": True}] * 2)]},
        "upload_two_primaries",
        "users[0].emails[1].primary",
    ),
    "a wrong type": (
        {"users": [user(1), user(2, emails=[{"email": "a@b.c", "primary": "yes"}])]},
        "upload_bad_value",
        "users[1].emails[0].primary",
    ),
    "a negative id": ({"users": [user(-1)]}, "upload_bad_value", "users[0].user_id"),
    "a huge id": ({"users": [user(2**63)]}, "upload_bad_value", "users[0].user_id"),
    "a fraction": ({"users": [user(1.5)]}, "upload_bad_value", "users[0].user_id"),  # type: ignore[arg-type]
    "a NUL": ({"users": [user(1, "a\0@b.c")]}, "upload_bad_value", "users[0].emails[0].email"),
    "an unknown key": ({"users": [user(1, login="mona")]}, "upload_unknown_key", "users[0].login"),
    "an unknown exclusion": (
        {"users": [user(1, excluded="bot")]},
        "upload_bad_value",
        "users[0].excluded",
    ),
    "no object": ({"users": [1]}, "upload_bad_value", "users[0]"),
    "a time without its zone": (
        {"exported_at": "2026-10-05T02:00:00"},
        "upload_bad_value",
        "exported_at",
    ),
    "another instance": (
        {"host_name": "elsewhere.example.com"},
        "upload_other_instance",
        "host_name",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_by_its_place_and_nothing_is_applied(
    job: Client, instance: ServerInstance, name: str
) -> None:
    more, code, path = FAULTS[name]

    told = problem(send(job, body(usage(**more)), f"?instance={HOST}"), 422)

    assert (told["code"], told["params"]["path"]) == (code, path)
    assert path in told["detail"]
    assert told["run"]["state"] == "failed"
    assert not accounts()


def test_a_key_that_is_missing_is_named(job: Client) -> None:
    without = user(1)
    del without["suspended"]

    told = problem(send(job, body(usage(without))), 422)

    assert told["params"] == {"path": "users[0].suspended"}


def test_a_key_that_may_be_an_address_is_not_repeated(job: Client) -> None:
    response = send(job, body(usage(user(1, **{"mona@example.com": 1}))))

    assert problem(response, 422)["params"] == {"path": "users[0].…"}
    assert b"mona" not in response.content


@pytest.mark.parametrize(
    ("cut", "code"), [(-40, "upload_truncated_json"), (-1, "upload_truncated_json")]
)
def test_a_file_that_is_cut_off_is_told_by_line_and_column(
    job: Client, cut: int, code: str
) -> None:
    content = body(usage(*users(3)))[:cut]

    told = problem(send(job, content), 422)

    assert told["code"] == code
    assert told["params"]["line"] == content.count(b"\n") + 1
    assert told["params"]["column"] == len(content) - content.rfind(b"\n")


def test_a_fault_late_in_a_large_file_is_told_exactly(job: Client) -> None:
    content = body(usage(*users(3000)))
    at = content.index(b"false", 400_000)
    content = content[:at] + b"?alse" + content[at + 5 :]

    told = problem(send(job, content), 422)

    assert told["code"] == "upload_not_json"
    before = content[:at]
    assert told["params"]["line"] == before.count(b"\n") + 1
    assert told["params"]["column"] == at - before.rfind(b"\n")


def test_a_cut_report_is_told_by_its_line(job: Client) -> None:
    report = (HEADER + line(1, "a@example.com") + line(2, "b@example.com"))[:-30].encode()

    told = problem(send(job, report, f"?instance={HOST}&exported_at=2026-10-05T02:00:00Z"), 422)

    assert (told["code"], told["params"]) == ("upload_truncated", {"line": 3})


def test_an_older_file_is_refused_and_the_same_one_changes_nothing(
    job: Client, instance: ServerInstance
) -> None:
    send(job, body(usage(*users(3))))

    same = send(job, body(usage(*users(3))))
    told = problem(send(job, body(usage(exported_at="2026-10-04T02:00:00Z"))), 422)

    assert same.json()["counts"] | {"added": 0, "changed": 0, "removed": 0} == same.json()["counts"]
    assert told["code"] == "upload_older"
    assert told["params"]["applied"] == "2026-10-05 02:00:00 UTC"
    assert len(accounts()) == 3


def test_a_file_from_the_future_is_refused(job: Client) -> None:
    told = problem(send(job, body(usage(exported_at="2999-01-01T00:00:00Z"))), 422)

    assert told["code"] == "upload_from_future"


def test_a_renamed_host_is_known_by_its_server_id(job: Client, instance: ServerInstance) -> None:
    server_id = "6c1a2b3c-0000-4000-8000-000000000001"
    ServerInstance.objects.update(server_id=server_id)

    renamed = usage(*users(1), host_name="renamed.example.com", server_id=server_id)
    other = usage(*users(1), server_id="6c1a2b3c-0000-4000-8000-000000000002")

    assert send(job, body(renamed)).status_code == 201
    told = problem(send(job, body(other)), 422)
    assert (told["code"], told["params"]["path"]) == ("upload_other_instance", "server_id")


def test_githubs_own_export_is_recognized_and_refused_with_the_way_out(job: Client) -> None:
    export = {
        "Features": {"a": 1},
        "Host name": HOST,
        "HTTP only": False,
        "License hash": "5f2a",
        "Public key": "-----BEGIN",
        "Server ID": "1",
        "Version": "3.19.1",
        "Users": "x" * 100,
        "users": "A" * 3_000_000,
    }

    told = problem(send(job, body(export)), 422)

    assert told["code"] == "upload_encrypted"
    assert told["params"] == {"host": HOST, "version": "3.19.1"}
    assert "all_users.csv" in told["detail"]


@pytest.mark.parametrize("key", ["License hash", "public-key", "features", "users"])
def test_githubs_own_export_is_recognized_by_a_text_too_long_to_read(job: Client, key: str) -> None:
    told = problem(send(job, body({"Host name": HOST, key: "A" * 3_000_000, "z": 1})), 422)

    assert told["code"] == "upload_encrypted"
    assert told["params"] == {"host": HOST, "version": "–"}


@pytest.mark.parametrize("content", [b"<html>", b"PK\3\4zip", b"[]", b'{"a": 1}'])
def test_something_else_is_refused(job: Client, content: bytes) -> None:
    told = problem(send(job, content, f"?instance={HOST}"), 422)

    assert told["code"] == "upload_unknown_format"


def test_one_endless_value_does_not_fill_the_memory(job: Client) -> None:
    start = body(usage()).rstrip(b"}\n] ").rstrip(b"[") + b'[{"user_id": 1, "emails": "'

    told = problem(send(job, start + b"x" * 5_000_000, f"?instance={HOST}"), 422)

    assert told["code"] in {"upload_bad_value", "upload_item_too_large"}


def test_any_number_of_keys_does_not_fill_the_memory() -> None:
    keys = (f',"key{n}": "{"x" * 60_000}"'.encode() for n in range(500))

    tracemalloc.start()
    with pytest.raises(Fault) as fault:
        read_head(lambda: chain([b'{"a": 1'], keys))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert fault.value.code == "upload_unknown_format"
    assert peak < 2**21


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_at_the_end_of_the_calendar_is_refused(job: Client, moment: str) -> None:
    told = problem(send(job, body(usage(*users(1), exported_at=moment))), 422)

    assert (told["code"], told["params"]["path"]) == ("upload_bad_value", "exported_at")


@pytest.mark.parametrize("name", ["idna''x%FF", "undefined''x", "nothing''x"])
def test_a_file_name_that_nobody_can_read_is_none(job: Client, name: str) -> None:
    disposition = {"Content-Disposition": f"attachment; filename*={name}"}

    assert send(job, body(usage(*users(1))), **disposition).status_code == 201


def test_the_same_key_gives_the_first_result(job: Client) -> None:
    key = {"Idempotency-Key": "2026-10-05"}
    first = send(job, body(usage(*users(3))), **key)

    again = send(job, body(usage(*users(3))), **key)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert SyncRun.objects.filter(source="upload").count() == 1


def test_the_same_key_with_another_file_is_refused(job: Client) -> None:
    key = {"Idempotency-Key": "2026-10-05"}
    first = send(job, body(usage(*users(3))), **key).json()

    other = body(usage(*users(2), exported_at="2026-10-06T02:00:00Z"))
    told = problem(send(job, other, **key), 422)

    assert (told["code"], told["params"]) == ("idempotency_key_reused", {"run": first["id"]})
    assert SyncRun.objects.filter(source="upload").count() == 1


def test_the_same_key_of_another_token_is_another_key(job: Client, enterprise: Enterprise) -> None:
    key = {"Idempotency-Key": "2026-10-05"}
    send(job, body(usage(*users(3))), **key)

    other = send(token_client(enterprise, "admin:enterprise"), body(usage(*users(3))), **key)

    assert other.status_code == 201


def test_a_failed_upload_fails_again_by_its_key(job: Client) -> None:
    key = {"Idempotency-Key": "k"}
    first = problem(send(job, body(usage(user(1), user(1))), **key), 422)

    again = problem(send(job, body(usage(user(1), user(1))), **key), 422)

    assert again == first


def test_an_upload_that_a_full_disk_ends_has_failed_at_once_and_may_be_sent_again(
    job: Client,
) -> None:
    full = mock.patch.object(staging.zlib, "compress", side_effect=OSError(errno.ENOSPC, "full"))
    with full:
        told = problem(send(job, body(usage(*users(3)))), 507)

    assert (told["code"], told["run"]["state"]) == ("disk_full", "failed")
    assert send(job, body(usage(*users(3)))).status_code == 201


def test_an_instance_that_is_being_synced_takes_no_upload(
    job: Client, instance: ServerInstance
) -> None:
    run = SyncRun.objects.create(
        enterprise=instance.enterprise,
        instance=instance,
        kind="instance",
        trigger="manual",
        queued_at=timezone.now(),
        not_before=timezone.now(),
    )

    told = problem(send(job, body(usage(*users(1)))), 409)

    assert (told["code"], told["params"]["run"]) == ("upload_run_active", run.pk)


def test_connect_disabled_takes_no_upload(job: Client, instance: ServerInstance) -> None:
    ServerInstance.objects.update(connect_enabled=False)

    assert problem(send(job, body(usage(*users(1)))), 409)["code"] == "connect_disabled"


def test_an_instance_that_is_not_registered_is_named(job: Client) -> None:
    told = problem(send(job, body(usage(host_name="new.example.com"))), 422)

    assert (told["code"], told["params"]) == (
        "upload_instance_unknown",
        {"host": "new.example.com"},
    )


def test_a_form_is_not_taken(job: Client) -> None:
    response = job.post(UPLOAD, {"file": "x"})

    assert problem(response, 415)["code"] == "form_not_taken"


def test_an_upload_whose_process_died_is_ended_by_whoever_finds_it(
    instance: ServerInstance,
) -> None:
    claim, run = _begin(instance, SYSTEM, RunTrigger.API, "")
    assert claim is not None
    SyncRun.objects.update(lease_until=timezone.now() - timezone.timedelta(seconds=1))

    runs_sweep()
    state = run_execute(run_id=run.pk)

    run.refresh_from_db()
    assert (state, run.error_code) == (RunState.FAILED, "upload_interrupted")


def test_nothing_of_a_file_stays_in_the_data_folder(job: Client) -> None:
    folder = Path(settings.LICSYNC_VAR_DIR)
    before = sorted(os.listdir(folder))

    send(job, body(usage(*users(3))))
    send(job, b"{")

    assert sorted(os.listdir(folder)) == before


# --- Who may -------------------------------------------------------------------------------------


def test_it_needs_a_live_token(job: Client, enterprise: Enterprise) -> None:
    response = send(Client(), body(usage()))

    assert problem(response, 401)["code"] == "bad_credentials"
    assert response["WWW-Authenticate"] == "Bearer"
    wrong = Client(headers={"Authorization": "Bearer lsc_wrong"})
    assert problem(send(wrong, body(usage())), 401)["code"] == "bad_credentials"


def test_it_needs_the_scope(enterprise: Enterprise, instance: ServerInstance) -> None:
    reader = token_client(enterprise, "read:enterprise")

    assert problem(send(reader, body(usage())), 403)["code"] == "missing_scope"
    assert reader.get("/api/v1/enterprises/acme/instances").status_code == 200


def test_a_token_sees_its_own_enterprise_only(job: Client) -> None:
    EnterpriseFactory(slug="other")

    assert problem(job.get("/api/v1/enterprises/other/instances"), 404)["code"] == "not_found"
    assert problem(job.get("/api/v1/enterprises/acme/runs/99"), 404)["code"] == "not_found"
    assert problem(job.get("/api/v1/nowhere"), 404)["code"] == "not_found"


def test_instances_are_listed_with_their_states(job: Client, instance: ServerInstance) -> None:
    send(job, body(usage(*users(3))))

    page = job.get("/api/v1/enterprises/acme/instances?per_page=1").json()

    assert page["total"] == 1
    assert (
        page["items"][0] | {"host_name": HOST, "source": "upload", "state": "off"}
        == page["items"][0]
    )


def test_every_upload_is_in_the_audit_log(job: Client) -> None:
    send(job, body(usage(*users(3))))

    event = AuditEvent.objects.get(action="server_usage.upload")
    assert (event.actor_kind, event.target) == ("token", HOST)


def test_the_api_describes_itself(client: Client) -> None:
    described = client.get("/api/v1/openapi.json").json()

    assert described["openapi"].startswith("3.1")
    operation = described["paths"]["/api/v1/enterprises/{slug}/server-usage"]["post"]
    assert "application/octet-stream" in operation["requestBody"]["content"]


def test_the_first_upload_after_a_switch_of_source_is_held(
    job: Client, instance: ServerInstance
) -> None:
    send(job, body(usage(*users(3))))
    ServerInstance.objects.update(applied_source=Source.SITE_ADMIN_REPORT)

    response = send(job, body(usage(*users(3), exported_at="2026-10-06T02:00:00Z")))

    assert response.json()["error"]["code"] == "held_replacement"
