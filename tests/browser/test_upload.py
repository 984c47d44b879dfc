"""An upload by the page: its preview says what it would do, and nothing is done before it is applied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, ServerInstance, ServerUserAccount, SyncRun
from tests.browser.conftest import Watched, sign_in
from tests.uploads.conftest import HOST, body, usage, users


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
@pytest.mark.usefixtures("worker")
def test_an_upload_is_looked_at_and_then_applied(
    browser: Browser,
    live_server: LiveServer,
    acme: Enterprise,
    tmp_path: Path,
    javascript: bool,
) -> None:
    instance = ServerInstance.objects.get(host_name=HOST)
    accounts = ServerUserAccount.objects.filter(instance=instance)
    before = accounts.count()
    file = tmp_path / "usage.json"
    file.write_bytes(body(usage(*users(3, first=900_001), exported_at=timezone.now().isoformat())))
    context = browser.new_context(java_script_enabled=javascript, locale="en-US")
    watched = Watched(context, live_server.url)
    page = context.new_page()
    sign_in(page, live_server)

    page.goto(f"{live_server.url}/enterprises/acme/settings/connect")
    box = page.locator(f"#instance-{instance.pk}")
    box.locator("summary").first.click()
    box.get_by_role("link", name="Add server usage").click()
    expect(page.get_by_label("Instance")).to_have_value(HOST)
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Upload and preview").click()

    main = page.locator("main")
    expect(main).to_contain_text("Held")
    for label, number in (("Added", "3"), ("Removed", str(before))):
        stat = page.locator(".stat", has=page.get_by_text(label, exact=True))
        expect(stat.locator(".stat-value")).to_have_text(number)
    expect(page.locator(".run-effect")).to_have_text(
        re.compile(r"If applied, the count goes from \d+ to \d+ persons \(−\d+\)\.")
    )
    assert accounts.count() == before

    page.get_by_role("link", name="Discard").click()
    question = page.get_by_role("dialog") if javascript else main
    expect(question).to_contain_text(f"3 added, 0 changed, {before} removed")
    expect(question).to_contain_text("The count stays at")
    question.get_by_role("link", name="Keep it held").click()
    assert SyncRun.objects.get(source="upload").state == "held"

    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#messages")).to_contain_text("The result is applied.")
    expect(main).to_contain_text("Succeeded")
    assert accounts.count() == 3
    context.close()
    assert not watched.complaints
    assert not watched.strangers
