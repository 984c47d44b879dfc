"""The main tasks by keyboard alone: each is reached by Tab, seen where the focus is, and done."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, ServerInstance, Snapshot
from tests.browser.conftest import Watched
from tests.browser.looks import ANYTHING, NUMBER, Look
from tests.factories import SyncRunFactory
from tests.uploads.conftest import HOST, body, usage, users

MOST_STOPS = 90
NOT_TAKEN = (
    "Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)"
)
"""What a browser says of a form that comes back, and is right to."""
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
    """By arrow keys: what an input method writes does not choose."""
    tab_to(page, select)
    page.keyboard.press("Home")
    for _option in range(select.locator("option").count()):
        if select.evaluate("select => select.selectedOptions[0].label") == label:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"not among the options: {label}")


def press(page: Page, target: Locator) -> None:
    tab_to(page, target)
    page.keyboard.press("Enter")


def fill(page: Page, field: Locator, text: str) -> None:
    tab_to(page, field)
    page.keyboard.type(text)


@pytest.mark.usefixtures("worker")
def test_the_main_tasks_are_done_by_keyboard_alone(
    acme: Enterprise, page: Page, watched: Watched, look: Look, live_server: LiveServer
) -> None:
    say = look.say
    instance = ServerInstance.objects.latest("pk")

    # Past the header to what the page is about.
    page.goto(f"{live_server.url}/enterprises/acme/settings/connect")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=say("Skip to content"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()

    # Test a connection, sync, and turn license sync off and on.
    box = page.locator(f"#instance-{instance.pk}")
    tab_to(page, box.get_by_role("button", name=say("Test connection")))
    page.keyboard.press("Enter")
    expect(box).to_contain_text(say("The connection works, with remarks."))
    expect(box.get_by_role("button", name=say("Test connection"))).to_be_focused()
    switch = box.get_by_label(say("Server can sync user license count and usage"))
    tab_to(page, switch)
    page.keyboard.press("ArrowDown")
    expect(box).to_contain_text(
        say(
            "License sync of %(host)s is disabled. What was read stays, as of its date.",
            host=instance.host_name,
        )
    )
    expect(switch).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(box).to_contain_text(
        say(
            "License sync of %(host)s is enabled: it is read by its schedule and on demand.",
            host=instance.host_name,
        )
    )
    expect(switch).to_be_focused()

    # A question: the focus goes into it, stays there, and comes back.
    page.goto(f"{live_server.url}/enterprises/acme/settings/connect")
    opener = box.get_by_role("link", name=say("Disable GitHub Connect"))
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
    fill(page, page.get_by_role("searchbox"), "example.com")
    expect(page.locator("#persons [role=status]")).to_contain_text(
        say("%(shown)s person", "%(shown)s persons", 2, shown=NUMBER)
    )
    tab_to(page, page.locator("#persons tbody a").first)
    page.keyboard.press("Enter")
    expect(page.locator(".why")).to_contain_text(say("Counts once: %(reasons)s.", reasons=ANYTHING))

    # Filter runs, and decide about one that is held.
    held = SyncRunFactory(instance=instance, held=True)
    page.goto(f"{live_server.url}/enterprises/acme/runs")
    choose(page, page.locator("select[name=state]"), say("Held"))
    tab_to(page, page.get_by_role("button", name=say("Filter")))
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs?state=held**")
    tab_to(page, page.get_by_role("link", name=str(held.pk), exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(held.pk))
    tab_to(page, page.get_by_role("link", name=say("Discard")))
    page.keyboard.press("Enter")
    tab_to(page, dialog.get_by_role("button", name=say("Discard")))
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text(
        say("The result is discarded. What was applied stays.")
    )

    # A form says what is wrong at its field, and takes what is right.
    page.goto(f"{live_server.url}/enterprises/acme/settings/tokens/new")
    name = page.get_by_label(say("Name"))
    tab_to(page, name)
    page.keyboard.press("Enter")
    expect(name).to_have_attribute("aria-invalid", "true")
    described = (name.get_attribute("aria-describedby") or "").split()
    assert any(page.locator(f"#{each}").inner_text() for each in described)
    watched.complaints.remove(NOT_TAKEN)
    tab_to(page, name)
    page.keyboard.type("Inventory")
    tab_to(page, page.get_by_role("checkbox").first)
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Inventory")


@pytest.mark.usefixtures("worker")
def test_what_an_owner_adds_changes_and_plans_is_done_by_keyboard_alone(
    acme: Enterprise, page: Page, look: Look, live_server: LiveServer, tmp_path: Path
) -> None:
    say = look.say
    start = f"{live_server.url}/enterprises/acme"
    instance = ServerInstance.objects.get(host_name=HOST)
    title, told = page.get_by_role("heading", level=1), page.locator("#messages")

    # Plan whose licenses to free.
    page.goto(f"{start}/insights/reclaim")
    fill(page, page.get_by_label(say("Licenses to free")), "1")
    page.keyboard.press("Enter")
    expect(title).to_contain_text(
        say("Plan to free %(shown)s license", "Plan to free %(shown)s licenses", 1, shown=1)
    )

    # Upload a file, look at what it would do, and apply it.
    file = tmp_path / "usage.json"
    file.write_bytes(body(usage(*users(3, first=900_001), exported_at=timezone.now().isoformat())))
    page.goto(f"{start}/settings/connect/upload")
    choose(page, page.get_by_label(say("Instance")), HOST)
    tab_to(page, page.get_by_label(say("File")))
    page.get_by_label(say("File")).set_input_files(file)  # as the browser's own dialog does
    press(page, page.get_by_role("button", name=say("Upload and preview")))
    expect(page.locator(".run-effect")).to_contain_text(
        say(
            "If applied, the count goes from %(before)s to %(after)s person (%(change)s).",
            "If applied, the count goes from %(before)s to %(after)s persons (%(change)s).",
            2,
            before=NUMBER,
            after=NUMBER,
            change=ANYTHING,
        )
    )
    press(page, page.get_by_role("button", name=say("Apply")))
    expect(told).to_contain_text(say("The result is applied."))

    # Add an instance, and edit it.
    page.goto(f"{start}/settings/connect")
    press(page, page.get_by_role("link", name=say("Add instance")))
    expect(title).to_have_text(say("Add instance"))
    fill(page, page.get_by_label(say("Host name")), "ghes3.example.com")
    fill(page, page.get_by_label(say("Address")), instance.url)
    press(page, page.get_by_role("button", name=say("Add instance")))
    expect(told).to_contain_text(say("%(host)s is added.", host="ghes3.example.com"))
    menu = page.locator(".connect-box", has_text="ghes3.example.com").locator("details").first
    press(page, menu.locator("summary"))
    press(page, menu.get_by_role("link", name=say("Edit address and token")))
    expect(title).to_have_text("ghes3.example.com")
    tab_to(page, page.get_by_label(say("Also keep logins and last activity")))
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name=say("Save")))
    expect(told).to_contain_text(say("Saved."))
    assert ServerInstance.objects.get(host_name="ghes3.example.com").keep_logins

    # Add a person, and give them another role.
    page.goto(f"{start}/settings/members")
    press(page, page.get_by_role("link", name=say("Add a person")))
    expect(title).to_have_text(say("Add a person"))
    fill(page, page.get_by_label(say("Username")), "hubot")
    press(page, page.get_by_role("button", name=say("Add")))
    expect(title).to_have_text(say("Sign-in link of %(name)s", name="hubot"))
    press(page, page.get_by_role("link", name=say("Done", context="button")))
    expect(title).to_have_text(say("People"))
    row = page.locator(".row", has_text="hubot")
    press(page, row.locator("summary"))
    press(page, row.get_by_role("button", name=say("Billing manager")))
    expect(row.locator("summary")).to_contain_text(say("Billing manager"))

    # Add a webhook, and an alert that uses it.
    page.goto(f"{start}/settings/webhooks")
    press(page, page.get_by_role("link", name=say("Add a webhook")).first)
    expect(title).to_have_text(say("Add a webhook"))
    fill(page, page.get_by_label(say("Name")), "Inventory")
    fill(page, page.get_by_label(say("Address")), "https://hooks.example.com/x")
    tab_to(page, page.get_by_role("checkbox").first)
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name=say("Add the webhook")))
    expect(title).to_have_text("Inventory")
    page.goto(f"{start}/settings/alerts")
    press(page, page.get_by_role("link", name=say("Add an alert")).first)
    expect(title).to_have_text(say("Add an alert"))
    fill(page, page.get_by_label(say("Threshold")), "10")
    choose(page, page.get_by_label(say("Unit")), say("persons"))
    tab_to(page, page.get_by_role("checkbox", name="Inventory"))
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name=say("Save")))
    expect(page.locator("main")).to_contain_text("Inventory")

    # Compare two counts.
    page.goto(f"{start}/licensing/history")
    press(page, page.get_by_role("link", name=say("Compare")))
    expect(title).to_have_text(say("What changed"))
    earlier = page.get_by_label(say("From"))
    oldest = str(Snapshot.objects.earliest("pk").pk)
    tab_to(page, earlier)
    page.keyboard.press("End")
    expect(earlier).to_have_value(oldest)
    press(page, page.get_by_role("button", name=say("Compare")))
    page.wait_for_url(f"**/compare?from={oldest}&to=*")
    expect(page.locator(".Subhead-description").first).to_contain_text(
        say(
            "From %(start)s to %(end)s. Persons: %(before)s → %(after)s.",
            start=ANYTHING,
            end=ANYTHING,
            before=NUMBER,
            after=NUMBER,
        )
    )
