"""A browser before a live console, with the sandbox for GitHub and a worker thread for Celery."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, Page, Request
from pytest_django.live_server_helper import LiveServer

from enterprise.models import (
    Enterprise,
    RunKind,
    RunState,
    RunTrigger,
    ServerInstance,
    SyncRun,
    User,
)
from enterprise.services.audit import SYSTEM
from enterprise.services.connect import connect_enable, license_sync_set
from enterprise.services.enterprises import enterprise_add, enterprise_token_set
from enterprise.services.runs import run_request
from enterprise.services.servers import instance_add, instance_token_set
from enterprise.services.sync import run_execute
from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from tests.browser.checks import COMPLAIN_IF_OUT_OF_SIGHT, OUT_OF_SIGHT
from tests.browser.looks import LOOKS, Look
from tests.factories import PASSWORD, UserFactory

HOSTS = {"ghes1.example.com": 120, "ghes2.example.com": 60}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


class Watched:
    """What a browser complained of, and what it asked of another host; both stay empty."""

    def __init__(self, context: BrowserContext, own: str) -> None:
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self._own = own
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", self._request)

    def _console(self, message: object) -> None:
        if message.type in ("error", "warning"):  # type: ignore[attr-defined]
            self.complaints.append(message.text)  # type: ignore[attr-defined]

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._own, "data:", "blob:")):
            self.strangers.append(request.url)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """GHEC and two instances, always the same ones."""
    with serve(generate_world(seed=7, slug="acme", name="Acme", cloud=200, instances=HOSTS)) as f:
        yield f


@pytest.fixture
def mona(transactional_db: None) -> User:
    return UserFactory(username="mona")


@pytest.fixture
def worker(transactional_db: None) -> Iterator[None]:
    """Does what Celery would, in a thread of its own, one run after another."""
    waiting: queue.Queue[int | None] = queue.Queue()

    def publish(run_id: int, **_options: object) -> None:
        waiting.put(run_id)

    def work() -> None:
        while (run_id := waiting.get()) is not None:
            run_execute(run_id=run_id)
        connection.close()

    thread = threading.Thread(target=work, daemon=True)
    with patch("enterprise.services.runs.worker_wake", publish):
        thread.start()
        yield
        waiting.put(None)
        thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def acme(mona: User, fleet: Fleet) -> Enterprise:
    """Everything enabled and synced once."""
    enterprise = enterprise_add(
        actor=SYSTEM, slug="acme", name="Acme", owner=mona, api_url=fleet.ghec.url
    )
    enterprise_token_set(enterprise=enterprise, actor=SYSTEM, token=fleet.ghec.token)
    for host, site in fleet.instances.items():
        instance = add_instance(enterprise, host, site.url, site.username, site.token)
        connect_enable(instance=instance, actor=SYSTEM)
        license_sync_set(instance=instance, enabled=True, actor=SYSTEM)
        instance.refresh_from_db()
        run_request(
            enterprise=enterprise,
            kind=RunKind.INSTANCE,
            instance=instance,
            trigger=RunTrigger.COMMAND,
            actor=SYSTEM,
            publish=False,
        )
    with patch("enterprise.services.runs.worker_wake"):
        while run := SyncRun.objects.filter(state=RunState.QUEUED).order_by("pk").first():
            run_execute(run_id=run.pk)
    assert not SyncRun.objects.exclude(state=RunState.SUCCEEDED).exists()
    return enterprise


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> Look:
    """A test that takes it is done once in each."""
    return request.param


@pytest.fixture
def javascript() -> bool:
    """To be parametrized where it matters."""
    return True


@pytest.fixture
def context(browser: Browser, look: Look, javascript: bool) -> Iterator[BrowserContext]:
    context = look.context(browser, javascript=javascript)
    context.add_init_script(COMPLAIN_IF_OUT_OF_SIGHT)
    yield context
    context.close()


@pytest.fixture
def watched(context: BrowserContext, live_server: LiveServer) -> Iterator[Watched]:
    """In the end there was nothing to complain of, but for what the test itself took out."""
    watched = Watched(context, live_server.url)
    yield watched
    context.close()
    assert not watched.complaints
    assert not watched.strangers


@pytest.fixture
def page(context: BrowserContext, watched: Watched, live_server: LiveServer, mona: User) -> Page:
    """Signed in, in one look, and watched."""
    page = context.new_page()
    sign_in(page, live_server, mona.username)
    return page


def add_instance(
    enterprise: Enterprise, host: str, url: str, username: str, token: str
) -> ServerInstance:
    instance = instance_add(enterprise=enterprise, actor=SYSTEM, host_name=host, url=url)
    instance_token_set(instance=instance, actor=SYSTEM, username=username, token=token)
    return instance


def fill_sign_in(page: Page, live_server: LiveServer, username: str) -> None:
    page.set_default_timeout(10_000)
    page.goto(f"{live_server.url}/accounts/login/")
    page.locator("[name=login]").fill(username)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


def sign_in(page: Page, live_server: LiveServer, username: str = "mona") -> None:
    """By username and password, as somebody who has no second factor."""
    fill_sign_in(page, live_server, username)
    assert "/accounts/" not in page.url


def expect_to_fit(page: Page) -> None:
    """For pages without JavaScript, which cannot complain of it themselves.

    To be asked once something of the page was seen: a link that was clicked may not yet have led there.
    """
    page.wait_for_load_state()
    assert page.evaluate(OUT_OF_SIGHT) <= 0, page.url


def look_at(page: Page) -> None:
    """Look at a tab again, once the page in it is old enough to be asked for again."""
    page.wait_for_timeout(1100)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
