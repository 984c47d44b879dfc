"""The console's main job in a browser: from an empty console to the report, and without JavaScript."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, ServerInstance, Snapshot, User
from sandbox.server import Fleet
from tests.browser.conftest import Watched, sign_in

SYNC_MILLISECONDS = 30_000


@pytest.mark.usefixtures("worker")
def test_from_an_empty_console_to_the_report(
    browser: Browser, live_server: LiveServer, mona: User, fleet: Fleet, tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, locale="en-US")
    watched = Watched(context, live_server.url)
    page = context.new_page()
    sign_in(page, live_server)

    page.get_by_role("link", name="Add your enterprise").click()
    page.get_by_label("Enterprise slug").fill("acme")
    page.get_by_label("Name", exact=True).fill("Acme")
    page.get_by_label("API address").fill(fleet.ghec.url)
    page.get_by_label("Token for GitHub Enterprise Cloud").fill(fleet.ghec.token)
    page.get_by_role("button", name="Add enterprise").click()
    expect(page.get_by_role("heading", name="GitHub Connect", level=1)).to_be_visible()
    expect(page.locator("#messages")).to_contain_text("The connection works")

    site = fleet.instances["ghes1.example.com"]
    page.get_by_role("link", name="Add instance").first.click()
    page.get_by_label("Host name").fill("ghes1.example.com")
    page.get_by_label("Address").fill(site.url)
    page.get_by_label("Username").fill(site.username)
    page.get_by_label("Token", exact=False).first.fill(site.token)
    page.get_by_role("button", name="Add instance").click()
    expect(page.locator("#messages")).to_contain_text("ghes1.example.com is added.")

    box = page.locator(".connect-box", has_text="ghes1.example.com")
    switch = box.get_by_label("Server can sync user license count and usage")
    expect(switch).to_be_disabled()
    expect(box).to_contain_text("cannot be enabled before GitHub Connect")
    box.get_by_role("button", name="Enable GitHub Connect").click()
    expect(switch).to_be_enabled()
    switch.select_option("Enabled")
    expect(box).to_contain_text("License sync of ghes1.example.com is enabled")
    expect(page.locator("#announcement")).to_contain_text("is enabled")
    box.get_by_role("button", name="Test connection").click()
    expect(box).to_contain_text("The connection works")

    box.get_by_role("button", name="Sync now").click()
    expect(box).to_contain_text("120 accounts", timeout=SYNC_MILLISECONDS)
    expect(box).to_contain_text("just now")
    expect(page.locator("#cloud")).to_contain_text("GitHub counts", timeout=SYNC_MILLISECONDS)

    page.get_by_role("link", name="Licensing").click()
    again = page.get_by_role("link", name="Show the new count")
    heading = page.get_by_role("heading", name="This console's count", exact=True)
    expect(heading.or_(again).first).to_be_visible(timeout=SYNC_MILLISECONDS)
    if again.is_visible():
        again.click()
    snapshot = Snapshot.objects.latest("pk")
    expect(page.locator(".totals")).to_contain_text(
        f"This console finds {snapshot.persons} persons"
    )
    expect(page.get_by_role("row")).not_to_have_count(0)

    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    report = tmp_path / "report.csv"
    download.value.save_as(report)
    rows = list(csv.reader(report.open(encoding="utf-8-sig", newline="")))
    assert rows[0][0] == "GitHub com login"
    assert len(rows) == snapshot.persons + 1

    page.get_by_placeholder("Search logins").fill(rows[1][0])
    expect(page.locator("#persons")).to_contain_text("1 person")
    page.locator("#persons").get_by_role("link", name=rows[1][0]).click()
    expect(page.locator(".why")).to_contain_text("Counts once")
    page.go_back()
    expect(page.locator("#persons")).to_contain_text("1 person")

    page.goto(f"{live_server.url}/enterprises/acme/settings/connect")
    box.get_by_role("link", name="Disable GitHub Connect").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("120 accounts stay counted")
    dialog.get_by_role("button", name="Disable GitHub Connect").click()
    expect(box.get_by_role("button", name="Enable GitHub Connect")).to_be_visible()
    expect(box).to_contain_text("No token is stored.")

    assert not watched.complaints
    assert not watched.strangers
    context.close()


@pytest.mark.usefixtures("worker")
def test_everything_works_without_javascript(
    browser: Browser, live_server: LiveServer, acme: Enterprise, fleet: Fleet
) -> None:
    instance = ServerInstance.objects.get(host_name="ghes2.example.com")
    context = browser.new_context(java_script_enabled=False, locale="en-US")
    page = context.new_page()
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/enterprises/acme/settings/connect")
    box = page.locator(f"#instance-{instance.pk}")

    box.get_by_label("Server can sync user license count and usage").select_option("Disabled")
    box.locator("form", has=page.locator("[name=license_sync]")).get_by_role("button").click()
    expect(page.locator("#messages")).to_contain_text(
        "License sync of ghes2.example.com is disabled"
    )
    expect(box.get_by_role("button", name="Sync now")).to_be_disabled()

    box.get_by_label("Server can sync user license count and usage").select_option("Enabled")
    box.locator("form", has=page.locator("[name=license_sync]")).get_by_role("button").click()
    box.get_by_role("button", name="Sync now").click()
    expect(page.locator("#messages")).to_contain_text("started.")

    box.get_by_role("link", name="Disable GitHub Connect").click()
    page.get_by_role("button", name="Disable GitHub Connect").click()
    expect(page.locator("#messages")).to_contain_text("its credentials are deleted")

    page.get_by_role("link", name="Licensing").click()
    page.get_by_label("Search logins, names and e-mail addresses").fill("example")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#persons")).to_contain_text("person")
    page.locator("#persons").get_by_role("link").nth(5).click()
    expect(page.locator(".why")).to_contain_text("Counts once")
    context.close()


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
