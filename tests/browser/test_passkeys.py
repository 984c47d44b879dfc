"""A passkey, with an authenticator that Chromium plays: added, used to sign in, and removed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from enterprise.models import AuditEvent, User
from tests.browser.conftest import Watched, sign_in
from tests.factories import EnterpriseFactory, MembershipFactory

pytestmark = pytest.mark.slow

SECURITY_KEYS = "/accounts/2fa/webauthn/"


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, mona: User) -> Iterator[Page]:
    """A device that holds passkeys and knows its owner, at an address that WebAuthn takes."""
    MembershipFactory(enterprise=EnterpriseFactory(slug="acme"), user=mona)
    context = browser.new_context(base_url=live_server.url, locale="en-US")
    watched = Watched(context, live_server.url)
    page = context.new_page()
    page.set_default_timeout(10_000)
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield page
    context.close()
    assert not watched.complaints
    assert not watched.strangers


def add_passkey(page: Page) -> None:
    page.locator("[name=name]").fill("Laptop")
    page.locator("[name=passwordless]").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(lambda url: not url.endswith("/add/"))


def recorded() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def test_a_passkey_is_added_signs_in_alone_and_is_removed(
    page: Page, live_server: LiveServer, mona: User
) -> None:
    sign_in(page, live_server)
    page.goto(SECURITY_KEYS)
    page.get_by_role("link", name="Add Security Key").first.click()
    add_passkey(page)
    passkey = Authenticator.objects.get(user=mona, type=Authenticator.Type.WEBAUTHN)
    assert passkey.wrap().is_passwordless
    page.goto(SECURITY_KEYS)
    expect(page.locator("main")).to_contain_text("Laptop")
    expect(page.locator("main")).to_contain_text("Never used")

    page.goto("/accounts/logout/")
    page.locator("main button[type=submit]").click()
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
    page.goto(SECURITY_KEYS)
    expect(page.locator("main")).not_to_contain_text("Never used")

    page.get_by_role("link", name="Remove Laptop").click()
    page.locator("main button[type=submit]").click()
    expect(page.locator("main")).not_to_contain_text("Laptop")
    assert not Authenticator.objects.filter(user=mona).exists()
    assert recorded() == [
        *("user.factor_add", "user.factor_add"),  # with recovery codes
        *("user.factor_remove", "user.factor_remove"),
    ]


def test_a_passkey_that_was_removed_signs_nobody_in(
    page: Page, live_server: LiveServer, mona: User
) -> None:
    sign_in(page, live_server)
    page.goto(f"{SECURITY_KEYS}add/")
    add_passkey(page)
    Authenticator.objects.filter(user=mona).delete()
    page.context.clear_cookies()
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("Incorrect code or unknown key.")).to_be_visible()
    page.goto("/settings/profile")
    assert "/accounts/login/" in page.url
