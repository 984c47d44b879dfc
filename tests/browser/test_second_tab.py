"""A second tab stays true: what was done in one is seen in the other as soon as it is looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, RunState, ServerInstance, SyncRun, User
from enterprise.services.audit import SYSTEM
from enterprise.services.connect import connect_disable, license_sync_set
from tests.browser.conftest import Watched, look_at, sign_in
from tests.factories import (
    CloudStateFactory,
    EnterpriseFactory,
    MembershipFactory,
    ServerInstanceFactory,
    SyncRunFactory,
)


@pytest.fixture
def acme(mona: User) -> Enterprise:
    enterprise = EnterpriseFactory(slug="acme", name="Acme")
    CloudStateFactory(enterprise=enterprise)
    MembershipFactory(enterprise=enterprise, user=mona)
    return enterprise


@pytest.fixture
def instance(acme: Enterprise) -> ServerInstance:
    return ServerInstanceFactory(
        enterprise=acme, host_name="ghes1.example.com", syncing=True, with_token=True
    )


@pytest.fixture
def start(live_server: LiveServer) -> str:
    return f"{live_server.url}/enterprises/acme"


@pytest.fixture
def context(
    browser: Browser, live_server: LiveServer, acme: Enterprise
) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    sign_in(context.new_page(), live_server)
    yield context
    context.close()


def opened(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    return page


def test_a_held_run_that_one_tab_applied_is_seen_as_applied_in_the_others(
    context: BrowserContext, live_server: LiveServer, start: str, instance: ServerInstance
) -> None:
    watched = Watched(context, live_server.url)
    run = SyncRunFactory(instance=instance, held=True, base_version=0)
    first = opened(context, f"{start}/runs/{run.pk}")
    of_run, of_runs, overview = (
        opened(context, start + path) for path in (f"/runs/{run.pk}", "/runs", "")
    )
    expect(overview.locator("#content")).to_contain_text("Held: of 120 applied accounts")

    first.get_by_role("button", name="Apply").click()
    expect(first.locator("#messages")).to_contain_text("The result is applied.")

    look_at(of_run)
    expect(of_run.locator("#run .Subhead").first).to_contain_text("Succeeded")
    expect(of_run.get_by_role("button", name="Apply")).to_have_count(0)
    look_at(of_runs)
    expect(of_runs.get_by_role("row", name=f"{run.pk} ghes1")).to_contain_text("Succeeded")
    look_at(overview)
    expect(overview.locator("#content")).not_to_contain_text("Held")
    look_at(first)  # what was said to who did it stays
    expect(first.locator("#messages")).to_contain_text("The result is applied.")
    assert not watched.complaints


def test_a_form_shows_what_holds_now_unless_it_is_being_filled_in(
    context: BrowserContext, start: str
) -> None:
    first, idle, filled = (opened(context, f"{start}/settings/general") for _ in range(3))
    filled.get_by_label("Name", exact=True).fill("Half of a na")
    filled.locator("#main").focus()
    first.get_by_label("Name", exact=True).fill("Acme Corporation")
    first.get_by_role("button", name="Save").click()
    expect(first.locator("#messages")).to_contain_text("Saved.")

    look_at(idle)
    expect(idle.get_by_label("Name", exact=True)).to_have_value("Acme Corporation")
    asked: list[str] = []
    filled.on("request", lambda request: asked.append(request.url))
    look_at(filled)
    filled.wait_for_timeout(300)
    assert asked == []
    expect(filled.get_by_label("Name", exact=True)).to_have_value("Half of a na")


def test_only_what_differs_is_taken_over(
    context: BrowserContext, start: str, acme: Enterprise, instance: ServerInstance
) -> None:
    page = opened(context, f"{start}/settings/connect")
    box = page.locator(f"#instance-{instance.pk}")
    box.get_by_role("button", name="Test connection").click()
    expect(box.locator("[data-told]")).to_be_visible()
    expect(box.get_by_role("button", name="Test connection")).to_be_focused()
    page.evaluate("scrollTo(0, 120)")

    other = ServerInstanceFactory(enterprise=acme, host_name="ghes2.example.com", connected=True)
    look_at(page)
    expect(page.get_by_role("heading", name="ghes2.example.com")).to_be_visible()
    expect(box.get_by_role("button", name="Test connection")).to_be_focused()
    assert page.evaluate("scrollY") == 120

    box.get_by_role("button", name="Test connection").click()
    expect(box.locator("[data-told]")).to_be_visible()
    ServerInstance.objects.filter(pk=other.pk).update(connect_enabled=False)
    look_at(page)
    expect(page.locator(f"#instance-{other.pk}")).to_contain_text("Enable GitHub Connect")
    expect(box.locator("[data-told]")).to_be_visible()
    page.locator(f"#instance-{other.pk}").get_by_role("button", name="Enable GitHub").click()
    expect(page.locator(f"#instance-{other.pk} [data-told]")).to_be_visible()  # it acts in place


def test_a_switch_that_another_tab_turned_back_is_seen_turned_back(
    context: BrowserContext, start: str, instance: ServerInstance
) -> None:
    page = opened(context, f"{start}/settings/connect")
    switch = page.locator(f"#instance-{instance.pk}-license-sync")
    switch.select_option("disabled")
    expect(page.locator(f"#instance-{instance.pk}")).to_contain_text("is disabled")
    license_sync_set(instance=instance, enabled=True, actor=SYSTEM)
    look_at(page)
    expect(switch).to_have_value("enabled")


def test_nothing_happens_while_something_is_asked(
    context: BrowserContext, start: str, instance: ServerInstance
) -> None:
    page = opened(context, f"{start}/settings/connect")
    page.get_by_role("link", name="Disable GitHub Connect").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    connect_disable(instance=instance, actor=SYSTEM)
    look_at(page)
    page.wait_for_timeout(300)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    look_at(page)
    expect(page.get_by_role("button", name="Enable GitHub Connect", exact=True)).to_be_visible()


def test_who_signed_out_elsewhere_is_led_to_sign_in(context: BrowserContext, start: str) -> None:
    page = opened(context, f"{start}/runs")
    context.clear_cookies()
    look_at(page)
    page.wait_for_url("**/accounts/login/**")


def test_the_list_of_runs_follows_them_until_none_is_active(
    context: BrowserContext, start: str, instance: ServerInstance
) -> None:
    run = SyncRunFactory(instance=instance)
    page = opened(context, f"{start}/runs")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    row = page.get_by_role("row", name=f"{run.pk} ghes1")
    link = row.get_by_role("link")
    link.focus()

    SyncRun.objects.update(state=RunState.RUNNING)
    expect(row).to_contain_text("Running")
    expect(link).to_be_focused()
    page.route("**/runs", lambda route: route.abort())
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    page.unroute_all()
    expect(page.get_by_role("alert")).to_have_count(0)
    SyncRun.objects.update(state=RunState.SUCCEEDED)
    expect(row).to_contain_text("Succeeded")
    expect(link).to_be_focused()
    page.wait_for_timeout(500)
    polls = len(asked)
    page.wait_for_timeout(2500)
    assert len(asked) == polls
