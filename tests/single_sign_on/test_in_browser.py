"""The ways to a provider and back in a real browser, which keeps to the content security policy."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect

from enterprise.models import User
from tests.factories import EnterpriseFactory, MembershipFactory, UserFactory
from tests.single_sign_on.browsing import Corp

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


def test_a_form_leads_to_the_provider_and_back(
    browser: Browser, live_server: Any, corp: Corp
) -> None:
    """To link an identity, then by it to confirm a form that was sent too late."""
    owen: User = UserFactory(username="owen")
    MembershipFactory(enterprise=EnterpriseFactory(slug="acme"), user=owen)
    User.objects.filter(pk=owen.pk).update(password="!")
    corp.tell("1", groups=[])
    client = Client()
    client.force_login(User.objects.get(pk=owen.pk))
    context = browser.new_context(base_url=live_server.url, locale="en")
    name, morsel = next(iter(client.cookies.items()))
    context.add_cookies([{"name": name, "value": morsel.value, "url": live_server.url}])
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
