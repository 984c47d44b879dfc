"""The console's main job in a browser: from an empty console to the report, and without JavaScript."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, ServerInstance, Snapshot
from sandbox.server import Fleet
from tests.browser.conftest import expect_to_fit, sign_in
from tests.browser.looks import ANYTHING, NUMBER, Look

SYNC_MILLISECONDS = 30_000
SWITCH = "Server can sync user license count and usage"


@pytest.mark.usefixtures("worker")
def test_from_an_empty_console_to_the_report(
    page: Page, look: Look, live_server: LiveServer, fleet: Fleet, tmp_path: Path
) -> None:
    say = look.say
    page.get_by_role("link", name=say("Add your enterprise")).click()
    page.get_by_label(say("Enterprise slug")).fill("acme")
    page.get_by_label(say("Name"), exact=True).fill("Acme")
    page.get_by_label(say("API address")).fill(fleet.ghec.url)
    page.get_by_label(say("Token for GitHub Enterprise Cloud")).fill(fleet.ghec.token)
    page.get_by_role("button", name=say("Add enterprise")).click()
    expect(page.get_by_role("heading", name=say("GitHub Connect"), level=1)).to_be_visible()
    expect(page.locator("#messages")).to_contain_text(say("The connection works."))

    host = "ghes1.example.com"
    site = fleet.instances[host]
    page.get_by_role("link", name=say("Add instance")).first.click()
    page.get_by_label(say("Host name")).fill(host)
    page.get_by_label(say("Address")).fill(site.url)
    page.get_by_label(say("Username")).fill(site.username)
    page.get_by_label(say("Token"), exact=False).first.fill(site.token)
    page.get_by_role("button", name=say("Add instance")).click()
    expect(page.locator("#messages")).to_contain_text(say("%(host)s is added.", host=host))

    box = page.locator(".connect-box", has_text=host)
    switch = box.get_by_label(say(SWITCH))
    expect(switch).to_be_disabled()
    expect(box).to_contain_text(
        say(
            "License sync of %(host)s cannot be enabled before GitHub Connect."
            " Enable GitHub Connect first.",
            host=host,
        )
    )
    box.get_by_role("button", name=say("Enable GitHub Connect")).click()
    expect(switch).to_be_enabled()
    switch.select_option(say("Enabled"))
    enabled = say(
        "License sync of %(host)s is enabled: it is read by its schedule and on demand.", host=host
    )
    expect(box).to_contain_text(enabled)
    expect(page.locator("#announcement")).to_contain_text(enabled)
    box.get_by_role("button", name=say("Test connection")).click()
    expect(box).to_contain_text(say("The connection works, with remarks."))

    box.get_by_role("button", name=say("Sync now")).click()
    accounts = say("%(shown)s account", "%(shown)s accounts", 120, shown=120)
    expect(box).to_contain_text(accounts, timeout=SYNC_MILLISECONDS)
    expect(box).to_contain_text(say("just now"))
    consumed = say(
        "GitHub counts %(shown)s consumed license",
        "GitHub counts %(shown)s consumed licenses",
        2,
        shown=NUMBER,
    )
    expect(page.locator("#cloud")).to_contain_text(consumed, timeout=SYNC_MILLISECONDS)

    page.get_by_role("link", name=say("Licensing"), exact=True).click()
    again = page.get_by_role("link", name=say("Show the new count"))
    heading = page.get_by_role("heading", name=say("This console's count"), exact=True)
    expect(heading.or_(again).first).to_be_visible(timeout=SYNC_MILLISECONDS)
    if again.is_visible():
        again.click()
    snapshot = Snapshot.objects.latest("pk")
    expect(page.locator(".totals")).to_contain_text(
        say(
            "This console finds <strong>%(shown)s</strong> person.",
            "This console finds <strong>%(shown)s</strong> persons.",
            snapshot.persons,
            shown=snapshot.persons,
        )
    )
    expect(page.get_by_role("row")).not_to_have_count(0)

    with page.expect_download() as download:
        page.get_by_role("link", name=say("Download CSV")).click()
    report = tmp_path / "report.csv"
    download.value.save_as(report)
    rows = list(csv.reader(report.open(encoding="utf-8-sig", newline="")))
    assert rows[0][0] == "GitHub com login"
    assert len(rows) == snapshot.persons + 1

    found = page.locator("#persons")
    one = say("%(shown)s person", "%(shown)s persons", 1, shown=1)
    page.get_by_placeholder(say("Search logins, names and e-mail addresses")).fill(rows[1][0])
    expect(found).to_contain_text(one)
    found.get_by_role("link", name=rows[1][0]).click()
    expect(page.locator(".why")).to_contain_text(say("Counts once: %(reasons)s.", reasons=ANYTHING))
    page.go_back()
    expect(found).to_contain_text(one)

    page.goto(f"{live_server.url}/enterprises/acme/settings/connect")
    box.get_by_role("link", name=say("Disable GitHub Connect")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(
        say(
            "%(shown)s account stays counted, as of %(when)s.",
            "%(shown)s accounts stay counted, as of %(when)s.",
            120,
            shown=120,
            when=ANYTHING,
        )
    )
    dialog.get_by_role("button", name=say("Disable GitHub Connect")).click()
    expect(box.get_by_role("button", name=say("Enable GitHub Connect"))).to_be_visible()
    expect(box).to_contain_text(say("No token is stored."))


@pytest.mark.parametrize("javascript", [False], ids=["plain"])
@pytest.mark.usefixtures("worker", "acme")
def test_everything_works_without_javascript(
    page: Page, look: Look, live_server: LiveServer
) -> None:
    say = look.say
    host = "ghes2.example.com"
    instance = ServerInstance.objects.get(host_name=host)
    page.goto(f"{live_server.url}/enterprises/acme/settings/connect")
    box = page.locator(f"#instance-{instance.pk}")
    told = page.locator("#messages")
    switch = box.get_by_label(say(SWITCH))
    save = box.locator("form", has=page.locator("[name=license_sync]")).get_by_role("button")
    expect_to_fit(page)

    switch.select_option(say("Disabled"))
    save.click()
    expect(told).to_contain_text(
        say("License sync of %(host)s is disabled. What was read stays, as of its date.", host=host)
    )
    expect(box.get_by_role("button", name=say("Sync now"))).to_be_disabled()
    expect_to_fit(page)

    switch.select_option(say("Enabled"))
    save.click()
    box.get_by_role("button", name=say("Sync now")).click()
    expect(told).to_contain_text(say("Run %(run)s started.", run=NUMBER))
    expect_to_fit(page)

    box.get_by_role("link", name=say("Disable GitHub Connect")).click()
    disable = page.get_by_role("button", name=say("Disable GitHub Connect"))
    expect(disable).to_be_visible()
    expect_to_fit(page)
    disable.click()
    expect(told).to_contain_text(
        say("GitHub Connect of %(host)s is disabled, and its credentials are deleted.", host=host)
    )
    expect_to_fit(page)

    page.get_by_role("link", name=say("Licensing"), exact=True).click()
    search = page.get_by_label(say("Search logins, names and e-mail addresses"))
    expect(search).to_be_visible()
    expect_to_fit(page)
    search.fill("example")
    page.get_by_role("button", name=say("Search")).click()
    found = page.locator("#persons")
    expect(found).to_contain_text(say("%(shown)s person", "%(shown)s persons", 2, shown=NUMBER))
    expect_to_fit(page)
    found.get_by_role("link").nth(5).click()
    expect(page.locator(".why")).to_contain_text(say("Counts once: %(reasons)s.", reasons=ANYTHING))
    expect_to_fit(page)


@pytest.mark.usefixtures("worker")
def test_a_request_that_fails_says_so_where_the_person_is_looking(
    browser: Browser, live_server: LiveServer, acme: Enterprise
) -> None:
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/enterprises/acme/settings/connect")
    page.route("**/sync", lambda route: route.abort())
    page.locator("#cloud").get_by_role("button", name="Sync now").click()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    context.close()
