"""The audit log: only ever added to, sealed in a chain, and what is done to it shows."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from enterprise.models import AuditBatch, AuditDoor, AuditEvent, Enterprise
from enterprise.services import audit_seal as sealing
from enterprise.services.audit_door import audit_door
from enterprise.services.audit_seal import audit_expire, audit_seal, audit_sign_anew
from enterprise.services.audit_verify import CODES, Finding, chain_verify
from enterprise.services.ticking import tick
from enterprise.wording.audit import FINDINGS
from tests.factories import AuditEventFactory, EnterpriseFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Enterprise:
    made: Enterprise = EnterpriseFactory(slug="acme")
    return made


@pytest.fixture
def sealed(acme: Enterprise) -> list[AuditBatch]:
    """Three batches of two events."""
    for _ in range(3):
        AuditEventFactory.create_batch(
            2, enterprise=acme, before={"a": 1.5}, after={"b": ["ä", None]}
        )
        audit_seal()
    return list(AuditBatch.objects.order_by("number"))


def findings(enterprise: Enterprise | None) -> list[tuple[str, int]]:
    return [tuple(finding) for finding in chain_verify(enterprise).findings]


def by_force(sql: str, *params: Any) -> None:
    """What somebody with the database in hand can do: the triggers away, then the deed."""
    tables = ("enterprise_auditevent", "enterprise_auditbatch")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit_%%'"
            )
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(sql, params)
        if connection.vendor == "postgresql":
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        else:
            for _, trigger in triggers:
                cursor.execute(trigger)


def change_an_event() -> None:
    event = AuditEvent.objects.first()
    assert event is not None
    event.actor = "somebody else"
    event.save()


REFUSED: list[Callable[[], Any]] = [
    change_an_event,
    lambda: AuditEvent.objects.all().delete(),
    lambda: AuditEvent.objects.update(after={}),
    lambda: AuditEvent.objects.update(batch=None),
    lambda: AuditBatch.objects.update(seal="0"),
    lambda: AuditBatch.objects.update(signature="0"),
    lambda: AuditBatch.objects.update(expired_at=dt.datetime.now(dt.UTC)),
    lambda: AuditBatch.objects.all()._raw_delete("default"),
]


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize("deed", REFUSED)
def test_the_application_cannot_change_or_delete_what_is_recorded(deed: Callable[[], Any]) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        deed()
    assert AuditEvent.objects.count() == 6


@pytest.mark.usefixtures("sealed")
def test_with_the_door_open_events_may_go_but_not_change() -> None:
    with pytest.raises(IntegrityError), audit_door("test"):
        AuditEvent.objects.update(actor="somebody else")
    with audit_door("test"):
        AuditEvent.objects.all().delete()
    assert not AuditDoor.objects.exists()


@pytest.mark.usefixtures("sealed")
def test_the_door_shuts_when_what_it_was_opened_for_fails() -> None:
    with suppress(ZeroDivisionError), audit_door("test"):
        1 / 0  # noqa: B018
    assert not AuditDoor.objects.exists()


def test_a_table_cannot_be_emptied(sealed: list[AuditBatch]) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite knows no TRUNCATE")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute("TRUNCATE enterprise_auditevent")


def test_an_untouched_log_verifies(acme: Enterprise, sealed: list[AuditBatch]) -> None:
    AuditEventFactory(enterprise=acme)
    state = chain_verify(acme)
    assert state.findings == []
    assert (state.batches, state.events, state.unsealed) == (3, 6, 1)
    assert state.seal == sealed[-1].seal


def test_the_tick_seals_what_is_new_each_enterprise_by_itself(acme: Enterprise) -> None:
    other = EnterpriseFactory(slug="other")
    for enterprise in (acme, other, None, acme):
        AuditEventFactory(enterprise=enterprise)
    tick()
    assert sorted(AuditBatch.objects.values_list("enterprise__slug", "number", "events")[:2]) == [
        ("acme", 1, 2),
        ("other", 1, 1),
    ]
    assert findings(None) == []


def test_many_events_are_sealed_in_several_batches(
    acme: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    AuditEventFactory.create_batch(7, enterprise=acme)
    assert audit_seal() == 7
    assert list(AuditBatch.objects.order_by("pk").values_list("events", flat=True)) == [3, 3, 1]
    assert findings(acme) == []


def test_an_event_that_was_committed_late_is_sealed_later(acme: Enterprise) -> None:
    late = AuditEventFactory.build(enterprise=acme, pk=10)
    AuditEventFactory(enterprise=acme, pk=11)
    audit_seal()
    late.save(force_insert=True)
    audit_seal()
    assert findings(acme) == []


@pytest.mark.parametrize(
    ("deed", "found"),
    [
        ("UPDATE enterprise_auditevent SET actor = 'x' WHERE batch_id = %s", ("events_changed", 2)),
        ("UPDATE enterprise_auditevent SET via = 'x' WHERE batch_id = %s", ("events_changed", 2)),
        (
            (
                "DELETE FROM enterprise_auditevent WHERE id ="
                " (SELECT MIN(id) FROM enterprise_auditevent WHERE batch_id = %s)"
            ),
            ("events_missing", 2),
        ),
        ("UPDATE enterprise_auditbatch SET events = 1 WHERE id = %s", ("batch_changed", 2)),
        (
            "UPDATE enterprise_auditbatch SET digest = 'x' WHERE id = %s",
            ("batch_changed", 2),
        ),
        ("UPDATE enterprise_auditbatch SET seal = 'x' WHERE id = %s", ("batch_changed", 3)),
        (
            "UPDATE enterprise_auditbatch SET signature = 'x' WHERE id = %s",
            ("signature_unknown", 2),
        ),
        (
            "UPDATE enterprise_auditbatch SET expired_at = sealed_at WHERE id = %s",
            ("expired_unexplained", 2),
        ),
    ],
)
def test_what_is_done_to_a_sealed_batch_shows(
    acme: Enterprise, sealed: list[AuditBatch], deed: str, found: tuple[str, int]
) -> None:
    by_force(deed, sealed[1].pk)
    assert found in findings(acme)


def test_a_batch_that_is_gone_with_its_events_is_a_gap(
    acme: Enterprise, sealed: list[AuditBatch]
) -> None:
    by_force("DELETE FROM enterprise_auditevent WHERE batch_id = %s", sealed[1].pk)
    by_force("DELETE FROM enterprise_auditbatch WHERE id = %s", sealed[1].pk)
    assert findings(acme) == [("batch_missing", 2)]


def test_a_chain_made_anew_without_the_key_shows(
    acme: Enterprise, sealed: list[AuditBatch], settings: Any
) -> None:
    ours = settings.LICSYNC_CREDENTIAL_KEYS
    by_force("UPDATE enterprise_auditevent SET batch_id = NULL, actor = 'x'")
    by_force("DELETE FROM enterprise_auditbatch")
    settings.LICSYNC_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    audit_seal()
    settings.LICSYNC_CREDENTIAL_KEYS = ours
    assert findings(acme) == [("signature_unknown", 1)]


def test_a_cut_off_end_shows_by_a_seal_that_was_noted_down(sealed: list[AuditBatch]) -> None:
    call_command("verify_audit", expect=[sealed[2].seal], stdout=io.StringIO())
    by_force("DELETE FROM enterprise_auditevent WHERE batch_id = %s", sealed[2].pk)
    by_force("DELETE FROM enterprise_auditbatch WHERE id = %s", sealed[2].pk)
    call_command("verify_audit", stdout=io.StringIO())
    said = io.StringIO()
    with pytest.raises(CommandError):
        call_command("verify_audit", expect=[sealed[2].seal], stdout=said)
    assert "was cut off" in said.getvalue()


def test_verify_audit_says_what_it_found_and_fails(sealed: list[AuditBatch]) -> None:
    by_force("UPDATE enterprise_auditevent SET target = 'x' WHERE batch_id = %s", sealed[0].pk)
    said = io.StringIO()
    with pytest.raises(CommandError, match="not as it was sealed"):
        call_command("verify_audit", stdout=said)
    assert "acme: 3 batches with 6 events, 0 not sealed yet" in said.getvalue()
    assert "Events of batch 1 were changed." in said.getvalue()


def test_retention_lets_whole_batches_go_and_the_chain_holds(
    acme: Enterprise, sealed: list[AuditBatch]
) -> None:
    assert audit_expire(days=1, as_of=timezone.now()) == 0
    year_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=365)
    by_force("UPDATE enterprise_auditbatch SET sealed_at = %s WHERE number <= 2", year_ago)
    previous = sealing.FIRST
    for batch in AuditBatch.objects.order_by("number"):  # as if they had been sealed then
        batch.seal = sealing.seal_of(batch, previous)
        signature = sealing.signature_of(batch.seal, sealing.settings.LICSYNC_CREDENTIAL_KEYS[0])
        by_force(
            "UPDATE enterprise_auditbatch SET seal = %s, signature = %s WHERE id = %s",
            batch.seal,
            signature,
            batch.pk,
        )
        previous = batch.seal
    assert audit_expire(days=364, as_of=timezone.now()) == 4
    event = AuditEvent.objects.get(action="audit.expire")
    assert event.after == {"through_batch": 2, "events": 4}
    assert AuditEvent.objects.count() == 3
    assert findings(acme) == []
    assert audit_expire(days=364, as_of=timezone.now()) == 0


def test_batches_are_signed_anew_when_keys_rotate(
    acme: Enterprise, sealed: list[AuditBatch], settings: Any
) -> None:
    old = settings.LICSYNC_CREDENTIAL_KEYS[0]
    new = Fernet.generate_key().decode()
    settings.LICSYNC_CREDENTIAL_KEYS = [new, old]
    assert findings(acme) == []
    assert audit_sign_anew() == (3, 0)
    assert audit_sign_anew() == (0, 0)
    settings.LICSYNC_CREDENTIAL_KEYS = [new]
    assert findings(acme) == []


def test_what_no_key_of_ours_has_signed_is_not_signed_anew(
    acme: Enterprise, sealed: list[AuditBatch], settings: Any
) -> None:
    settings.LICSYNC_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    assert audit_sign_anew() == (0, 3)
    assert findings(acme) == [("signature_unknown", n) for n in (1, 2, 3)]


def test_every_finding_has_its_words() -> None:
    assert set(FINDINGS) == set(CODES)
    assert Finding("batch_missing", 1).number == 1


def test_the_triggers_are_there_at_the_newest_migration() -> None:
    """A later migration that remakes a table on SQLite would lose them."""
    table = {"sqlite": "sqlite_master WHERE type = 'trigger'", "postgresql": "pg_trigger"}
    column = {"sqlite": "name", "postgresql": "tgname"}[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table[connection.vendor]}")
        names = {row[0] for row in cursor.fetchall()}
    assert {f"audit_event_{what}" for what in ("kept", "fixed", "sealed")} <= names
    assert {f"audit_batch_{what}" for what in ("kept", "fixed", "marked")} <= names
