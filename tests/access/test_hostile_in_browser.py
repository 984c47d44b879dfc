"""Every page, full of hostile texts, in a real browser: nothing opens, runs or complains."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog

from tests.access.hostile import furnish, poison
from tests.access.routes import pages
from tests.access.world import PLACES, World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]

# Those that end the session, or are no page: a browser downloads them.
LEFT_OUT = {"account_logout"}
LOADING = "Failed to load resource"  # a page that is not there, or not by GET


def test_no_stored_text_runs_in_a_browser(browser: Browser, live_server: Any) -> None:
    world = World()
    furnish(world.acme)
    poison()
    context = browser.new_context(base_url=live_server.url, locale="en", accept_downloads=True)
    cookie = world.people["owner"].cookies["licsync_session"].value
    context.add_cookies([{"name": "licsync_session", "value": cookie, "url": live_server.url}])
    page = context.new_page()
    found: list[str] = []

    def opened(dialog: Dialog) -> None:
        found.append(f"{page.url}: dialog {dialog.message}")
        dialog.dismiss()

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(LOADING):
            found.append(f"{page.url}: {message.text}")

    page.on("dialog", opened)
    page.on("console", said)
    page.on("pageerror", lambda error: found.append(f"{page.url}: {error}"))
    looked = 0
    for route in pages():
        if route.key in LEFT_OUT or ".csv" in route.pattern or "download" in route.key:
            continue
        page.goto(route.address(PLACES), wait_until="load")
        intruders = page.locator("x, [onx]").count()
        found += [f"{route.key}: {intruders} intruders"] if intruders else []
        looked += 1
    context.close()
    assert looked > 100
    assert found == []
