"""A run has so much time in all, whichever of its parts takes it: also one that it could do without."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from pytest_django import Settings

from enterprise.models import Enterprise, RunState
from enterprise.services.claims import Claim
from sandbox.server import Fleet
from tests.sync.conftest import sync

pytestmark = pytest.mark.django_db
HOST = "ghes1.example.com"


@pytest.mark.parametrize(
    "part",
    [
        "/graphql",
        "/api/v3/meta",
        "/api/v3/enterprise/stats/users",
        "/stafftools/reports/all_users.csv",
        "/api/v3/scim/v2/enterprises/{slug}/Users",
    ],
)
def test_a_run_over_its_budget_fails_in_whichever_part_it_is(
    fleet: Fleet,
    enterprise: Enterprise,
    part: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.LICSYNC_LEASE_SECONDS = 0  # so that every beat looks at the clock
    of_cloud = part == "/graphql"
    site = fleet.ghec if of_cloud else fleet.instances[HOST]
    path = part.format(slug=enterprise.slug)

    def deadline(_: Claim) -> dt.datetime:
        return timezone.now() + dt.timedelta(seconds=-1 if site.count(path) else 3600)

    monkeypatch.setattr(Claim, "deadline", property(deadline))
    run = sync(enterprise, None if of_cloud else enterprise.instances.get(host_name=HOST))

    assert site.count(path) > 0
    assert (run.state, run.error_code) == (RunState.FAILED, "run_budget_exceeded")
    assert run.error_params["seconds"] == settings.LICSYNC_RUN_BUDGET_SECONDS
    assert not run.chunks.exists()
