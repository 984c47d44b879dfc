"""The main tasks by keyboard alone: each is reached by Tab, seen where the focus is, and done."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, ServerInstance
from tests.browser.conftest import sign_in
from tests.factories import SyncRunFactory

MOST_STOPS = 90
FOCUSED = """() => {
  const seen = document.activeElement, style = getComputedStyle(seen);
  return {
    outlined: seen === document.body  // past the end, before the beginning
      || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
      || style.boxShadow !== "none",
    what: seen.outerHTML.slice(0, 120),
  };
}"""


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus; each stop on the way shows that it has it."""
    for _stop in range(MOST_STOPS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        assert focused["outlined"], f"no focus to be seen on {focused['what']}"
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"not reached by Tab: {target}")


@pytest.mark.usefixtures("worker")
def test_the_main_tasks_are_done_by_keyboard_alone(
    browser: Browser, live_server: LiveServer, acme: Enterprise
) -> None:
    instance = ServerInstance.objects.latest("pk")
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    sign_in(page, live_server)

    # Past the header to what the page is about.
    page.goto(f"{live_server.url}/enterprises/acme/settings/connect")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()

    # Test a connection, sync, and turn license sync off and on.
    box = page.locator(f"#instance-{instance.pk}")
    tab_to(page, box.get_by_role("button", name="Test connection"))
    page.keyboard.press("Enter")
    expect(box).to_contain_text("The connection works")
    expect(box.get_by_role("button", name="Test connection")).to_be_focused()
    switch = box.get_by_label("Server can sync user license count and usage")
    tab_to(page, switch)
    page.keyboard.press("ArrowDown")
    expect(box).to_contain_text("is disabled")
    expect(switch).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(box).to_contain_text("is enabled")
    expect(switch).to_be_focused()

    # A question: the focus goes into it, stays there, and comes back.
    page.goto(f"{live_server.url}/enterprises/acme/settings/connect")
    opener = box.get_by_role("link", name="Disable GitHub Connect")
    tab_to(page, opener)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for _stop in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body"  # the browser's own controls
            " || document.getElementById('dialog').contains(document.activeElement)"
        )
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()

    # A menu: opened, left by Escape.
    menu = box.locator("details[data-menu]").first
    page.goto(f"{live_server.url}/enterprises/acme/settings/connect")
    tab_to(page, menu.locator("summary"))
    page.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()

    # Find somebody, and see why they count.
    page.goto(f"{live_server.url}/enterprises/acme/licensing")
    tab_to(page, page.get_by_role("searchbox"))
    page.keyboard.type("example.com")
    expect(page.locator("#persons [role=status]")).to_contain_text("persons")
    tab_to(page, page.locator("#persons tbody a").first)
    page.keyboard.press("Enter")
    expect(page.locator(".why")).to_contain_text("Counts once")

    # Filter runs, and decide about one that is held.
    held = SyncRunFactory(instance=instance, held=True)
    page.goto(f"{live_server.url}/enterprises/acme/runs")
    tab_to(page, page.locator("select[name=state]"))
    page.keyboard.type("Held")
    tab_to(page, page.get_by_role("button", name="Filter"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs?state=held**")
    tab_to(page, page.get_by_role("link", name=str(held.pk), exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(held.pk))
    tab_to(page, page.get_by_role("link", name="Discard"))
    page.keyboard.press("Enter")
    tab_to(page, dialog.get_by_role("button", name="Discard"))
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text("The result is discarded.")

    # A form says what is wrong at its field, and takes what is right.
    page.goto(f"{live_server.url}/enterprises/acme/settings/tokens/new")
    name = page.get_by_label("Name")
    tab_to(page, name)
    page.keyboard.press("Enter")
    expect(name).to_have_attribute("aria-invalid", "true")
    described = (name.get_attribute("aria-describedby") or "").split()
    assert any(page.locator(f"#{each}").inner_text() for each in described)
    tab_to(page, name)
    page.keyboard.type("Inventory")
    tab_to(page, page.get_by_role("checkbox").first)
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Inventory")
    context.close()
