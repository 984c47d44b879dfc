"""What is told, in the transaction in which it happens, and that it names nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction

from enterprise.faults import Fault
from enterprise.models import (
    Delivery,
    Enterprise,
    Event,
    RunState,
    RunTrigger,
    ServerInstance,
    Source,
    SyncRun,
)
from enterprise.services.claims import Claim, run_claim, run_fail, run_hold, run_succeed
from enterprise.services.event_bodies import event_body
from enterprise.services.overdue import overdue_tell
from enterprise.services.recount import recount
from enterprise.services.recounts import recount_request
from enterprise.services.runs import runs_sweep
from enterprise.services.sync import claim_work
from tests.deliveries.conftest import hook_to
from tests.factories import (
    ServerInstanceFactory,
    ServerUserAccountFactory,
    SyncRunFactory,
    ago,
)

pytestmark = pytest.mark.django_db
COUNTS = {"read": 3, "added": 1, "changed": 0, "removed": 0, "consuming": 3}


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    hook_to(enterprise, "https://hooks.example.com/x")
    return ServerInstanceFactory(enterprise=enterprise, host_name="ghes1.example.com", syncing=True)


def claimed(instance: ServerInstance, **fields: Any) -> Claim:
    run = SyncRunFactory(instance=instance, actor="mona@example.com", **fields)
    claim = run_claim(run_id=run.pk)
    assert claim is not None
    return claim


def kinds() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("kind", flat=True))


def bodies() -> list[dict[str, Any]]:
    found = Delivery.objects.select_related("event__enterprise", "webhook").order_by("pk")
    return [json.loads(event_body(each, each.webhook)) for each in found if each.webhook]


def test_each_ending_of_a_run_is_told(instance: ServerInstance) -> None:
    run_succeed(claimed(instance), counts=COUNTS)
    run_hold(
        claimed(instance),
        reason="held_loss",
        counts=COUNTS,
        applied=9,
        removed=9,
        stopped=0,
        moved=0,
    )
    run_fail(claimed(instance), Fault("bad_credentials"))
    assert kinds() == ["run.succeeded", "run.held", "run.failed"]
    succeeded, held, failed = bodies()
    assert succeeded["run"]["counts"] == COUNTS
    assert succeeded["run"]["error"] is None
    assert held["run"]["error"]["code"] == "held_loss"
    assert failed["run"]["error"]["message"].startswith("The server refused the token.")
    assert failed["run"]["host"] == "ghes1.example.com"
    assert failed["url"].endswith(f"/enterprises/acme/runs/{failed['run']['id']}")
    assert "mona@example.com" not in json.dumps([succeeded, held, failed])


def test_a_try_that_is_repeated_is_not_told(instance: ServerInstance) -> None:
    run_fail(claimed(instance), Fault("timed_out", retry=True))
    assert kinds() == []


def test_an_applied_upload_is_told_as_one(instance: ServerInstance) -> None:
    run_succeed(claimed(instance, source=Source.UPLOAD, trigger=RunTrigger.API), counts=COUNTS)
    assert kinds() == ["run.succeeded", "upload.applied"]


def test_a_run_given_up_by_the_sweep_is_told(instance: ServerInstance) -> None:
    SyncRunFactory(instance=instance, running=True, lease_until=ago(hours=1), tries=99)
    runs_sweep()
    assert kinds() == ["run.failed"]
    assert bodies()[0]["run"]["error"]["code"] == "worker_lost"


def test_what_is_rolled_back_is_not_told(instance: ServerInstance) -> None:
    claim = claimed(instance)
    with transaction.atomic():
        run_succeed(claim, counts=COUNTS)
        assert kinds() == ["run.succeeded"]
        transaction.set_rollback(True)
    assert kinds() == []
    assert SyncRun.objects.get().state == RunState.RUNNING


def test_an_overdue_instance_is_told_once_and_again_after_a_success(
    instance: ServerInstance,
) -> None:
    ServerInstance.objects.update(last_success_at=ago(days=7, hours=23))
    assert overdue_tell() == 0
    ServerInstance.objects.update(last_success_at=ago(days=8, minutes=1))
    assert [overdue_tell(), overdue_tell()] == [1, 0]
    assert bodies()[0]["instance"]["host"] == "ghes1.example.com"
    ServerInstance.objects.update(overdue_since=ago(days=20))
    assert overdue_tell() == 1
    ServerInstance.objects.update(license_sync_enabled=False)
    assert overdue_tell() == 0
    assert ServerInstance.objects.get().overdue_since is None


def test_a_recount_tells_what_it_changed_and_nothing_where_nothing_changed(
    instance: ServerInstance, enterprise: Enterprise
) -> None:
    def recounted() -> list[str]:
        Event.objects.all().delete()
        run, _new = recount_request(enterprise=enterprise)
        claim = run_claim(run_id=run.pk)
        assert claim is not None
        assert claim_work(claim, recount) == RunState.SUCCEEDED
        return kinds()

    ServerUserAccountFactory.create_batch(2, instance=instance)
    assert recounted() == ["count.changed"]
    assert bodies()[0]["count"]["before"] is None
    assert recounted() == []
    ServerUserAccountFactory(instance=instance)
    assert recounted() == ["count.changed"]
    count = bodies()[0]["count"]
    assert (count["before"]["persons"], count["now"]["persons"]) == (2, 3)
