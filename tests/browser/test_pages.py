"""Each page in three languages, light and dark, wide and narrow: accessible, quiet, small."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, User
from tests.browser.conftest import Watched, sign_in
from tests.browser.pages import faults_of, furnish, pages_signed_in, pages_signed_out

PICTURES = settings.BASE_DIR / "var" / "pictures"
"""One of every page that was looked at: to be looked at again after a run."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("locale", "language"), [("en-US", "en"), ("de-DE", "de"), ("zh-CN", "zh-hans")]
)
def test_every_page_is_accessible_quiet_small_and_fits(
    browser: Browser,
    live_server: LiveServer,
    mona: User,
    acme: Enterprise,
    locale: str,
    language: str,
) -> None:
    furnish(acme, mona)
    context = browser.new_context(locale=locale)
    watched = Watched(context, live_server.url)
    page = context.new_page()
    faults = []
    folder = PICTURES / language
    folder.mkdir(parents=True, exist_ok=True)

    def look(pages: dict[str, str]) -> None:
        for name, path in pages.items():
            found = faults_of(
                page,
                live_server.url + path,
                language=language,
                themes=language == "en",  # colors are the same in each language
                picture=folder / f"{name}.png",
            )
            faults.extend(f"{name}: {fault}" for fault in found)

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
