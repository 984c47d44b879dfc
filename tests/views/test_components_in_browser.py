"""The style guide in a browser: accessible in every theme, and what ``licsync.js`` adds."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Browser, Page, Response, expect

from enterprise.models import Enterprise, Membership, Role, User
from enterprise.templatetags.console import THEMES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


# Playwright marks the functions that handle events, and cannot mark a built-in: hence the lambdas below.
@pytest.fixture
def page(browser: Browser, live_server: Any) -> Iterator[Page]:
    """A page signed in as an owner, whose console must stay empty."""
    owner = User.objects.create_user("mona")
    enterprise = Enterprise.objects.create(slug="acme", name="Acme")
    Membership.objects.create(enterprise=enterprise, user=owner, role=Role.OWNER)
    client = Client()
    client.force_login(owner)
    context = browser.new_context(base_url=live_server.url, locale="en")
    name, morsel = next(iter(client.cookies.items()))
    context.add_cookies([{"name": name, "value": morsel.value, "url": live_server.url}])
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


@pytest.mark.parametrize(("theme", "width"), [*((theme, 1440) for theme in THEMES), ("dark", 360)])
def test_the_style_guide_is_accessible_and_fits(page: Page, theme: str, width: int) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"/styleguide?theme={theme}")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []


def test_a_page_takes_less_than_150_kilobytes_and_asks_no_other_host(
    page: Page, live_server: Any
) -> None:
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))  # noqa: PLW0108
    page.goto("/styleguide", wait_until="networkidle")
    asked = [response for response in responses if not response.url.startswith("data:")]
    assert len(asked) >= 4
    assert all(response.url.startswith(live_server.url) for response in asked)
    assert sum(len(gzip.compress(response.body())) for response in asked) < 150_000


def test_a_menu_closes_on_escape_and_gives_the_focus_back(page: Page) -> None:
    page.goto("/styleguide")
    menu = page.locator(".app-header details")
    summary = menu.locator("summary")
    summary.click()
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(summary).to_be_focused()


def test_a_dialog_asks_in_place(page: Page) -> None:
    page.goto("/styleguide")
    page.get_by_role("link", name="Disable GitHub Connect").click()
    dialog = page.get_by_role("dialog", name="Disable GitHub Connect?")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()


def test_a_question_is_fetched_when_it_is_wanted_and_the_focus_comes_back(
    page: Page, live_server: Any
) -> None:
    member = Membership.objects.get()
    page.goto("/enterprises/acme/settings/members")
    opener = page.locator(f"#member-{member.pk} a[data-dialog]")
    assert page.get_by_role("dialog").count() == 0
    opener.click()
    dialog = page.get_by_role("dialog", name="Remove mona?")
    expect(dialog).to_contain_text("This is you")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_who_is_signed_out_meanwhile_signs_in_again_instead_of_in_a_dialog(
    page: Page, live_server: Any
) -> None:
    page.goto("/enterprises/acme/settings/members")
    page.context.clear_cookies()
    page.locator("a[data-dialog]").click()
    page.wait_for_url("**/accounts/login/?next=/enterprises/acme/settings/members")


ADD_BUTTON = """(address) => {
  const row = document.querySelector(".Box-row");
  row.insertAdjacentHTML("beforeend", `<button id="ask" hx-get="${address}">Ask</button>`);
  htmx.process(row);
}"""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("error", "The server could not do this."),
        ("none", "The server cannot be reached."),
        ("late", "The server took too long to answer."),
    ],
)
def test_a_failed_request_says_so_beside_what_was_asked(
    page: Page, answer: str, words: str
) -> None:
    def respond(route: Any) -> None:
        if answer == "error":
            route.fulfill(status=500, body="no")
        elif answer == "none":
            route.abort()  # and what is late is never answered

    page.route("**/ask", respond)
    page.goto("/styleguide")
    page.evaluate(ADD_BUTTON, "/ask")
    page.evaluate("htmx.config.timeout = 300")
    page.click("#ask")
    expect(page.locator(".Box-row + .request-error")).to_contain_text(words)


def test_an_error_goes_when_the_next_try_succeeds(page: Page) -> None:
    page.route("**/ask", lambda route: route.fulfill(status=500, body="no"))
    page.goto("/styleguide")
    page.evaluate(ADD_BUTTON, "/ask")
    page.click("#ask")
    expect(page.locator(".request-error")).to_be_visible()
    page.unroute("**/ask")
    page.route("**/ask", lambda route: route.fulfill(status=204))
    page.click("#ask")
    expect(page.locator(".request-error")).to_have_count(0)


def test_a_slow_request_shows_that_it_is_under_way(page: Page) -> None:
    waiting: list[Any] = []
    page.route("**/ask", lambda route: waiting.append(route))  # noqa: PLW0108
    page.goto("/styleguide")
    page.evaluate(ADD_BUTTON, "/ask")
    expect(page.locator("#busy")).to_be_hidden()
    page.click("#ask")
    expect(page.locator("#busy")).to_be_visible()
    waiting[0].fulfill(status=204)
    expect(page.locator("#busy")).to_be_hidden()
