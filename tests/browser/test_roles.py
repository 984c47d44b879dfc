"""The pages as those see them who may only look: nothing leads nowhere, and nobody's e-mail is shown."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from enterprise.access import MATRIX
from enterprise.models import Enterprise, Role, User
from tests.access.table import PAGES as NEEDS
from tests.browser.checks import TOO_WIDE, WIDE, axe_faults
from tests.browser.conftest import Watched, sign_in
from tests.browser.pages import ENTERPRISE, furnish, route_of
from tests.browser.test_pages import NOT_FOUND
from tests.factories import MembershipFactory, UserFactory

# Where a click would lead, and what a control that is not disabled would ask for.
LEADS = """() => [...document.querySelectorAll("main a[href], header a[href]")]
  .map(a => a.href).filter(href => href.startsWith(location.origin))"""
ASKS = """() => [...document.querySelectorAll("form[method=post]")]
  .filter(form => form.querySelector(":is(button, select, textarea, input:not([type=hidden])):enabled"))
  .map(form => new URL(form.getAttribute("action") || "", location.href).pathname)"""
EMAIL = re.compile(r"[\w.+-]*[^\s•·(“]@[\w-]+\.[\w.]+")


def shown_to(role: Role) -> dict[str, str]:
    """The pages of an enterprise that somebody with this role is let in to see, by their addresses."""
    return {
        name: path for name, path in ENTERPRISE.items() if NEEDS[route_of(path)] in MATRIX[role]
    }


@pytest.mark.slow
@pytest.mark.parametrize("role", [Role.BILLING_MANAGER, Role.AUDITOR])
def test_who_may_only_look_finds_nothing_that_leads_nowhere(
    browser: Browser, live_server: LiveServer, mona: User, acme: Enterprise, role: Role
) -> None:
    places = furnish(acme, mona)
    looker = UserFactory(username="looker")
    MembershipFactory(enterprise=acme, user=looker, role=role)
    context = browser.new_context(locale="en-US", viewport=WIDE)
    watched = Watched(context, live_server.url)
    page = context.new_page()
    sign_in(page, live_server, "looker")
    faults, leads = [], set()
    pages = shown_to(role)
    assert len(pages) > 20
    for name, path in pages.items():
        response = page.goto(live_server.url + path.format_map(places))
        assert response is not None
        if response.status != 200:
            faults.append(f"{name}: {response.status}")
            continue
        faults += [f"{name}: {fault}" for fault in _faults(page, role)]
        leads |= {href.split("#")[0] for href in page.evaluate(LEADS)}
    faults += _dead(context, leads)
    hidden = [path for name, path in ENTERPRISE.items() if name not in pages]
    for path in hidden:
        if context.request.get(live_server.url + path.format_map(places)).status != 404:
            faults.append(f"{path} is not hidden")
    context.close()
    assert not faults, "\n".join(faults)
    assert not [each for each in watched.complaints if each != NOT_FOUND]


def _faults(page: Page, role: Role) -> list[str]:
    faults = axe_faults(page, role)
    if page.evaluate(TOO_WIDE) > 0:
        faults.append("too wide")
    acts = [path for path in page.evaluate(ASKS) if path != "/i18n/setlang/"]
    faults += [f"a button for {path}" for path in acts if path.startswith("/enterprises/")]
    if role == Role.AUDITOR:
        faults += [f"shows {found}" for found in set(EMAIL.findall(page.inner_text("main")))]
    return faults


def _dead(context: BrowserContext, leads: set[str]) -> list[str]:
    """Links that answer otherwise than with a page or a file."""
    return [
        f"{urlsplit(href).path} answers {status}"
        for href in sorted(leads)
        if "/accounts/logout" not in href
        and (status := context.request.get(href).status) not in (200, 204)
    ]
