"""Upgrade and rollback: what the version before has written is there after both, and it can go on
working on the new schema while processes are replaced one by one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import DateTimeField
from django.utils import timezone

from enterprise.models import AuditEvent
from enterprise.services.audit_seal import audit_seal
from enterprise.services.search_index import words_index_add
from scripts.check_migrations import PREVIOUS, unfilled

database = pytest.mark.django_db(transaction=True)


def migrate(*target: str) -> None:
    call_command("migrate", *target, interactive=False, verbosity=0)


@pytest.fixture
def _ends_at_the_newest() -> Iterator[None]:
    yield
    migrate()


def models_then() -> Any:
    """The models as the version before knows them, whatever the tables have by now."""
    return MigrationLoader(connection).project_state([PREVIOUS]).apps


def fill(then: Any, name: str) -> None:
    """A row in every table, as a sync, a count and a click of the version before write it."""
    now = timezone.now()

    def put(kind: str, /, **fields: Any) -> Any:
        return then.get_model("enterprise", kind).objects.create(**fields)

    enterprise = put("Enterprise", slug=name, name=name)
    mine = {"enterprise": enterprise}
    user = put("User", username=name)
    put("Membership", **mine, user=user, role="owner")
    put("SignInLink", user=user, digest=name, expires_at=now)
    put("ApiToken", **mine, name=name, prefix="licsync_", digest=name)
    put("AuditEvent", **mine, at=now, actor=name, actor_kind="user", action="run.request")

    host, url = f"{name}.example.com", f"https://{name}.example.com"
    instance = put("ServerInstance", **mine, host_name=host, url=url)
    put("Credential", **mine, instance=instance, origin=url, ciphertext="sealed", saved_at=now)
    run = put("SyncRun", **mine, kind="cloud", trigger="schedule", queued_at=now, not_before=now)
    put("RunLogLine", run=run, at=now, attempt=1, code="run_started")
    put("RunChunk", run=run, number=1, payload=b"\0x")

    email = {"email": "Mona@example.com", "email_key": "mona@example.com"}
    put("ServerUserAccount", instance=instance, user_id=1, **email, digest=1)
    cloud = {"key": name, "kind": "person", "counts": True, "matching": "[]", "report": "{}"}
    put("CloudAccount", **mine, **cloud, digest=1)
    put("CloudIdentity", **mine, login_key=name, attribute=0, value="mona@example.com")
    put("CloudState", **mine)
    put("EnterpriseDomain", **mine, domain="example.com", verified=True, approved=False)
    put("GitHubSyncStatus", **mine, server_id=name, host_name=host)

    counted = {"taken_at": now, "data_version": 1, "persons": 1, "totals": {"a": 1}}
    snapshot = put("Snapshot", **mine, **counted, anchors=b"\0x").pk
    person = {**mine, "number": snapshot, "key": name, "license_type": "enterprise", "accounts": 1}
    put("PersonVersion", **person, digest=1, report="{}", from_snapshot=snapshot)
    alone = {"account": f"{host}:1", "number": snapshot, "rule": "alone"}
    put("MembershipVersion", **mine, **alone, from_snapshot=snapshot)
    words = {"words": f"{name}\nmona@example.com", "public_words": name}
    current = put("CurrentPerson", **person, kind="server", **words)
    words_index_add(after=current.pk - 1)
    put("DifferenceComponent", **mine, category="other", change=1)


def content(then: Any) -> dict[str, list[dict[str, Any]]]:
    """What the version before sees in each of its tables."""
    return {
        model.__name__: [
            {key: bytes(v) if isinstance(v, memoryview) else v for key, v in row.items()}
            for row in model.objects.order_by("pk").values()
        ]
        for model in then.get_app_config("enterprise").get_models(include_auto_created=True)
    }


def rows(then: Any) -> dict[str, int]:
    return {kind: len(there) for kind, there in content(then).items()}


@database
@pytest.mark.usefixtures("_ends_at_the_newest")
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
    assert set(rows(then).values()) == {2}


@database
@pytest.mark.usefixtures("_ends_at_the_newest")
def test_the_version_before_goes_on_writing_while_the_new_schema_is_there() -> None:
    migrate(*PREVIOUS)
    then = models_then()
    fill(then, "before")
    migrate()
    fill(then, "meanwhile")
    assert set(rows(then).values()) == {2}  # in every table
    assert audit_seal() == 2


def test_no_column_was_added_that_the_version_before_cannot_fill() -> None:
    loader = MigrationLoader(None)
    assert unfilled(loader.project_state([PREVIOUS]), loader.project_state()) == []


def test_the_check_finds_a_column_that_the_version_before_cannot_fill() -> None:
    """Also beside a table made in the same migration, whose key has a default."""
    loader = MigrationLoader(None)
    before = loader.project_state([("enterprise", "0007_run_effects")])
    after = loader.project_state([("enterprise", "0010_group_roles")])
    assert unfilled(before, after) == [
        "enterprise_enterprise.allocated_snapshot",
        "enterprise_enterprise.allocated_version",
        "enterprise_enterprise.cost_centers_version",
        "enterprise_enterprise.insights_version",
        "enterprise_membership.given_by",
    ]


def test_the_check_finds_a_column_that_may_no_longer_be_null() -> None:
    loader = MigrationLoader(None)
    before, after = loader.project_state([PREVIOUS]), loader.project_state([PREVIOUS])
    after.models["enterprise", "syncrun"].fields["finished_at"] = DateTimeField()
    assert unfilled(before, after) == ["enterprise_syncrun.finished_at"]
