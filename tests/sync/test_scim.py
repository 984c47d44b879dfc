"""SCIM as a cross-check: a gap is a warning with numbers only, and trouble in it fails nothing."""

from __future__ import annotations

import json

import pytest

from enterprise import wording
from enterprise.emails import normalize
from enterprise.models import Enterprise, RunLogLine, RunState, ServerInstance, SyncRun
from enterprise.services import scim_check
from enterprise.services.audit import SYSTEM
from enterprise.services.servers import instance_edit
from sandbox.server import Fleet
from sandbox.world import GhesUser
from tests.sync.conftest import sync

pytestmark = pytest.mark.django_db

HOST = "ghes1.example.com"
USERS = "*/scim/v2/enterprises/*/Users"
REPORT = "/stafftools/reports/all_users.csv"


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    return enterprise.instances.get(host_name=HOST)


def users(fleet: Fleet) -> list[GhesUser]:
    """The active provisioned users of the instance, with an address of their own."""
    return [
        user
        for user in fleet.world.instances[HOST].users.values()
        if user.provisioned and user.consumes and user.email
    ]


def line(run: SyncRun) -> RunLogLine:
    return run.log.get(code__startswith="scim_")


def test_a_complete_report_agrees(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    run = sync(enterprise, instance)

    assert run.state == RunState.SUCCEEDED
    assert line(run).code == "scim_agrees"
    assert line(run).params["missing"] == 0
    assert line(run).params["consuming"] == run.counts["consuming"]
    assert "scim_gap" not in [warning["code"] for warning in run.warnings]


def test_scim_is_asked_for_by_the_instances_own_slug(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    instance_edit(instance=instance, actor=SYSTEM, enterprise_slug="acme-inside")
    instance.refresh_from_db()
    run = sync(enterprise, instance)
    assert run.state == RunState.SUCCEEDED
    asked = [request.path for request in fleet.instances[HOST].requests if "scim" in request.path]
    assert set(asked) == {"/api/v3/scim/v2/enterprises/acme-inside/Users"}


@pytest.mark.parametrize("again", [False, True], ids=["a first read", "an unchanged read"])
def test_an_active_user_whom_no_account_has_is_a_warning_with_numbers_only(
    fleet: Fleet,
    enterprise: Enterprise,
    instance: ServerInstance,
    monkeypatch: pytest.MonkeyPatch,
    again: bool,
) -> None:
    if again:
        sync(enterprise, instance)
    real = scim_check.read_provisioned

    def with_strangers(*arguments: object) -> object:
        found = real(*arguments)  # type: ignore[arg-type]
        emails = found.emails | {"Stranger@Example.com", "stranger@example.com", "b@example.com"}
        return found._replace(emails=emails)

    monkeypatch.setattr(scim_check, "read_provisioned", with_strangers)
    run = sync(enterprise, instance)

    assert run.state == RunState.SUCCEEDED
    (warning,) = [each for each in run.warnings if each["code"] == "scim_gap"]
    assert warning["params"].keys() == {"active", "consuming", "missing"}
    assert warning["params"]["missing"] == 2
    assert "@" not in json.dumps(warning)
    assert "2 addresses" in wording.sentence(warning["code"], warning["params"])


def test_what_the_run_would_change_is_what_is_compared(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    """The report suspends everybody, SCIM does not; one address is new in both."""
    sync(enterprise, instance)
    active = users(fleet)
    active[0].email = "moved@example.com"
    assert line(sync(enterprise, instance)).code == "scim_agrees"

    fleet.instances[HOST].faults.add("all_suspended", path=REPORT)
    run = sync(enterprise, instance)

    assert run.state == RunState.HELD
    assert (line(run).code, line(run).params["consuming"]) == ("scim_gap", 0)
    assert line(run).params["missing"] == len({normalize(user.email) for user in active})


@pytest.mark.parametrize(
    ("options", "code", "level"),
    [
        ({"kind": "status", "status": 404}, "scim_unavailable", "info"),
        ({"kind": "status", "status": 403}, "scim_unavailable", "info"),
        ({"kind": "status", "status": 502}, "scim_unread", "warning"),
        ({"kind": "html"}, "scim_unread", "warning"),
        ({"kind": "cut_body"}, "scim_unread", "warning"),
    ],
)
def test_no_answer_is_a_line_of_the_log_and_fails_nothing(
    fleet: Fleet,
    enterprise: Enterprise,
    instance: ServerInstance,
    options: dict[str, object],
    code: str,
    level: str,
) -> None:
    fleet.instances[HOST].faults.add(path=USERS, **options)  # type: ignore[arg-type]
    run = sync(enterprise, instance)

    assert run.state == RunState.SUCCEEDED
    assert "scim_gap" not in [warning["code"] for warning in run.warnings]
    assert (line(run).code, line(run).level) == (code, level)


def test_an_older_instance_is_not_asked(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    fleet.world.instances[HOST].version = "3.13.4"
    run = sync(enterprise, instance)

    assert run.state == RunState.SUCCEEDED
    assert not run.log.filter(code__startswith="scim_").exists()
    assert fleet.instances[HOST].count(f"/api/v3/scim/v2/enterprises/{enterprise.slug}/Users") == 0
