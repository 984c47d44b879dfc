"""What happens in place: waiting shows in time, nothing jumps, polling ends, errors stand in view."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, RunState, ServerInstance, SyncRun
from tests.browser.conftest import look_at, sign_in
from tests.factories import RunLogLineFactory, SyncRunFactory

BUSY_AFTER = 300  # milliseconds
TIMER = 20  # milliseconds by which the timers of a browser are apart
MOST_SHIFT = 0.02  # of cumulative layout shift; 0.1 is said to be good

# How much moved that nobody's input moved.
SHIFTS = """
window.shifted = 0;
new PerformanceObserver(list => list.getEntries().forEach(entry => {
  if (!entry.hadRecentInput) window.shifted += entry.value;
})).observe({ type: "layout-shift", buffered: true });
"""
# When the last request began, and each moment at which the busy line appeared since the page came.
WAITS = """
window.appeared = [];
document.addEventListener("DOMContentLoaded", () => {
  document.addEventListener("htmx:beforeRequest", () => { window.asked = performance.now(); });
  document.addEventListener("submit", () => { window.asked = performance.now(); });
  const busy = document.getElementById("busy");
  new MutationObserver(() => {
    if (busy.hidden) return;
    window.appeared.push(performance.now());
    if (window.noteBusy) window.noteBusy(performance.now() - window.asked);
  })
    .observe(busy, { attributes: true });
});
"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    context.add_init_script(SHIFTS + WAITS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, live_server: LiveServer, acme: Enterprise) -> Page:
    page = context.new_page()
    sign_in(page, live_server)
    return page


@pytest.fixture
def start(live_server: LiveServer) -> str:
    return f"{live_server.url}/enterprises/acme"


@pytest.mark.parametrize("path", ["settings/connect", "insights/duplicates"])
def test_a_request_shows_that_it_is_under_way_after_300_milliseconds_and_not_before(
    page: Page, start: str, path: str
) -> None:
    waiting: list[Route] = []
    page.goto(f"{start}/{path}")
    page.route("**/test", lambda route: waiting.append(route))  # noqa: PLW0108
    page.route("**/duplicates?**", lambda route: waiting.append(route))  # noqa: PLW0108
    if path == "settings/connect":
        page.locator("#cloud").get_by_role("button", name="Test connection").click()
    else:
        page.locator("select[name=sort]").select_option("saves")
    expect(page.locator("#busy")).to_be_visible()
    asked, appeared = page.evaluate("[window.asked, window.appeared]")
    assert len(appeared) == 1
    assert appeared[0] - asked >= BUSY_AFTER - TIMER
    waiting[0].fulfill(status=204)
    expect(page.locator("#busy")).to_be_hidden()
    page.unroute_all()
    page.route("**/test", lambda route: route.fulfill(status=204))
    page.route("**/duplicates?**", lambda route: route.fulfill(status=204))
    if path == "settings/connect":
        page.locator("#cloud").get_by_role("button", name="Test connection").click()
    else:
        page.locator("select[name=sort]").select_option("confidence")
    page.wait_for_timeout(2 * BUSY_AFTER)
    assert page.evaluate("window.appeared") == appeared


def test_a_form_that_leads_to_another_page_shows_that_it_is_under_way(
    page: Page, start: str
) -> None:
    waiting: list[Route] = []
    noted: list[float] = []
    page.expose_function("noteBusy", lambda after: noted.append(after))  # noqa: PLW0108
    page.goto(f"{start}/settings/general")
    page.route(
        "**/settings/general",
        lambda route: waiting.append(route) if route.request.method == "POST" else route.fallback(),
    )
    page.get_by_role("button", name="Save").click(no_wait_after=True)
    page.wait_for_timeout(4 * BUSY_AFTER)  # a locator would wait for the page that comes
    assert len(noted) == 1
    assert noted[0] >= BUSY_AFTER - TIMER
    waiting[0].continue_()
    expect(page.locator("#messages")).to_contain_text("Saved.")
    expect(page.locator("#busy")).to_be_hidden()


def test_no_main_page_moves_while_it_loads(page: Page, start: str) -> None:
    moved = {}
    for path in (
        *("", "/licensing", "/licensing/history", "/insights/duplicates", "/insights/forecast"),
        *("/runs", "/settings/connect", "/settings/members", "/settings/audit"),
    ):
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(start + path, wait_until="networkidle")
            moved[path, width] = page.evaluate("window.shifted")
    assert max(moved.values()) < MOST_SHIFT, moved


def test_a_run_that_is_watched_moves_nothing_and_polls_until_it_ends(
    page: Page, start: str
) -> None:
    run = SyncRunFactory(
        instance=ServerInstance.objects.earliest("pk"),
        running=True,
        phase="reading",
        done=10,
        expected=120,
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{start}/runs/{run.pk}")
    for done in (40, 80, 120):
        RunLogLineFactory(run=run, code="report_waiting", params={})
        SyncRun.objects.filter(pk=run.pk).update(done=done)
        expect(page.locator("#run-live")).to_contain_text(f"{done} of 120")
    assert page.locator("#run-log li").count() == 3
    assert page.evaluate("window.shifted") < MOST_SHIFT
    SyncRun.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED)
    expect(page.locator("#run .Subhead").first).to_contain_text("Succeeded")
    expect(page.locator("#announcement")).to_contain_text("Succeeded")
    polls = len([url for url in asked if "/live" in url])
    assert polls >= 3
    page.wait_for_timeout(2500)
    assert len([url for url in asked if "/live" in url]) == polls


def test_polling_that_fails_says_it_once_beside_the_run_and_goes_on_by_itself(
    page: Page, start: str
) -> None:
    instance = ServerInstance.objects.earliest("pk")
    SyncRunFactory(instance=instance, running=True, phase="reading", done=10, expected=120)
    page.goto(f"{start}/settings/connect")
    box = page.locator(f"#instance-{instance.pk}")
    page.route("**/progress", lambda route: route.abort())
    error = page.locator(".request-error")
    expect(error).to_contain_text("The server cannot be reached")
    assert error.bounding_box() is not None
    assert box.locator(".request-error").count() == 1
    page.wait_for_timeout(2500)
    expect(error).to_have_count(1)
    page.unroute_all()
    expect(error).to_have_count(0)
    SyncRun.objects.filter(state=RunState.RUNNING).update(
        state=RunState.SUCCEEDED, counts={"read": 120, "consuming": 109}
    )
    expect(box.locator(".run-progress")).to_have_count(0)


@pytest.mark.parametrize("answer", ["none", "error", "late"])
def test_an_action_that_fails_says_so_in_its_own_box(page: Page, start: str, answer: str) -> None:
    words = {
        "none": "The server cannot be reached.",
        "error": "The server could not do this.",
        "late": "The server took too long to answer.",
    }
    page.goto(f"{start}/settings/connect")
    page.evaluate("htmx.config.timeout = 400")
    instance = ServerInstance.objects.latest("pk")

    def respond(route: Route) -> None:
        if answer == "error":
            route.fulfill(status=500, body="no")
        elif answer == "none":
            route.abort()

    page.route("**/test", respond)
    box = page.locator(f"#instance-{instance.pk}")
    box.get_by_role("button", name="Test connection").click()
    error = page.get_by_role("alert")
    expect(error).to_contain_text(words[answer])
    expect(error).to_be_in_viewport()
    assert box.locator(".request-error").count() == 1
    expect(page.locator("#busy")).to_be_hidden()


def test_the_back_button_leads_through_what_was_looked_for(page: Page, start: str) -> None:
    page.goto(f"{start}/licensing")
    all_of_them = page.locator("#persons [role=status]").inner_text()
    page.locator("select[name=kind]").select_option("server")
    expect(page.locator("#persons [role=status]")).not_to_have_text(all_of_them)
    only_server = page.locator("#persons [role=status]").inner_text()
    assert "kind=server" in page.url
    page.get_by_role("searchbox").fill("nobody-is-called-so")
    expect(page.locator("#persons")).to_contain_text("Nobody matches")
    page.go_back()
    expect(page.locator("#persons [role=status]")).to_have_text(only_server)
    expect(page.locator("select[name=kind]")).to_have_value("server")
    page.go_back()
    expect(page.locator("#persons [role=status]")).to_have_text(all_of_them)
    expect(page.locator("select[name=kind]")).to_have_value("")
    page.go_forward()
    expect(page.locator("#persons [role=status]")).to_have_text(only_server)


def test_what_a_test_found_stays_while_one_follows_it_elsewhere(page: Page, start: str) -> None:
    instance = ServerInstance.objects.latest("pk")
    box = page.locator(f"#instance-{instance.pk}")
    page.goto(f"{start}/settings/connect")
    box.get_by_role("button", name="Test connection").click()
    expect(box.locator(".connect-told")).to_contain_text("The connection works")
    ServerInstance.objects.filter(pk=instance.pk).update(license_sync_enabled=False)
    look_at(page)
    expect(box).to_contain_text("License sync is disabled")
    expect(box.locator(".connect-told")).to_contain_text("The connection works")


def test_the_focus_stays_on_the_switch_of_github_connect(page: Page, start: str) -> None:
    instance = ServerInstance.objects.latest("pk")
    ServerInstance.objects.filter(pk=instance.pk).update(
        connect_enabled=False, license_sync_enabled=False
    )
    box = page.locator(f"#instance-{instance.pk}")
    page.goto(f"{start}/settings/connect")
    box.get_by_role("button", name="Enable GitHub Connect").press("Enter")
    expect(box.get_by_role("link", name="Disable GitHub Connect")).to_be_focused()


def test_what_is_asked_for_on_the_page_of_an_instance_is_answered_on_it(
    page: Page, start: str
) -> None:
    instance = ServerInstance.objects.latest("pk")
    page.goto(f"{start}/settings/connect")
    page.get_by_role("link", name=instance.host_name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(instance.host_name)
    page.get_by_label("Weekday").select_option("Sunday")
    page.get_by_label("Time", exact=True).fill("02:30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Every week, Sunday at 02:30 (UTC)").first).to_be_visible()
    expect(page.locator("#announcement")).to_contain_text("The schedule of")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator(".flash-text").first).to_contain_text("The connection works")
    run = SyncRunFactory(instance=instance, running=True, phase="reading", done=10, expected=60)
    look_at(page)
    expect(page.locator(".run-progress")).to_contain_text("10 of 60")
    SyncRun.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED, counts={"read": 60})
    expect(page.locator(".run-progress")).to_have_count(0)
    expect(page.get_by_role("heading", name="Last runs")).to_be_visible()
    assert page.url == f"{start}/instances/{instance.pk}"


def test_a_second_click_does_not_send_a_form_again(page: Page, start: str) -> None:
    sent: list[Route] = []
    page.goto(f"{start}/settings/tokens/new")
    page.route(
        "**/settings/tokens/new",
        lambda route: sent.append(route) if route.request.method == "POST" else route.fallback(),
    )
    page.get_by_label("Name").fill("Inventory")
    page.get_by_label("Read metrics").check()
    place = page.get_by_role("button", name="Make the token").bounding_box()
    assert place is not None
    for _ in range(2):  # by the mouse: a locator would wait for the page that comes
        page.mouse.click(place["x"] + 5, place["y"] + 5)
        page.wait_for_timeout(BUSY_AFTER)
    assert len(sent) == 1
    sent[0].continue_()
    expect(page.locator("#main")).to_contain_text("not shown again")
