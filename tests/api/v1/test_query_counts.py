"""How many queries each operation asks does not depend on how much there is."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enterprise.models import Enterprise, ServerInstance
from tests.api.v1.conftest import HOST, V1
from tests.factories import (
    AuditEventFactory,
    GitHubSyncStatusFactory,
    MembershipFactory,
    RunLogLineFactory,
    ServerInstanceFactory,
    SnapshotFactory,
    SyncRunFactory,
)
from tests.reports.ledger import members
from tests.views.counted import account, count

pytestmark = pytest.mark.django_db


def grow(enterprise: Enterprise, instance: ServerInstance, more: range) -> None:
    for n in more:
        other = ServerInstanceFactory(
            enterprise=enterprise, host_name=f"more{n}.example.com", syncing=True, with_token=True
        )
        GitHubSyncStatusFactory(enterprise=enterprise, host_name=other.host_name)
        SyncRunFactory(instance=other, held=True)
        account(other, 1, f"server-only{n}@example.com")
        account(instance, 100 + n, "person00000@example.com")
        account(other, 2, "", suspended=True, consumes=False)
    AuditEventFactory.create_batch(len(more), enterprise=enterprise)
    MembershipFactory.create_batch(len(more), enterprise=enterprise)
    RunLogLineFactory.create_batch(len(more), run=instance.runs.get(kind="instance"))


def test_no_read_asks_more_queries_for_more_rows(
    reader: V1, enterprise: Enterprise, instance: ServerInstance
) -> None:
    run = SyncRunFactory(instance=instance, succeeded=True)
    SnapshotFactory(enterprise=enterprise)
    paths = [
        "",
        "/totals",
        "/persons",
        "/persons?search=person",
        "/persons/1",
        "/snapshots",
        "/changes",
        "/difference",
        "/difference/components",
        "/duplicates",
        "/reclaim",
        "/reclaim/plans",
        "/lists",
        "/lists/excluded",
        "/lists/never-signed-in",
        "/lists/members-without-email",
        "/instances",
        f"/instances/{HOST}",
        "/runs",
        f"/runs/{run.pk}",
        f"/runs/{run.pk}/log",
        "/cloud",
        "/members",
        "/tokens",
        "/audit",
    ]

    def counts() -> dict[str, int]:
        found = {}
        for path in paths:
            with CaptureQueriesContext(connection) as captured:
                assert reader.get(reader.start + path).status_code == 200, path
            found[path] = len(captured)
        return found

    grow(enterprise, instance, range(1))
    count(enterprise, members(3))
    counts()  # the token's last use is written once a minute
    few = counts()
    grow(enterprise, instance, range(1, 9))
    count(enterprise, members(25))
    counts()  # so is a walk over a count, at its beginning
    assert counts() == few
    assert max(few.values()) <= 11
