"""What every test may use: services that may be missing, and a scratch database on a server."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from django.test import TransactionTestCase
from django.utils import translation
from playwright.sync_api import Browser, sync_playwright
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from enterprise.models import AuditBatch, AuditDoor, AuditEvent
from licsync import logs

POSTGRES_URL = os.environ.get(
    "LICSYNC_TEST_POSTGRES_URL",
    database
    if (database := os.environ.get("DATABASE_URL", "")).startswith("postgres")
    else "postgres://postgres@127.0.0.1:5432/postgres",
)
SERVICES_REQUIRED = os.environ.get("LICSYNC_REQUIRE_SERVICES", "") not in {"", "0"}


@cache
def missing(service: str) -> str:
    """Why a service cannot be used here, ``""`` if it can."""
    try:
        if service == "postgres":
            psycopg.connect(POSTGRES_URL, connect_timeout=2).close()
        elif service == "redis" and shutil.which("redis-server") is None:
            return "redis-server is not installed"
        elif service == "browser" and chromium() is None:
            return "Chromium is not installed"
    except psycopg.OperationalError as error:
        return f"{service} does not answer: {type(error).__name__}"
    return ""


def chromium() -> str | None:
    """The path of the browser, None if there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for service in ("postgres", "redis", "browser"):
        if item.get_closest_marker(service) and (reason := missing(service)):
            unavailable(reason)


def unavailable(reason: str) -> NoReturn:
    """Skip a test, or fail it where nothing may be missing."""
    if SERVICES_REQUIRED:
        pytest.fail(f"{reason}, and LICSYNC_REQUIRE_SERVICES is set", pytrace=False)
    pytest.skip(reason)


def node_program(script: Path, package: str) -> list[str]:
    """The command of a program for Node, which needs a package installed beside it."""
    node = shutil.which("node")
    if node is None or not (script.parent / "node_modules" / package).is_dir():
        folder = script.parent.relative_to(Path(__file__).parents[1])
        unavailable(f"{package} is not installed: npm ci in {folder}")
    return [node, str(script)]


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A request leaves its language behind in the thread; the next test shall not notice."""
    with translation.override("en"):
        yield


JsonLines = Callable[[str], AbstractContextManager[list[dict[str, Any]]]]


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        formatter = dict(logs.configuration(readable=False)["formatters"]["lines"])
        self.setFormatter(formatter.pop("()")(**formatter))
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def json_lines() -> JsonLines:
    """What a logger of that name writes meanwhile, as it stands in the log of production."""

    @contextmanager
    def written(name: str) -> Iterator[list[dict[str, Any]]]:
        logger, handler = logging.getLogger(name), _Lines()
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield handler.lines
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)

    return written


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The address of a new, empty PostgreSQL database. Mark the test ``postgres``."""
    name = f"licsync_scratch_{secrets.token_hex(6)}"
    with psycopg.connect(POSTGRES_URL, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield urlsplit(POSTGRES_URL)._replace(path=f"/{name}").geturl()
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """The address of an empty Redis of this test's own. Mark the test ``redis``."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    url = f"redis://127.0.0.1:{port}/0"
    with (
        (tmp_path / "redis.log").open("wb") as log,
        subprocess.Popen(command, cwd=tmp_path, stdout=log, start_new_session=True) as server,
    ):
        try:
            patient = Retry(ConstantBackoff(0.05), retries=200)
            with redis.Redis.from_url(url, retry=patient) as client:
                client.ping()
            yield url
        finally:
            server.terminate()


def _open_audit_door() -> None:
    """And leave it open for a flush, which shuts it."""
    AuditDoor.objects.create(reason="tests")
    AuditEvent.objects.all().delete()
    AuditBatch.objects.all().delete()


@pytest.fixture
def through_the_door() -> Callable[[], None]:
    """Lets the next flush empty the audit log too."""
    return _open_audit_door


@pytest.fixture(scope="session", autouse=True)
def _tests_may_empty_the_audit_log() -> Iterator[None]:
    """Triggers refuse it; what a test with transactions of its own wrote has to go after it."""
    flush = TransactionTestCase._fixture_teardown

    def flush_through_the_door(self: TransactionTestCase) -> None:
        _open_audit_door()
        flush(self)

    TransactionTestCase._fixture_teardown = flush_through_the_door  # type: ignore[method-assign]
    yield
    TransactionTestCase._fixture_teardown = flush  # type: ignore[method-assign]


BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run: a second Playwright in the same thread would be refused."""
    # Playwright's loop runs in this thread, where Django would refuse the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=BROWSER_ARGUMENTS, timeout=120_000
        )
        yield browser
        browser.close()
