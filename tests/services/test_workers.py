"""What the broker is told, and what it is asked: on files and on Redis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from pytest_django import Settings

from enterprise.services import workers
from enterprise.services.workers import BROKER_AWAY, delivery_wake, wakes_held, worker_wake
from licsync import broker


def app_on(address: str, folder: Path) -> Celery:
    app = Celery(broker=address, set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.broker_url = address
    if address == "filesystem://":
        app.conf.broker_transport_options = {
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
        }
    return app


@pytest.fixture(params=["embedded", pytest.param("redis", marks=pytest.mark.redis)])
def app(
    request: pytest.FixtureRequest,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Celery]:
    """The console's app on a broker of its own."""
    if request.param == "redis":
        settings.CELERY_BROKER_TRANSPORT = None
        app = app_on(request.getfixturevalue("redis_url"), tmp_path)
    else:
        broker.Transport.global_state.clear()  # bindings that this process knows of other folders
        app = app_on("filesystem://", tmp_path)
    monkeypatch.setattr(workers, "current_app", app)
    yield app
    app.close()


def test_only_messages_of_runs_that_no_worker_took_are_counted(app: Celery) -> None:
    assert wakes_held() == 0
    for run in range(3):
        worker_wake(run, countdown=0)
    delivery_wake(1, countdown=0)
    assert wakes_held() == 3
    with app.connection_for_read() as connection:
        message = connection.SimpleQueue("licsync").get(timeout=5)
        message.ack()
    assert wakes_held() == 2


@pytest.mark.redis
def test_a_broker_that_is_gone_is_said_to_be_away(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CELERY_BROKER_TRANSPORT = None
    monkeypatch.setattr(workers, "current_app", app_on("redis://127.0.0.1:1/0", tmp_path))
    with pytest.raises(BROKER_AWAY):
        wakes_held()
