"""What an instance tells of itself is compared with what was read; a gap, or no answer, is a warning."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from enterprise import wording
from enterprise.models import Enterprise, RunState, ServerInstance, SyncRun
from sandbox.server import Fleet
from tests.factories import MembershipFactory
from tests.sync.conftest import sync

pytestmark = pytest.mark.django_db

HOST = "ghes1.example.com"
META = "/api/v3/meta"
LICENSE = "/api/v3/enterprise/settings/license"
USER_STATS = "/api/v3/enterprise/stats/users"


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    return enterprise.instances.get(host_name=HOST)


def warnings_of(run: SyncRun) -> dict[str, dict[str, Any]]:
    return {warning["code"]: warning["params"] for warning in run.warnings}


def test_user_totals_that_agree_are_no_warning_and_a_gap_is_one(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    told = warnings_of(sync(enterprise, instance))
    assert not {"user_total_gap", "facts_unread"} & told.keys()
    stated = len(fleet.world.instances[HOST].users)
    fleet.instances[HOST].faults.add("halved", path="/stafftools/reports/all_users.csv")
    run = sync(enterprise, instance)
    assert warnings_of(run)["user_total_gap"] == {"stated": stated, "read": run.counts["read"]}
    assert warnings_of(run)["seats_used_gap"]["consuming"] == run.counts["consuming"]


@pytest.mark.parametrize(
    ("path", "parts"),
    [(META, "version"), (LICENSE, "license"), (USER_STATS, "user totals")],
)
def test_what_an_instance_does_not_tell_of_itself_is_a_warning_on_the_run(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance, path: str, parts: str
) -> None:
    fleet.instances[HOST].faults.add("status", path=path, status=403)
    run = sync(enterprise, instance)
    assert run.state == RunState.SUCCEEDED
    told = wording.sentence("facts_unread", warnings_of(run)["facts_unread"])
    assert told.startswith(f"What the instance tells of itself could not be read ({parts}), so")
    assert "Check that its user is a site administrator" in told
    owner = Client()
    owner.force_login(MembershipFactory(enterprise=enterprise).user)
    page = owner.get(f"/enterprises/{enterprise.slug}/runs/{run.pk}").content.decode()
    assert told in page


def test_all_that_is_not_told_is_one_warning(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    fleet.instances[HOST].faults.add("status", path="/api/v3/*", status=500)
    run = sync(enterprise, instance)
    assert run.state == RunState.SUCCEEDED
    assert warnings_of(run)["facts_unread"] == {
        "part": "meta, license, user_stats",
        "why": "server_error",
        "status": 500,
    }
