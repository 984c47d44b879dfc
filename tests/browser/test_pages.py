"""Each page in light and dark, wide and narrow: accessible, quiet, and within its width."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db.models import Value
from django.db.models.functions import Concat
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from enterprise.models import CurrentPerson, Enterprise, GitHubSyncStatus, ServerInstance, SyncRun
from tests.browser.conftest import Watched, sign_in
from tests.factories import SyncRunFactory, ago


def paths(enterprise: Enterprise) -> dict[str, str]:
    """Every page of the console by a short name."""
    start = f"/enterprises/{enterprise.slug}"
    instance = ServerInstance.objects.latest("pk")
    joined = CurrentPerson.objects.filter(kind="cloud_and_server").latest("accounts")
    held = SyncRun.objects.get(state="held")
    return {
        "overview": start,
        "connect": f"{start}/settings/connect",
        "instance-new": f"{start}/settings/connect/instances/new",
        "instance-edit": f"{start}/settings/connect/instances/{instance.pk}/edit",
        "disable": f"{start}/settings/connect/instances/{instance.pk}/disable",
        "remove": f"{start}/settings/connect/instances/{instance.pk}/remove",
        "cloud-edit": f"{start}/settings/connect/cloud/edit",
        "audit": f"{start}/settings/audit",
        "runs": f"{start}/runs",
        "run": f"{start}/runs/{SyncRun.objects.filter(state='succeeded').earliest('pk').pk}",
        "run-held": f"{start}/runs/{held.pk}",
        "licensing": f"{start}/licensing",
        "person": f"{start}/licensing/persons/{joined.number}",
        "profile": "/settings/profile",
        "enterprise-new": "/enterprises/new",
        "help-license-sync": "/help/license-sync",
        "help-tokens": "/help/tokens",
    }


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360)])
def test_every_page_is_accessible_quiet_and_fits(
    browser: Browser, live_server: LiveServer, acme: Enterprise, scheme: str, width: int
) -> None:
    SyncRunFactory(instance=ServerInstance.objects.latest("pk"), held=True)
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="en-US",
    )
    watched = Watched(context, live_server.url)
    page = context.new_page()
    sign_in(page, live_server)
    faults = []
    for name, path in paths(acme).items():
        response = page.goto(live_server.url + path)
        if response is None or response.status != 200:
            faults.append(f"{name}: {response and response.status}")
            continue
        overflow = page.evaluate(
            "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
        )
        if overflow > 0:
            faults.append(f"{name}: {overflow} pixels too wide")
        if page.locator("h1").count() != 1:
            faults.append(f"{name}: not exactly one h1")
        faults += [
            f"{name}: {v['id']}: {[node['html'][:150] for node in v['nodes']]}"
            for v in Axe().run(page).response["violations"]
        ]
    context.close()
    assert not faults, "\n".join(faults)
    assert not watched.complaints
    assert not watched.strangers


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pictures_of_the_documentation(
    browser: Browser,
    live_server: LiveServer,
    acme: Enterprise,
    screenshots: Path | None,
    tmp_path: Path,
    scheme: str,
) -> None:
    """Taken on every run, so that the command that renews them cannot rot."""
    # Addresses and times as they are out there, not of this test.
    Enterprise.objects.update(api_url="https://api.github.com")
    ServerInstance.objects.update(url=Concat(Value("https://"), "host_name"))
    GitHubSyncStatus.objects.update(last_sync_at=ago(days=2))
    folder = screenshots or tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(
        viewport={"width": 1280, "height": 1280},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="en-US",
    )
    page = context.new_page()
    sign_in(page, live_server)
    suffix = "-dark" if scheme == "dark" else ""
    for name in ("connect", "licensing"):
        tail = "settings/connect" if name == "connect" else "licensing"
        page.goto(f"{live_server.url}/enterprises/acme/{tail}")
        picture = folder / f"{name}{suffix}.png"
        page.screenshot(path=picture)
        assert picture.stat().st_size > 20_000
    context.close()
