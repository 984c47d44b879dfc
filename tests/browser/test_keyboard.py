"""The main tasks by keyboard alone: each is reached by Tab, seen where the focus is, and done."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, ServerInstance, Snapshot
from tests.browser.conftest import sign_in
from tests.factories import SyncRunFactory
from tests.uploads.conftest import HOST, body, usage, users

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


def choose(page: Page, select: Locator, label: str) -> None:
    tab_to(page, select)
    page.keyboard.type(label)


def press(page: Page, target: Locator) -> None:
    tab_to(page, target)
    page.keyboard.press("Enter")


def fill(page: Page, field: Locator, text: str) -> None:
    tab_to(page, field)
    page.keyboard.type(text)


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


@pytest.mark.usefixtures("worker")
def test_what_an_owner_adds_changes_and_plans_is_done_by_keyboard_alone(
    browser: Browser, live_server: LiveServer, acme: Enterprise, tmp_path: Path
) -> None:
    start = f"{live_server.url}/enterprises/acme"
    instance = ServerInstance.objects.get(host_name=HOST)
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    sign_in(page, live_server)
    title, told = page.get_by_role("heading", level=1), page.locator("#messages")

    # Plan whose licenses to free.
    page.goto(f"{start}/insights/reclaim")
    fill(page, page.get_by_label("Licenses to free"), "1")
    page.keyboard.press("Enter")
    expect(title).to_contain_text("Plan to free 1 license")

    # Upload a file, look at what it would do, and apply it.
    file = tmp_path / "usage.json"
    file.write_bytes(body(usage(*users(3, first=900_001), exported_at=timezone.now().isoformat())))
    page.goto(f"{start}/settings/connect/upload")
    choose(page, page.get_by_label("Instance"), HOST)
    tab_to(page, page.get_by_label("File"))
    page.get_by_label("File").set_input_files(file)  # as the browser's own dialog does
    press(page, page.get_by_role("button", name="Upload and preview"))
    expect(page.locator(".run-effect")).to_contain_text("If applied, the count goes from")
    press(page, page.get_by_role("button", name="Apply"))
    expect(told).to_contain_text("The result is applied.")

    # Add an instance, and edit it.
    page.goto(f"{start}/settings/connect")
    press(page, page.get_by_role("link", name="Add instance"))
    expect(title).to_have_text("Add instance")
    fill(page, page.get_by_label("Host name"), "ghes3.example.com")
    fill(page, page.get_by_label("Address"), instance.url)
    press(page, page.get_by_role("button", name="Add instance"))
    expect(told).to_contain_text("ghes3.example.com is added.")
    menu = page.locator(".connect-box", has_text="ghes3.example.com").locator("details").first
    press(page, menu.locator("summary"))
    press(page, menu.get_by_role("link", name="Edit address and token"))
    expect(title).to_have_text("ghes3.example.com")
    tab_to(page, page.get_by_label("Also keep logins"))
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name="Save"))
    expect(told).to_contain_text("Saved.")
    assert ServerInstance.objects.get(host_name="ghes3.example.com").keep_logins

    # Add a person, and give them another role.
    page.goto(f"{start}/settings/members")
    press(page, page.get_by_role("link", name="Add a person"))
    expect(title).to_have_text("Add a person")
    fill(page, page.get_by_label("Username"), "hubot")
    press(page, page.get_by_role("button", name="Add"))
    expect(title).to_have_text("Sign-in link of hubot")
    press(page, page.get_by_role("link", name="Done"))
    expect(title).to_have_text("People")
    row = page.locator(".row", has_text="hubot")
    press(page, row.locator("summary"))
    press(page, row.get_by_role("button", name="Billing manager"))
    expect(row.locator("summary")).to_contain_text("Billing manager")

    # Add a webhook, and an alert that uses it.
    page.goto(f"{start}/settings/webhooks")
    press(page, page.get_by_role("link", name="Add a webhook").first)
    expect(title).to_have_text("Add a webhook")
    fill(page, page.get_by_label("Name"), "Inventory")
    fill(page, page.get_by_label("Address"), "https://hooks.example.com/x")
    tab_to(page, page.get_by_role("checkbox").first)
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name="Add the webhook"))
    expect(title).to_have_text("Inventory")
    page.goto(f"{start}/settings/alerts")
    press(page, page.get_by_role("link", name="Add an alert").first)
    expect(title).to_have_text("Add an alert")
    fill(page, page.get_by_label("Threshold"), "10")
    choose(page, page.get_by_label("Unit"), "persons")
    tab_to(page, page.get_by_role("checkbox", name="Inventory"))
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name="Save"))
    expect(page.locator("main")).to_contain_text("Inventory")

    # Compare two counts.
    page.goto(f"{start}/licensing/history")
    press(page, page.get_by_role("link", name="Compare"))
    expect(title).to_have_text("What changed")
    earlier = page.get_by_label("From")
    oldest = str(Snapshot.objects.earliest("pk").pk)
    tab_to(page, earlier)
    page.keyboard.press("End")
    expect(earlier).to_have_value(oldest)
    press(page, page.get_by_role("button", name="Compare"))
    page.wait_for_url(f"**/compare?from={oldest}&to=*")
    expect(page.locator(".Subhead-description").first).to_contain_text("Persons:")
    context.close()
