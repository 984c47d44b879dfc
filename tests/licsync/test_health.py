import socket
import time
from threading import Thread

import pytest
from celery import Celery
from django.core.cache import cache
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from enterprise import tasks
from licsync import health
from licsync.worker_seen import PROBE, worker_mark

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _broker(settings, tmp_path):
    settings.LICSYNC_BROKER_DIR = tmp_path
    (tmp_path / "messages").mkdir()
    worker_mark(health.app)


def test_healthz_answers_whatever_the_host_and_without_tls(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["licsync.example.com"]
    response = client.get("/healthz", headers={"Host": "10.1.2.3"})
    assert (response.status_code, response.content) == (200, b"ok\n")


def test_healthz_asks_no_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


def test_readyz_is_fine_after_a_tick(client):
    fine = {"database": "ok", "broker": "ok", "worker": "ok", "beat": "ok"}
    assert client.get("/readyz").json() == {**fine, "beat": "failing"}
    tasks.tick()
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == fine


@pytest.mark.parametrize(("age", "status"), [(184, 200), (186, 503)])
def test_three_periods_without_a_tick_are_too_long(client, settings, age, status):
    settings.LICSYNC_TICK_SECONDS = 60
    cache.set(health.TICK_KEY, time.time() - age, timeout=None)
    assert client.get("/readyz").status_code == status


def test_a_failing_part_shows_as_itself_and_tells_no_more(client, monkeypatch, settings):
    tasks.tick()
    settings.LICSYNC_BROKER_DIR = settings.LICSYNC_BROKER_DIR / "gone"
    response = client.get("/readyz")
    assert response.status_code == 503
    told = {"database": "ok", "broker": "failing", "worker": "failing", "beat": "ok"}
    assert response.json() == told

    def broken(*_args, **_kwargs):
        raise RuntimeError("password=hunter2")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", broken)
        response = client.get("/readyz")
    assert response.json()["database"] == "failing"
    assert b"hunter2" not in response.content


def test_a_database_that_is_not_migrated_is_not_ready(client):
    tasks.tick()
    last = MigrationRecorder.Migration.objects.filter(app="enterprise").order_by("name").last()
    last.delete()
    assert client.get("/readyz").json()["database"] == "failing"


def test_without_a_worker_the_console_is_not_ready(client, settings):
    tasks.tick()
    (settings.LICSYNC_BROKER_DIR / "worker").unlink()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["worker"] == "failing"


@pytest.mark.redis
def test_a_redis_broker_is_asked(client, settings, redis_url, monkeypatch):
    settings.LICSYNC_EMBEDDED = False
    for address, state in ((redis_url, "ok"), ("redis://127.0.0.1:1/0", "failing")):
        monkeypatch.setattr(health, "app", Celery(broker=address, set_as_current=False))
        assert client.get("/readyz").json()["broker"] == state


@pytest.mark.parametrize("part", ["broker", "worker"])
def test_a_redis_that_takes_the_call_and_says_nothing_is_not_waited_for(
    settings, monkeypatch, part
):
    settings.LICSYNC_EMBEDDED = False
    monkeypatch.setitem(PROBE, "socket_timeout", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        monkeypatch.setattr(health, "app", Celery(broker=address, set_as_current=False))
        failures = []

        def ask():
            try:
                health.CHECKS[part]()
            except Exception as error:
                failures.append(error)

        asking = Thread(target=ask, daemon=True)
        asking.start()
        asking.join(10)
        assert failures
