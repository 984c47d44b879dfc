"""How many queries each page asks: as the reviewed file says, however much there is to show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enterprise.models import AlertRule, ApiToken, CloudState, Enterprise, Snapshot
from enterprise.services.alerts import alert_test
from enterprise.services.audit import SYSTEM
from enterprise.services.ledger import pack_anchors
from enterprise.services.tokens import token_make
from tests.alerts.conftest import rule_of
from tests.deliveries.conftest import count_event, hook_to
from tests.factories import (
    AuditEventFactory,
    CredentialFactory,
    GitHubSyncStatusFactory,
    MembershipFactory,
    RunLogLineFactory,
    ServerInstanceFactory,
    SnapshotFactory,
    SyncRunFactory,
    ago,
)
from tests.views.test_licensing import add_persons

REVIEWED = Path(__file__).with_name("query_counts.json")


def grow(snapshot: Snapshot, *, instances: int, runs: int, persons: range) -> None:
    enterprise = snapshot.enterprise
    for _ in range(instances):
        instance = ServerInstanceFactory(enterprise=enterprise, syncing=True, with_token=True)
        GitHubSyncStatusFactory(enterprise=enterprise, host_name=instance.host_name)
        SyncRunFactory(instance=instance, succeeded=True)
        SyncRunFactory(instance=instance, held=True)
        SyncRunFactory(instance=instance, running=True)
        SyncRunFactory.create_batch(runs, instance=instance, failed=True)
    AuditEventFactory.create_batch(runs, enterprise=enterprise)
    MembershipFactory.create_batch(runs, enterprise=enterprise)
    for _ in range(runs):
        name = f"token{ApiToken.objects.count()}"
        token_make(enterprise=enterprise, actor=SYSTEM, name=name, scopes=["read:metrics"])
    add_persons(snapshot, [{"number": number, "kind": "cloud"} for number in persons])


def fail_to_tell(rule: AlertRule) -> None:
    """One open state, and a telling of it that could not be delivered."""
    now = ago(hours=1)
    rule.states.create(
        subject="cloud", params={"host": "", "state": "held"}, since=now, last_sent_at=now
    )
    event = alert_test(rule=rule, actor=SYSTEM)
    event.deliveries.update(state="failed", finished_at=now, error_code="mail_failed")


@pytest.mark.django_db
def test_pages_ask_as_many_queries_as_reviewed_however_much_there_is(
    owner: Client, acme: Enterprise
) -> None:
    CredentialFactory(enterprise=acme)
    CloudState.objects.update(read_at=ago(hours=1))
    snapshot = SnapshotFactory(
        enterprise=acme, persons=300, anchors=pack_anchors([f"person{n:06}" for n in range(1, 301)])
    )
    grow(snapshot, instances=1, runs=1, persons=range(1, 4))
    run = SyncRunFactory(instance=acme.instances.get(), succeeded=True)
    RunLogLineFactory(run=run)
    hook = hook_to(acme, "https://hooks.example.com/x")
    count_event(acme)
    rule = rule_of(acme, "sync", webhooks=[hook.pk])
    fail_to_tell(rule)
    start = "/enterprises/acme"
    pages = {
        "overview": start,
        "connect": f"{start}/settings/connect",
        "instance": f"{start}/instances/{run.instance_id}",
        "general": f"{start}/settings/general",
        "members": f"{start}/settings/members",
        "tokens": f"{start}/settings/tokens",
        "alerts": f"{start}/settings/alerts",
        "digest": f"{start}/settings/digest",
        "webhooks": f"{start}/settings/webhooks",
        "webhook": f"{start}/settings/webhooks/{hook.pk}",
        "audit": f"{start}/settings/audit",
        "allocation": f"{start}/insights/allocation",
        "cost centers": f"{start}/insights/cost-centers",
        "changes": f"{start}/insights/changes",
        "forecast": f"{start}/insights/forecast",
        "runs": f"{start}/runs",
        "run": f"{start}/runs/{run.pk}",
        "licensing": f"{start}/licensing",
        "licensing, filtered": f"{start}/licensing?q=person&sort=-accounts",
        "person": f"{start}/licensing/persons/3",
        "duplicates": f"{start}/insights/duplicates",
        "reclaim": f"{start}/insights/reclaim",
    }

    def counts() -> dict[str, int]:
        found = {}
        for name, path in pages.items():
            with CaptureQueriesContext(connection) as captured:
                assert owner.get(path).status_code == 200
            found[name] = len(captured)
        return found

    counts()  # some questions are asked once in a process
    few = counts()
    assert few == json.loads(REVIEWED.read_text())
    grow(snapshot, instances=5, runs=10, persons=range(4, 301))
    RunLogLineFactory.create_batch(20, run=run)
    for name in ("a", "b", "c"):
        fail_to_tell(rule_of(acme, "sync", webhooks=[hook.pk]))
        hook_to(acme, "https://hooks.example.com/x", name=name)
        count_event(acme)
    assert counts() == few
