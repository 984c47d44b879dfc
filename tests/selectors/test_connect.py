"""GitHub's own state of each instance, and the hosts that GitHub names."""

from __future__ import annotations

import datetime as dt

import pytest

from enterprise.models import Enterprise
from enterprise.selectors.connect import GitHubState, host_names_offered, instance_lines
from tests.factories import (
    EnterpriseFactory,
    GitHubSyncStatusFactory,
    ServerInstanceFactory,
    ago,
)

pytestmark = pytest.mark.django_db
NEW, OLD = "new.example.com", "old.example.com"


@pytest.fixture
def acme() -> Enterprise:
    return EnterpriseFactory(slug="acme")


def said(acme: Enterprise, host: str, server_id: str, *, days: int | None, status: str) -> None:
    at: dt.datetime | None = None if days is None else ago(days=days)
    GitHubSyncStatusFactory(
        enterprise=acme, host_name=host, server_id=server_id, last_sync_at=at, status=status
    )


def shown(acme: Enterprise) -> GitHubState:
    (line,) = instance_lines(acme)
    return line.github.state


def test_of_two_hosts_with_one_id_its_own_is_meant(acme: Enterprise) -> None:
    ServerInstanceFactory(enterprise=acme, host_name=NEW, server_id="x")
    said(acme, NEW, "x", days=2, status="success")
    said(acme, OLD, "x", days=1, status="failure")
    assert shown(acme) == GitHubState.OK


def test_of_several_other_hosts_with_its_id_the_newest_is_meant(acme: Enterprise) -> None:
    ServerInstanceFactory(enterprise=acme, host_name="newest.example.com", server_id="x")
    said(acme, NEW, "x", days=1, status="success")
    said(acme, OLD, "x", days=90, status="failure")
    said(acme, "older.example.com", "x", days=None, status="")
    assert shown(acme) == GitHubState.OK


def test_an_instance_without_an_id_is_known_by_its_host_alone(acme: Enterprise) -> None:
    ServerInstanceFactory(enterprise=acme, host_name=NEW, server_id="")
    said(acme, OLD, "", days=1, status="failure")
    assert shown(acme) == GitHubState.UNKNOWN
    said(acme, NEW, "x", days=1, status="success")
    assert shown(acme) == GitHubState.OK


def test_a_host_without_an_id_is_offered_beside_instances_without_one(acme: Enterprise) -> None:
    ServerInstanceFactory(enterprise=acme, host_name=NEW, server_id="")
    said(acme, OLD, "", days=1, status="success")
    assert host_names_offered(acme) == [OLD]
