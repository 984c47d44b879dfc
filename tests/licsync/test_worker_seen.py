"""Whether a worker lives is seen by a real one's sign, on either broker."""

import os
import signal
import subprocess
import sys
import time

import pytest
from celery import Celery
from django.conf import settings as console

from licsync import broker, worker_seen
from licsync.worker_seen import LATE, worker_age, worker_mark
from tests.licsync.programs import ENVIRONMENT, wait_until

KEYS = {
    "LICSYNC_SECRET_KEY": "x" * 50,
    "LICSYNC_CREDENTIAL_KEYS": ",".join(console.LICSYNC_CREDENTIAL_KEYS),
    "LICSYNC_PUBLIC_URL": "https://licsync.example.com",
}


def app_on(address):
    return Celery(broker=address, set_as_current=False)


@pytest.fixture
def embedded(settings, tmp_path):
    settings.LICSYNC_BROKER_DIR = tmp_path / "broker"
    broker.prepare(settings.LICSYNC_BROKER_DIR)
    return app_on("filesystem://")


def test_no_worker_was_seen_before_the_first(embedded):
    assert worker_age(embedded) is None


def test_a_worker_is_seen_until_its_sign_is_late(embedded):
    worker_mark(embedded)
    assert worker_age(embedded) < 1
    sign = console.LICSYNC_BROKER_DIR / worker_seen.FILE
    for age, seen in ((LATE - 2, True), (LATE + 2, False)):
        at = time.time() - age
        os.utime(sign, (at, at))
        assert (worker_age(embedded) is not None) is seen


def test_a_new_console_does_not_take_the_last_ones_worker_for_its_own(embedded):
    worker_mark(embedded)
    broker.prepare(console.LICSYNC_BROKER_DIR)
    assert worker_age(embedded) is None


@pytest.mark.redis
def test_on_redis_the_sign_runs_out_by_redis_own_clock(settings, redis_url):
    settings.LICSYNC_EMBEDDED = False
    app = app_on(redis_url)
    assert worker_age(app) is None
    worker_mark(app)
    assert worker_age(app) < 1
    with app.connection_for_write() as connection:
        connection.default_channel.client.pexpire(worker_seen.KEY, 5000)
    assert worker_age(app) == pytest.approx(LATE - 5, abs=1)


def test_a_worker_that_cannot_leave_its_sign_goes_on(settings, tmp_path):
    settings.LICSYNC_BROKER_DIR = tmp_path / "gone"

    class Consumer:
        app = app_on("filesystem://")

    worker_seen.SignOfLife(Consumer())._mark()


@pytest.mark.parametrize(("queue", "is_seen"), [("licsync", True), ("licsync.quick", False)])
def test_only_a_worker_that_takes_runs_leaves_a_sign(queue, is_seen):
    class Consumer:
        app = app_on("filesystem://")

    Consumer.app.config_from_object("django.conf:settings", namespace="CELERY")
    Consumer.app.amqp.queues.select([queue])
    assert worker_seen.SignOfLife(Consumer()).include_if(Consumer()) is is_seen


@pytest.fixture(params=["embedded", pytest.param("redis", marks=pytest.mark.redis)])
def real(request, settings, tmp_path):
    """An app, and a worker of the console on its broker."""
    environment = {"LICSYNC_VAR_DIR": str(tmp_path), **KEYS}
    address = "filesystem://"
    settings.LICSYNC_BROKER_DIR = tmp_path / "broker"
    settings.LICSYNC_EMBEDDED = request.param == "embedded"
    if settings.LICSYNC_EMBEDDED:
        broker.prepare(settings.LICSYNC_BROKER_DIR)
    else:
        address = request.getfixturevalue("redis_url")
        environment |= {
            "CELERY_BROKER_URL": address,
            "DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite3",
        }
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "licsync", "--quiet", "worker", "-P", "solo"],
        env={**ENVIRONMENT, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield app_on(address), worker
    worker.kill()
    worker.wait()


def test_a_real_worker_is_seen_and_one_that_was_killed_leaves_no_new_sign(real):
    app, worker = real
    wait_until(lambda: worker_age(app) is not None, 40)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    before = worker_age(app)
    time.sleep(1.2)
    assert worker_age(app) >= before + 1
