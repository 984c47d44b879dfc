"""Changing the credential keys: nothing is lost, and what cannot be read is told."""

from __future__ import annotations

import io
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from enterprise.faults import Fault
from enterprise.models import AuditBatch, AuditEvent, Credential, Enterprise, ServerInstance
from enterprise.services.audit import SYSTEM
from enterprise.services.audit_seal import audit_seal
from enterprise.services.credentials import credential_open
from enterprise.services.enterprises import enterprise_add, enterprise_token_set
from enterprise.services.key_rotation import encrypted_columns
from enterprise.services.servers import instance_add, instance_token_set

pytestmark = pytest.mark.django_db

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))
URL = "https://ghes1.example.com"


@pytest.fixture
def enterprise(settings: Any) -> Enterprise:
    settings.LICSYNC_CREDENTIAL_KEYS = [OLD]
    made = enterprise_add(actor=SYSTEM, slug="acme")
    enterprise_token_set(enterprise=made, actor=SYSTEM, token="ghp_of_the_cloud")
    return made


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    made = instance_add(enterprise=enterprise, actor=SYSTEM, host_name="ghes1.example.com", url=URL)
    instance_token_set(instance=made, actor=SYSTEM, username="licsync", token="ghp_of_ghes1")
    return made


def rotate() -> str:
    said = io.StringIO()
    call_command("rotate_keys", stdout=said)
    return said.getvalue()


def token_of(instance: ServerInstance) -> str:
    return credential_open(enterprise=instance.enterprise, instance=instance, url=URL).token


def test_everything_has_the_first_key_and_the_old_one_may_go(
    instance: ServerInstance, settings: Any
) -> None:
    audit_seal()
    settings.LICSYNC_CREDENTIAL_KEYS = [NEW, OLD]
    assert "2 encrypted anew, 0 had the first key already, 1 audit batches" in rotate()
    settings.LICSYNC_CREDENTIAL_KEYS = [NEW]
    assert token_of(instance) == "ghp_of_ghes1"
    audit_seal()
    call_command("verify_audit", stdout=io.StringIO())
    event = AuditEvent.objects.get(action="keys.rotate")
    assert event.after == {"renewed": 2, "unreadable": 0, "signed": 1}
    assert AuditBatch.objects.filter(enterprise=None).count() == 1


def test_it_goes_on_where_it_was_broken_off(instance: ServerInstance, settings: Any) -> None:
    settings.LICSYNC_CREDENTIAL_KEYS = [NEW, OLD]
    instance_token_set(instance=instance, actor=SYSTEM, username="licsync", token="ghp_newer")
    assert "1 encrypted anew, 1 had the first key already" in rotate()
    assert "0 encrypted anew, 2 had the first key already" in rotate()
    assert AuditEvent.objects.filter(action="keys.rotate").count() == 1
    assert token_of(instance) == "ghp_newer"


def test_what_no_key_opens_is_named_and_left_and_the_rest_is_done(
    instance: ServerInstance, settings: Any
) -> None:
    settings.LICSYNC_CREDENTIAL_KEYS = [LOST]
    instance_token_set(instance=instance, actor=SYSTEM, username="licsync", token="ghp_of_lost")
    lost = Credential.objects.get(instance=instance).ciphertext
    settings.LICSYNC_CREDENTIAL_KEYS = [NEW, OLD]
    said = io.StringIO()
    with pytest.raises(CommandError, match="Add the key that is missing"):
        call_command("rotate_keys", stdout=said)
    assert "1 encrypted anew" in said.getvalue()
    assert f"Not readable with any of today's keys: credential for {URL}:443." in said.getvalue()
    assert Credential.objects.get(instance=instance).ciphertext == lost
    settings.LICSYNC_CREDENTIAL_KEYS = [NEW]
    opened = credential_open(
        enterprise=instance.enterprise, instance=None, url=instance.enterprise.api_url
    )
    assert opened.token == "ghp_of_the_cloud"
    with pytest.raises(Fault, match="credential_unreadable"):
        token_of(instance)


def test_a_token_saved_while_it_runs_stays_as_it_was_saved(
    instance: ServerInstance, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from enterprise.services import key_rotation

    settings.LICSYNC_CREDENTIAL_KEYS = [NEW, OLD]
    renew = key_rotation._renewed

    def save_meanwhile(ciphertext: str) -> str | None:
        replaced = renew(ciphertext)
        instance_token_set(instance=instance, actor=SYSTEM, username="licsync", token="ghp_newer")
        return replaced

    monkeypatch.setattr(key_rotation, "_renewed", save_meanwhile)
    rotate()
    assert token_of(instance) == "ghp_newer"


def test_the_columns_that_hold_secrets_are_found_by_their_name() -> None:
    assert (Credential, "ciphertext") in list(encrypted_columns())


def test_neither_a_dump_nor_the_audit_log_gives_a_token_away(
    instance: ServerInstance, settings: Any
) -> None:
    """Every column of every table, as somebody with a stolen dump would read it."""
    from django.db import connection

    secrets = (b"ghp_of_ghes1", b"ghp_of_the_cloud", settings.SECRET_KEY.encode(), OLD.encode())
    seen = 0
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                seen += 1
                text = b"\n".join(
                    bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()
                    for cell in row
                )
                assert not any(secret in text for secret in secrets), table
    assert seen > 5
