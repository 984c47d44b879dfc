"""Each page in three languages, light and dark, wide and narrow: accessible, quiet, small."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import Browser
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, User
from tests.browser.checks import faults_of
from tests.browser.conftest import Watched, fill_sign_in, sign_in
from tests.browser.pages import (
    EMPTY,
    ENTERPRISE,
    ONESELF,
    SECOND_FACTORS,
    SECOND_STEP,
    SIGNED_OUT,
    furnish,
    give_second_factors,
)
from tests.factories import UserFactory

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
    settings: Settings,
    locale: str,
    language: str,
) -> None:
    settings.SUDO_SECONDS = 24 * 60 * 60  # signed in once for all of it
    places = furnish(acme, mona)
    context = browser.new_context(locale=locale)
    watched = Watched(context, live_server.url)
    page = context.new_page()
    faults: list[str] = []
    folder = PICTURES / language
    folder.mkdir(parents=True, exist_ok=True)

    def look(pages: dict[str, str]) -> None:
        for name, path in pages.items():
            found = faults_of(
                page,
                live_server.url + path.format_map(places),
                language=language,
                themes=language == "en",  # colors are the same in each language
                picture=folder / f"{name}.png",
            )
            faults.extend(f"{name}: {fault}" for fault in found)

    look(SIGNED_OUT)
    for complaint in (NOT_FOUND, NOT_SIGNED_IN):
        watched.complaints.remove(complaint)
    two_steps: User = UserFactory(username="hubot")
    give_second_factors(two_steps)
    fill_sign_in(page, live_server, two_steps.username)
    look(SECOND_STEP)
    context.clear_cookies()
    sign_in(page, live_server)
    look({**ENTERPRISE, **EMPTY, **ONESELF})
    places |= give_second_factors(mona)
    look(SECOND_FACTORS)
    context.close()
    assert not faults, "\n".join(faults)
    assert not watched.complaints
    assert not watched.strangers


NOT_FOUND = "Failed to load resource: the server responded with a status of 404 (Not Found)"
NOT_SIGNED_IN = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"
"""What a browser says of the pages that are not found or not let in, and is right to."""
