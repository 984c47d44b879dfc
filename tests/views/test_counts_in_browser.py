"""History, changes, difference and lists in a browser: accessible, quiet, and within their width."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, Role
from enterprise.selectors.licenses import snapshot_latest
from enterprise.views.lists import LISTS
from tests.factories import MembershipFactory
from tests.views.moving_world import moving_world

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]

VIEWS = [("light", 1280), ("dark", 1280), ("light", 360)]


@pytest.fixture
def enterprise(transactional_db: None) -> Iterator[Enterprise]:
    with moving_world() as enterprise:
        yield enterprise


def _page(browser: Browser, live_server: LiveServer, user: object, theme: str, width: int) -> Page:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    context = browser.new_context(
        base_url=live_server.url,
        locale="en",
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
    )
    name, morsel = next(iter(client.cookies.items()))
    context.add_cookies([{"name": name, "value": morsel.value, "url": live_server.url}])
    return context.new_page()


def test_every_page_is_accessible_quiet_and_fits(
    browser: Browser, live_server: LiveServer, enterprise: Enterprise
) -> None:
    user = MembershipFactory(enterprise=enterprise, role=Role.OWNER).user
    snapshot = snapshot_latest(enterprise)
    assert snapshot is not None
    paths = {
        "report": "",
        "as-of": f"?as_of={snapshot.pk - 1}",
        "history": "/history",
        "compare": "/compare",
        "difference": "/difference",
        "difference-as-of": f"/difference?as_of={snapshot.pk - 1}",
        "lists": "/lists",
        **{f"list-{name}": f"/lists/{name}" for name in LISTS},
    }
    for theme, width in VIEWS:
        page = _page(browser, live_server, user, theme, width)
        complaints: list[str] = []
        page.on("console", lambda message, kept=complaints: kept.append(message.text))
        page.on("pageerror", lambda error, kept=complaints: kept.append(str(error)))
        for name, path in paths.items():
            response = page.goto(f"/enterprises/{enterprise.slug}/licensing{path}")
            assert response is not None
            assert response.status == 200, name
            if folder := os.environ.get("LICSYNC_TEST_SCREENSHOTS"):
                picture = Path(folder) / f"{name}-{theme}-{width}.png"
                page.screenshot(path=picture, full_page=True)
            results = Axe().run(page)
            assert results.violations_count == 0, f"{name}: {results.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert complaints == []
        page.context.close()
