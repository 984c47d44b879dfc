"""``/metrics``: whose it is, what is there, and what a broken part does."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from enterprise.models import Delivery, Enterprise, Event, ServerInstance, Webhook
from enterprise.reports import metrics
from enterprise.reports.metrics_described import METRICS
from enterprise.services.audit import SYSTEM
from enterprise.services.tokens import token_make
from licsync import health
from licsync.worker_seen import worker_mark
from tests.api.conftest import Api, make_token
from tests.factories import (
    CloudStateFactory,
    EnterpriseFactory,
    GitHubSyncStatusFactory,
    MembershipFactory,
    ServerInstanceFactory,
    SnapshotFactory,
    SyncRunFactory,
    UserFactory,
    ago,
)

URL = "/metrics"
TOTALS = {
    "server_only_persons": 30,
    "ambiguous": 4,
    "never_signed_in": 5,
    "by_license_type": {"enterprise": 130, "visual_studio": 20},
    "excluded": {"suspended": 9},
    "consuming_by_instance": {"ghes1.example.com": 80},
    "unread": {"old.example.com": 7},
}


@pytest.fixture
def scraper(enterprise: Enterprise) -> Api:
    return Api(make_token(enterprise, "read:metrics", name="prometheus"))


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    """An instance with everything to tell, in an enterprise that is counted and compared."""
    SnapshotFactory(
        enterprise=enterprise,
        persons=150,
        totals=TOTALS,
        github_total=190,
        github_purchased=200,
        github_listed=188,
        difference={"ours": 150, "listed": 188, "not_listed": -2, "other": -38},
    )
    CloudStateFactory(enterprise=enterprise, read=True)
    GitHubSyncStatusFactory(
        enterprise=enterprise, host_name="ghes1.example.com", last_sync_at=ago(days=9)
    )
    instance: ServerInstance = ServerInstanceFactory(
        enterprise=enterprise,
        host_name="ghes1.example.com",
        syncing=True,
        synced=True,
        seats=100,
        seats_used=110,
        license_expires_on=dt.date(2027, 1, 1),
    )
    SyncRunFactory(instance=instance, succeeded=True)
    Webhook.objects.create(enterprise=enterprise, name="chat", origin="https://chat.example.com")
    return instance


@pytest.fixture(autouse=True)
def _engine(settings: Any, tmp_path: Any) -> None:
    settings.LICSYNC_BROKER_DIR = tmp_path
    worker_mark(health.app)


Scraped = dict[tuple[str, ...], float]


def scrape(client: Client) -> Scraped:
    """Every sample by its name and the values of its labels, the enterprise aside."""
    response = client.get(URL)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=0.0.4")
    found: Scraped = {}
    for family in text_string_to_metric_families(response.content.decode()):
        name = family.name.removeprefix("licsync_")
        for sample in family.samples:
            labels = METRICS[name].labels
            assert set(sample.labels) == {"enterprise", *labels}
            key = (name, *(sample.labels[label] for label in labels))
            assert key not in found
            found[key] = sample.value
    return found


# --- Whose ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["read:metrics", "admin:enterprise"])
def test_a_token_with_the_scope_is_let_in(enterprise: Enterprise, scope: str) -> None:
    assert Api(make_token(enterprise, scope)).get(URL).status_code == 200


@pytest.mark.parametrize("scope", ["read:enterprise", "write:server_usage"])
def test_a_token_of_another_purpose_is_not(enterprise: Enterprise, scope: str) -> None:
    assert Api(make_token(enterprise, scope)).get(URL).status_code == 403


def test_a_token_for_metrics_opens_nothing_else(scraper: Api) -> None:
    assert scraper.get("/api/v3/enterprises/acme/consumed-licenses").status_code == 404
    assert scraper.get("/api/v1/enterprises/acme/totals").status_code == 403


@pytest.mark.parametrize("value", ["", "wrong", "ü" * 50])
def test_without_a_live_token_nothing_is_told(enterprise: Enterprise, value: str) -> None:
    response = Api(value).get(URL)
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_signed_in_browser_is_no_token(enterprise: Enterprise) -> None:
    client = Client()
    client.force_login(MembershipFactory(enterprise=enterprise).user)
    assert client.get(URL).status_code == 401


def test_an_expired_token_is_refused(enterprise: Enterprise) -> None:
    token, value = token_make(
        enterprise=enterprise, actor=SYSTEM, name="old", scopes=["read:metrics"]
    )
    token.expires_at = ago(seconds=1)
    token.save()
    assert Api(value).get(URL).status_code == 401


def test_only_the_tokens_own_enterprise_is_told(scraper: Api, instance: ServerInstance) -> None:
    other = EnterpriseFactory(slug="stranger")
    ServerInstanceFactory(enterprise=other, host_name="secret.example.com")
    SnapshotFactory(enterprise=other, persons=1)
    body = scraper.get(URL).content
    assert b"secret" not in body
    assert b"stranger" not in body


def test_it_is_read_only(scraper: Api) -> None:
    assert scraper.post(URL).status_code == 405
    assert scraper.head(URL).content == b""


# --- What is there -------------------------------------------------------------------------------


def test_every_metric_that_is_described_is_there(scraper: Api, instance: ServerInstance) -> None:
    cache.set(health.TICK_KEY, 0)
    assert {name for name, *_ in scrape(scraper)} == set(METRICS)


def test_the_two_totals_are_told_apart(scraper: Api, instance: ServerInstance) -> None:
    told = scrape(scraper)
    assert told["seats_consumed", "github"] == 190
    assert told["seats_consumed", "console"] == 150
    assert told["seats_purchased",] == 200
    assert told["seats_free", "github"] == 10
    assert ("seats_free", "console") not in told
    assert told["seats_consumed_by_license_type", "visual_studio"] == 20
    assert told["persons_unmatched",] == 30
    assert told["accounts_ambiguous",] == 4
    assert told["difference", "other"] == -38
    assert told["github_not_listed",] == -2


def test_an_instance_is_told_with_both_states(scraper: Api, instance: ServerInstance) -> None:
    told = scrape(scraper)
    host = instance.host_name
    states = {key[2] for key, value in told.items() if key[0] == "instance_state" and value}
    assert states == {"ok"}
    github = {key[2] for key, value in told.items() if key[0] == "instance_github_state" and value}
    assert github == {"overdue"}
    day = 86400
    age = told["instance_github_last_sync_age_seconds", host]
    assert age == pytest.approx(9 * day, abs=60)
    assert told["instance_last_success_age_seconds", host] == pytest.approx(3 * 3600, abs=60)
    assert told["instance_last_run_duration_seconds", host] == pytest.approx(60, abs=1)
    assert told["instance_accounts_read", host] == 120
    assert told["instance_seats_consumed", host] == 80
    assert told["instance_seats_purchased", host] == 100
    assert told["instance_seats_free", host] == -10


def test_unlimited_seats_are_infinite_and_unknown_ones_no_sample(
    scraper: Api, instance: ServerInstance
) -> None:
    ServerInstance.objects.update(seats=None, seats_unlimited=True)
    assert scrape(scraper)["instance_seats_purchased", instance.host_name] == float("inf")
    ServerInstance.objects.update(seats_unlimited=False)
    assert ("instance_seats_purchased", instance.host_name) not in scrape(scraper)


def test_what_is_not_known_is_no_zero(scraper: Api) -> None:
    names = {name for name, *_ in scrape(scraper)}
    assert names == {
        "part_up",
        "recount_pending",
        "cloud_failing",
        "runs",
        "runs_lost",
        "queue_oldest_age_seconds",
        "deliveries_waiting",
        "deliveries_oldest_age_seconds",
        "deliveries_failed_last_day",
        "digests_failed_last_day",
        "worker_seen",
    }


def test_the_queue_is_told_by_kind_and_state(scraper: Api, enterprise: Enterprise) -> None:
    first, second = (ServerInstanceFactory(enterprise=enterprise) for _ in range(2))
    SyncRunFactory(instance=first, not_before=ago(minutes=10))
    SyncRunFactory(instance=second, held=True)
    SyncRunFactory(instance=second, running=True, lease_until=ago(seconds=5))
    SyncRunFactory(instance=ServerInstanceFactory())  # of somebody else
    told = scrape(scraper)
    assert told["runs", "instance", "queued"] == 1
    assert told["runs", "instance", "running"] == 1
    assert told["runs", "instance", "held"] == 1
    assert told["runs", "recount", "queued"] == 0
    assert told["runs_lost",] == 1
    assert told["queue_oldest_age_seconds",] == pytest.approx(600, abs=30)


def test_a_run_that_waits_for_another_try_is_not_late(scraper: Api, enterprise: Enterprise) -> None:
    instance = ServerInstanceFactory(enterprise=enterprise)
    SyncRunFactory(instance=instance, not_before=ago(minutes=-10))
    assert scrape(scraper)["queue_oldest_age_seconds",] == 0


def test_deliveries_that_wait_or_were_given_up_are_told(
    scraper: Api, enterprise: Enterprise, instance: ServerInstance
) -> None:
    webhook = Webhook.objects.get()
    Webhook.objects.update(failures=7, disabled_at=ago(hours=1))

    def delivery(state: str, kind: str = "ping", **fields: Any) -> None:
        event = Event.objects.create(enterprise=enterprise, kind=kind, at=ago(hours=1))
        times = {"created_at": ago(hours=1), "not_before": ago(minutes=20)}
        fields = {"webhook": webhook, **times, **fields}
        Delivery.objects.create(event=event, state=state, **fields)

    delivery("queued")
    delivery("sending", not_before=ago(hours=3))
    delivery("delivered", finished_at=ago(minutes=1))
    delivery("failed", finished_at=ago(hours=23))
    delivery("failed", finished_at=ago(hours=25))
    delivery("failed", "digest", webhook=None, user=UserFactory(), finished_at=ago(hours=2))
    told = scrape(scraper)
    assert told["deliveries_waiting", "webhook"] == 2
    assert told["deliveries_waiting", "email"] == 0
    assert told["deliveries_failed_last_day", "webhook"] == 1
    assert told["deliveries_failed_last_day", "email"] == 1
    assert told["digests_failed_last_day",] == 1
    assert told["deliveries_oldest_age_seconds",] == pytest.approx(1200, abs=30)
    assert told["webhook_failures", "chat"] == 7
    assert told["webhook_disabled", "chat"] == 1


def test_a_worker_that_is_gone_is_told(scraper: Api, settings: Any) -> None:
    assert scrape(scraper)["worker_seen",] == 1
    (settings.LICSYNC_BROKER_DIR / "worker").unlink()
    assert scrape(scraper)["worker_seen",] == 0


def test_a_strange_host_name_cannot_forge_a_line(scraper: Api, enterprise: Enterprise) -> None:
    SnapshotFactory(enterprise=enterprise, totals={"unread": {'a"} 1\nlicsync_seats_free{x="': 3}})
    assert scrape(scraper)["accounts_not_read", 'a"} 1\nlicsync_seats_free{x="'] == 3


# --- Broken parts, cost --------------------------------------------------------------------------


@pytest.mark.parametrize("part", metrics.PARTS)
def test_a_broken_part_shows_as_itself_and_the_rest_is_there(
    scraper: Api, instance: ServerInstance, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    whole = scrape(scraper)

    def broken(*_args: Any) -> Any:
        yield metrics.Sample("seats_free", -999, ("console",))
        raise RuntimeError("password=hunter2")

    monkeypatch.setitem(metrics.PARTS, part, broken)
    told = scrape(scraper)
    assert told["part_up", part] == 0
    assert all(told["part_up", other] == 1 for other in metrics.PARTS if other != part)
    assert -999 not in told.values()
    assert set(told) <= set(whole)
    assert b"hunter2" not in scraper.get(URL).content


def test_a_database_that_is_gone_is_no_empty_scrape(
    scraper: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_args: Any, **_options: Any) -> Any:
        raise DatabaseError("password=hunter2")

    monkeypatch.setattr("enterprise.api.metrics.token_check", gone)
    response = scraper.get(URL)
    assert response.status_code == 503
    assert b"hunter2" not in response.content


def test_more_instances_and_runs_cost_no_further_query(
    scraper: Api, instance: ServerInstance
) -> None:
    scraper.get(URL)
    with CaptureQueriesContext(connection) as few:
        scraper.get(URL)
    for _ in range(5):
        more = ServerInstanceFactory(enterprise=instance.enterprise, syncing=True, synced=True)
        SyncRunFactory.create_batch(3, instance=more, succeeded=True)
    with CaptureQueriesContext(connection) as many:
        scraper.get(URL)
    assert len(many) == len(few) <= 19
    touched = " ".join(query["sql"] for query in many.captured_queries)
    assert not any(
        table in touched
        for table in ("personversion", "currentperson", "membershipversion", "account_")
    )
