"""Adding, editing and removing instances; when an edit erases the token."""

from __future__ import annotations

from typing import Any

import pytest

from enterprise.models import AuditEvent, Credential, Enterprise, RunState, ServerInstance, SyncRun
from enterprise.services.servers import (
    instance_add,
    instance_edit,
    instance_remove,
    instance_token_set,
)
from tests.commands.test_provision import CERTIFICATE
from tests.factories import (
    EnterpriseFactory,
    ServerInstanceFactory,
    ServerUserAccountFactory,
    SyncRunFactory,
)
from tests.services.conftest import MONA, actions, refusal


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    return ServerInstanceFactory(
        enterprise=enterprise, host_name="ghes1.example.com", with_token=True
    )


def add(enterprise: Enterprise, host_name: str = "ghes1.example.com", **values: Any) -> Any:
    return instance_add(enterprise=enterprise, actor=MONA, host_name=host_name, **values)


def edit(instance: ServerInstance, **values: Any) -> list[str]:
    return instance_edit(instance=instance, actor=MONA, **values)


def test_an_instance_starts_with_both_switches_off(enterprise: Enterprise) -> None:
    instance = add(enterprise, "GHES1.example.com")
    assert (instance.host_name, instance.url) == ("ghes1.example.com", "https://ghes1.example.com")
    assert (instance.connect_enabled, instance.license_sync_enabled) == (False, False)
    enterprise.refresh_from_db()
    assert enterprise.data_version == 1, "what GHEC lists for it is counted otherwise from now on"


def test_a_host_is_registered_once_in_an_enterprise(enterprise: Enterprise) -> None:
    add(enterprise)
    assert refusal(add, enterprise, "GHES1.example.com") == ("instance_exists", "host_name")
    add(EnterpriseFactory())
    assert ServerInstance.objects.count() == 2


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"url": "ghes1"}, "bad_address", "url"),
        ({"url": "http://ghes1.example.com"}, "plain_http_unconfirmed", "url"),
        ({"proxy": "proxy:3128"}, "bad_address", "proxy"),
        ({"source": "rumor"}, "bad_source", "source"),
        ({"enterprise_slug": "acme/../x"}, "bad_slug", "enterprise_slug"),
        ({"ca_bundle": "no certificate"}, "bad_ca_bundle", "ca_bundle"),
        ({"ca_bundle": "£"}, "bad_ca_bundle", "ca_bundle"),
        ({"guard_share": 101}, "bad_guard_share", "guard_share"),
        ({"guard_share": -1}, "bad_guard_share", "guard_share"),
    ],
)
def test_bad_settings_are_refused_when_adding_and_when_editing(
    instance: ServerInstance, values: dict[str, Any], code: str, field: str
) -> None:
    assert refusal(add, instance.enterprise, "ghes2.example.com", **values) == (code, field)
    assert refusal(edit, instance, **values) == (code, field)
    assert actions() == []


def test_an_edit_without_a_change_is_none(instance: ServerInstance) -> None:
    assert edit(instance, url="HTTPS://ghes1.example.com/", guard_share=None) == []
    assert actions() == []


@pytest.mark.parametrize(
    "values",
    [
        {"url": "https://ghes1.example.com:8443"},
        {"url": "https://10.0.0.7"},
        {"url": "http://ghes1.example.com", "plain_http_confirmed": True},
        {"proxy": "http://proxy.example.com:3128"},
        {"ca_bundle": CERTIFICATE},
    ],
)
def test_another_address_proxy_or_authority_erases_the_token(
    instance: ServerInstance, values: dict[str, Any]
) -> None:
    assert "credentials" in edit(instance, **values)
    assert not Credential.objects.exists()
    assert AuditEvent.objects.get().after["credentials"] == "erased"


@pytest.mark.parametrize(
    "values", [{"guard_share": 5}, {"source": "upload"}, {"url": "https://ghes1.example.com:443"}]
)
def test_other_settings_keep_the_token(instance: ServerInstance, values: dict[str, Any]) -> None:
    assert edit(instance, **values) == list(values)
    assert Credential.objects.exists()


def test_the_audit_log_holds_no_certificate(instance: ServerInstance) -> None:
    edit(instance, ca_bundle=CERTIFICATE)
    event = AuditEvent.objects.get()
    assert (event.before, event.after["ca_bundle"]) == ({"ca_bundle": ""}, "set")


@pytest.mark.parametrize(
    ("username", "token", "expected"),
    [
        ("licsync", "", ("bad_token", "token")),
        ("licsync", "two words", ("bad_token", "token")),
        ("licsync", "smörgås", ("bad_token", "token")),
        ("licsync", "a\x00b", ("bad_token", "token")),
        ("", "ghp_secret", ("username_needed", "username")),
        ("a:b", "ghp_secret", ("username_needed", "username")),
        ("x" * 151, "ghp_secret", ("too_long", "username")),
    ],
)
def test_unusable_credentials_are_refused(
    instance: ServerInstance, username: str, token: str, expected: tuple[str, str]
) -> None:
    found = refusal(
        instance_token_set, instance=instance, actor=MONA, username=username, token=token
    )
    assert found == expected


def test_a_token_is_stored_once_and_never_audited(instance: ServerInstance) -> None:
    for changed in (True, False):
        assert changed == instance_token_set(
            instance=instance, actor=MONA, username="licsync", token=" ghp_secret\n"
        )
    assert actions() == ["instance.token_set"]
    assert "ghp_secret" not in str(AuditEvent.objects.values())


def test_removing_takes_data_and_token_and_keeps_the_history(instance: ServerInstance) -> None:
    for _account in range(3):
        ServerUserAccountFactory(instance=instance)
    done = SyncRunFactory(instance=instance, succeeded=True)
    active = SyncRunFactory(instance=instance, running=True)
    instance_remove(instance=instance, actor=MONA)
    assert not ServerInstance.objects.exists()
    assert not Credential.objects.exists()
    done.refresh_from_db()
    active.refresh_from_db()
    assert (done.state, done.host_name, done.instance_id) == (
        RunState.SUCCEEDED,
        "ghes1.example.com",
        None,
    )
    assert (active.state, active.error_code) == (RunState.CANCELLED, "instance_removed")
    assert AuditEvent.objects.get().before == {"accounts": 3}
    assert SyncRun.objects.count() == 2
    done.enterprise.refresh_from_db()
    assert done.enterprise.data_version == 1
