"""The ways to a provider and back in a real browser, which keeps to the content security policy."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, expect

from enterprise.models import User
from tests.browser.checks import faults_of
from tests.browser.conftest import Watched
from tests.browser.test_pages import PICTURES
from tests.factories import EnterpriseFactory, MembershipFactory, UserFactory
from tests.single_sign_on.browsing import Corp, configure

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


def let_in(context: BrowserContext, live_server: Any, user: User) -> Client:
    """Sign somebody in who has no password; the client has the same session."""
    client = Client()
    client.force_login(user)
    name, morsel = next(iter(client.cookies.items()))
    context.add_cookies([{"name": name, "value": morsel.value, "url": live_server.url}])
    return client


def test_a_form_leads_to_the_provider_and_back(
    browser: Browser, live_server: Any, corp: Corp
) -> None:
    """To link an identity, then by it to confirm a form that was sent too late."""
    owen: User = UserFactory(username="owen")
    MembershipFactory(enterprise=EnterpriseFactory(slug="acme"), user=owen)
    User.objects.filter(pk=owen.pk).update(password="!")
    corp.tell("1", groups=[])
    context = browser.new_context(base_url=live_server.url, locale="en")
    client = let_in(context, live_server, User.objects.get(pk=owen.pk))
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.goto("/settings/profile")
    page.get_by_role("button", name="Link Corp").click()
    page.get_by_placeholder("sub").fill("1")
    page.locator("button[type=submit]").first.click()
    expect(page.get_by_text("You can sign in with Corp now.")).to_be_visible()

    page.goto("/enterprises/acme/settings/webhooks/new")
    page.locator("input[name=name]").fill("Chat")
    session = client.session
    session["account_authentication_methods"][-1]["at"] = time.time() - 3600
    session.save()
    page.locator("main button[type=submit]").click()
    page.get_by_placeholder("sub").fill("1")
    page.locator("button[type=submit]").first.click()
    expect(page).to_have_url(f"{live_server.url}/enterprises/acme/settings/webhooks/new")
    context.close()


WITH_PROVIDERS = {
    "single-sign-on-sign-in": "/accounts/login/?single-sign-on=needed",
}
WITH_IDENTITY = {
    "single-sign-on-profile": "/settings/profile",
    "single-sign-on-unlink": "/settings/sign-in/corp/unlink",
    "password-set": "/accounts/password/set/",
}
"""Of whoever has linked one, has another still to link, and has no password."""
WITH_BOTH = {"single-sign-on-confirm": "/accounts/reauthenticate/"}
"""Of whoever has a password too, and so a choice."""


@pytest.mark.parametrize(
    ("locale", "language"), [("en-US", "en"), ("de-DE", "de"), ("zh-CN", "zh-hans")]
)
def test_every_page_with_providers_is_accessible_quiet_small_and_fits(
    browser: Browser, live_server: Any, settings: Any, locale: str, language: str
) -> None:
    """As ``tests/browser/test_pages.py`` looks at those that are there without one."""
    common = {"protocol": "openid_connect", "client_id": "licsync", "client_secret": "hush"}
    configure(
        settings,
        {"id": "corp", "name": "Corp", "issuer": "https://corp.example.com", **common},
        {"id": "other", "name": "Other", "issuer": "https://other.example.com", **common},
    )
    context = browser.new_context(locale=locale)
    watched = Watched(context, live_server.url)
    page = context.new_page()
    folder = PICTURES / language
    folder.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []

    def look(pages: dict[str, str]) -> None:
        for name, path in pages.items():
            found = faults_of(
                page,
                live_server.url + path,
                language=language,
                themes=language == "en",
                picture=folder / f"{name}.png",
            )
            faults.extend(f"{name}: {fault}" for fault in found)

    look(WITH_PROVIDERS)
    for username, pages in (("owen", WITH_IDENTITY), ("mona", WITH_BOTH)):
        user: User = UserFactory(username=username)
        if pages is WITH_IDENTITY:
            user.set_unusable_password()
            user.save()
        SocialAccount.objects.create(user=user, provider="corp", uid=username)
        let_in(context, live_server, user)
        look(pages)
    context.close()
    assert not faults, "\n".join(faults)
    assert not watched.complaints
    assert not watched.strangers
