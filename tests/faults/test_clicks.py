"""Many clicks on "Sync now" at the same moment, over HTTP: one run."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from django.conf import settings
from django.db import connections
from django.test import Client
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from enterprise.models import AuditEvent, Role, ServerInstance, SyncRun
from tests.factories import EnterpriseFactory, MembershipFactory, ServerInstanceFactory, UserFactory

CLICKS = 64
CSRF = "c" * 32


@pytest.fixture
def instance(transactional_db: None) -> ServerInstance:
    enterprise = EnterpriseFactory(slug="acme")
    made: ServerInstance = ServerInstanceFactory(
        enterprise=enterprise,
        host_name="ghes1.example.com",
        with_token=True,
        connect_enabled=True,
        license_sync_enabled=True,
    )
    return made


def test_64_clicks_at_once_on_one_instance_are_one_run(
    live_server: LiveServer, instance: ServerInstance
) -> None:
    owner = UserFactory(username="mona")
    MembershipFactory(enterprise=instance.enterprise, user=owner, role=Role.OWNER)
    browser = Client()
    browser.force_login(owner)
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
    cookies[settings.CSRF_COOKIE_NAME] = CSRF
    path = reverse("instance_sync", args=[instance.enterprise.slug, instance.pk])
    together = threading.Barrier(CLICKS)

    def click(_number: int) -> tuple[int, bool]:
        together.wait()
        answer = requests.post(
            live_server.url + path,
            cookies=cookies,
            headers={"X-CSRFToken": CSRF},
            timeout=60,
            allow_redirects=False,
        )
        return answer.status_code, "login" in answer.headers.get("Location", "")

    with ThreadPoolExecutor(CLICKS) as pool:
        answers = set(pool.map(click, range(CLICKS)))
    assert answers <= {(200, False), (302, False), (303, False)}
    assert SyncRun.objects.filter(instance=instance).count() == 1
    assert AuditEvent.objects.filter(action="run.request").count() == 1
    connections.close_all()
