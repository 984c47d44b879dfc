"""How many queries each page asks: as the reviewed file says, however much there is to show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enterprise.models import (
    AlertRule,
    ApiToken,
    CloudState,
    Enterprise,
    Snapshot,
    SyncRun,
    User,
    Webhook,
)
from enterprise.services.alerts import alert_test
from enterprise.services.audit import SYSTEM
from enterprise.services.ledger import pack_anchors
from enterprise.services.tokens import token_make
from tests.alerts.conftest import rule_of
from tests.browser.pages import ENTERPRISE, ONESELF, furnish
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
    add_persons(snapshot, [{"number": 1, "kind": "cloud_and_server"}])
    grow(snapshot, instances=1, runs=1, persons=range(2, 12))
    mona = User.objects.get(username="mona")
    RunLogLineFactory(run=SyncRunFactory(instance=acme.instances.get(), succeeded=True))
    SyncRun.objects.filter(state="running").delete()  # one comes with the next line
    places = furnish(acme, mona)
    snapshot = acme.snapshots.latest("pk")
    hook, rule = Webhook.objects.get(), AlertRule.objects.get()
    fail_to_tell(rule)
    looked_at = {name: ONESELF[name] for name in ("home", "profile")} | ENTERPRISE
    pages = {name: path.format_map(places) for name, path in looked_at.items()}

    def counts() -> dict[str, int]:
        found = {}
        for name, path in pages.items():
            with CaptureQueriesContext(connection) as captured:
                assert owner.get(path).status_code == 200, name
            found[name] = len(captured)
        return found

    counts()  # some questions are asked once in a process
    few = counts()
    assert few == json.loads(REVIEWED.read_text())
    grow(snapshot, instances=5, runs=10, persons=range(12, 301))
    RunLogLineFactory.create_batch(20, run_id=places["run"])
    for name in ("a", "b", "c"):
        fail_to_tell(rule_of(acme, "sync", webhooks=[hook.pk]))
        hook_to(acme, "https://hooks.example.com/x", name=name)
        count_event(acme)
    assert counts() == few
