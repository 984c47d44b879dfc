"""A run against a world whose right answer is known gives exactly that answer, person by person."""

from __future__ import annotations

import json

import pytest

from enterprise.models import Enterprise, MembershipVersion, PersonVersion, RunState, Snapshot
from enterprise.selectors import licenses
from sandbox.server import Fleet
from tests.sync.conftest import sync_everything

pytestmark = pytest.mark.django_db


def persons_found(enterprise: Enterprise) -> set[frozenset[tuple[str, str]]]:
    accounts: dict[int, list[str]] = {}
    for number, account in MembershipVersion.objects.filter(
        enterprise=enterprise, to_snapshot=None
    ).values_list("number", "account"):
        accounts.setdefault(number, []).append(account)
    found = set()
    for person in PersonVersion.objects.filter(enterprise=enterprise, to_snapshot=None):
        members = {("server", account) for account in accounts.get(person.number, [])}
        if person.cloud_key:
            report = json.loads(person.report)
            if report["github_com_user"]:
                members.add(("cloud", report["github_com_login"]))
            elif report["visual_studio_license_status"]:
                members.add(("subscriber", report["visual_studio_subscription_email"]))
            else:
                members.add(("invitation", report["visual_studio_subscription_email"]))
        found.add(frozenset(members))
    return found


def test_every_person_is_found_with_exactly_their_accounts(
    fleet: Fleet, enterprise: Enterprise
) -> None:
    runs = sync_everything(enterprise)
    assert [(run.state, run.error_code) for run in runs] == [(RunState.SUCCEEDED, "")] * 3
    expected = fleet.world.expected_persons(identities=True)
    found = persons_found(enterprise)
    assert found - expected == set()
    assert expected - found == set()
    snapshot = licenses.snapshot_latest(enterprise)
    assert snapshot is not None
    assert snapshot.persons == len(expected)


def test_syncing_again_without_a_change_writes_nothing(
    fleet: Fleet, enterprise: Enterprise
) -> None:
    sync_everything(enterprise)
    before = set(Snapshot.objects.values_list("pk", flat=True))
    versions = PersonVersion.objects.count()
    runs = sync_everything(enterprise)
    assert all(run.counts["changed"] == run.counts["added"] == 0 for run in runs)
    assert set(Snapshot.objects.values_list("pk", flat=True)) == before
    assert PersonVersion.objects.count() == versions
