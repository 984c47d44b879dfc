"""Each page in light and dark, wide and narrow, in three languages: accessible, quiet, small."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, User
from tests.browser.conftest import Watched, sign_in
from tests.browser.pages import faults_of, furnish, pages_signed_in, pages_signed_out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("locale", "language", "scheme", "width"),
    [
        ("en-US", "en", "light", 1440),
        ("en-US", "en", "dark", 360),
        ("de-DE", "de", "light", 360),
        ("zh-CN", "zh-hans", "dark", 1440),
    ],
)
def test_every_page_is_accessible_quiet_small_and_fits(
    browser: Browser,
    live_server: LiveServer,
    mona: User,
    acme: Enterprise,
    locale: str,
    language: str,
    scheme: str,
    width: int,
) -> None:
    furnish(acme, mona)
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=locale,
    )
    watched = Watched(context, live_server.url)
    page = context.new_page()
    faults = []
    kind = f"{language}-{scheme}-{width}"
    pictures = settings.BASE_DIR / "var" / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)

    def look(pages: dict[str, str]) -> None:
        for name, path in pages.items():
            # Axe takes half of the time, and finds in one language what it finds in another.
            found = faults_of(
                page, live_server.url + path, language=language, axe=locale == "en-US"
            )
            faults.extend(f"{name}: {fault}" for fault in found)
            page.screenshot(path=pictures / f"{name}-{kind}.png", full_page=True)

    look(pages_signed_out(mona))
    watched.complaints.remove(NOT_FOUND)
    sign_in(page, live_server)
    look(pages_signed_in(acme))
    context.close()
    assert not faults, "\n".join(faults)
    assert not watched.complaints
    assert not watched.strangers


NOT_FOUND = "Failed to load resource: the server responded with a status of 404 (Not Found)"
"""What a browser says of the page that is not found, and is right to."""
