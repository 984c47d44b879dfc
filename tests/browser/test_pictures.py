"""The pictures of the documentation, taken on every run, so that what renews them cannot rot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.db.models import Value
from django.db.models.functions import Concat
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, GitHubSyncStatus, ServerInstance
from tests.browser.conftest import sign_in
from tests.factories import ago

PICTURES = {
    "connect": ("en-US", "light", "settings/connect"),
    "connect-dark": ("en-US", "dark", "settings/connect"),
    "connect-zh-Hans": ("zh-CN", "light", "settings/connect"),
    "licensing": ("en-US", "light", "licensing"),
    "licensing-dark": ("en-US", "dark", "licensing"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where ``make screenshots`` wants the pictures, if it asks."""
    wanted = os.environ.get("LICSYNC_TEST_SCREENSHOTS")
    return Path(wanted) if wanted else tmp_path


def test_the_pictures_of_the_documentation(
    browser: Browser, live_server: LiveServer, acme: Enterprise, folder: Path
) -> None:
    # Addresses and times as they are out there, not of this test.
    Enterprise.objects.update(api_url="https://api.github.com")
    ServerInstance.objects.update(url=Concat(Value("https://"), "host_name"))
    GitHubSyncStatus.objects.update(last_sync_at=ago(days=2))
    folder.mkdir(parents=True, exist_ok=True)
    for name, (locale, scheme, path) in PICTURES.items():
        context = browser.new_context(
            viewport={"width": 1280, "height": 1280},
            color_scheme="dark" if scheme == "dark" else "light",
            locale=locale,
        )
        page = context.new_page()
        sign_in(page, live_server)
        page.goto(f"{live_server.url}/enterprises/{acme.slug}/{path}")
        picture = folder / f"{name}.png"
        page.screenshot(path=picture)
        assert picture.stat().st_size > 20_000
        context.close()
