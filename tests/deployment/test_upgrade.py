"""Upgrade and rollback: what the version before has written is there after both, and it can go on
working on the new schema while processes are replaced one by one.

There is no release yet, so the version before is taken as of the last migration of the first commit that
could sync, count and search (PREVIOUS); with each release it moves to that one's last migration.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from enterprise.models import AuditEvent
from enterprise.services.audit_seal import audit_seal
from enterprise.services.search_index import words_index_add

pytestmark = pytest.mark.django_db(transaction=True)

PREVIOUS = ("enterprise", "0003_search_index")


def migrate(*target: str) -> None:
    call_command("migrate", *target, interactive=False, verbosity=0)


@pytest.fixture(autouse=True)
def _ends_at_the_newest() -> Iterator[None]:
    yield
    migrate()


def models_then() -> Any:
    """The models as the version before knows them, whatever the tables have by now."""
    loader = MigrationExecutor(connection).loader
    return loader.project_state([PREVIOUS]).apps


def fill(then: Any, name: str) -> None:
    """Rows of every kind that a sync, a count and a click write."""
    now = timezone.now()
    account = then.get_model("enterprise", "ServerUserAccount")
    enterprise, _ = then.get_model("enterprise", "Enterprise").objects.get_or_create(
        slug="acme", defaults={"name": "Acme"}
    )
    instance, _ = then.get_model("enterprise", "ServerInstance").objects.get_or_create(
        enterprise=enterprise, host_name=f"{name}.example.com", url=f"https://{name}.example.com"
    )
    account.objects.create(
        instance=instance,
        user_id=1,
        email="Mona@example.com",
        email_key="mona@example.com",
        digest=1,
    )
    snapshot = then.get_model("enterprise", "Snapshot").objects.create(
        enterprise=enterprise,
        taken_at=now,
        data_version=1,
        persons=1,
        totals={"a": 1},
        anchors=b"\0x",
    )
    then.get_model("enterprise", "PersonVersion").objects.create(
        enterprise=enterprise,
        number=snapshot.pk,
        key=name,
        license_type="enterprise",
        accounts=1,
        digest=1,
        report="{}",
        from_snapshot=snapshot.pk,
    )
    current = then.get_model("enterprise", "CurrentPerson").objects.create(
        enterprise=enterprise,
        number=snapshot.pk,
        key=name,
        kind="server",
        license_type="enterprise",
        accounts=1,
        words=f"{name}\nmona@example.com",
        public_words=name,
    )
    words_index_add(after=current.pk - 1)
    then.get_model("enterprise", "SyncRun").objects.create(
        enterprise=enterprise,
        kind="cloud",
        trigger="schedule",
        state="succeeded",
        queued_at=now,
        not_before=now,
        finished_at=now,
    )
    then.get_model("enterprise", "AuditEvent").objects.create(
        enterprise=enterprise, at=now, actor=name, actor_kind="user", action="run.request"
    )


KINDS = (
    *("Enterprise", "ServerInstance", "ServerUserAccount", "Snapshot", "PersonVersion"),
    *("CurrentPerson", "SyncRun", "AuditEvent"),
)


def content(then: Any) -> dict[str, list[dict[str, Any]]]:
    """What the version before sees."""
    return {
        kind: [
            {key: bytes(v) if isinstance(v, memoryview) else v for key, v in row.items()}
            for row in then.get_model("enterprise", kind).objects.order_by("pk").values()
        ]
        for kind in KINDS
    }


def test_what_was_written_before_is_there_after_an_upgrade_and_after_a_rollback() -> None:
    migrate(*PREVIOUS)
    then = models_then()
    fill(then, "before")
    before = content(then)

    migrate()

    assert content(then) == before
    assert audit_seal() == 1
    call_command("verify_audit", stdout=io.StringIO())
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEvent.objects.all().delete()

    migrate(*PREVIOUS)

    assert content(then) == before
    fill(then, "after")  # it goes on working
    assert all(
        len(rows) == len(before[kind]) + (kind != "Enterprise")
        for kind, rows in content(then).items()
    )


def test_the_version_before_goes_on_writing_while_the_new_schema_is_there() -> None:
    migrate(*PREVIOUS)
    then = models_then()
    fill(then, "before")
    migrate()
    fill(then, "meanwhile")
    assert {row["key"] for row in content(then)["PersonVersion"]} == {"before", "meanwhile"}
    assert audit_seal() == 2
