"""An upload by the page: its preview says what it would do, and nothing is done before it is applied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, ServerInstance, ServerUserAccount, SyncRun
from tests.browser.conftest import expect_to_fit
from tests.browser.looks import NUMBER, Look
from tests.uploads.conftest import HOST, body, usage, users


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
@pytest.mark.usefixtures("worker")
def test_an_upload_is_looked_at_and_then_applied(
    acme: Enterprise,
    page: Page,
    look: Look,
    live_server: LiveServer,
    tmp_path: Path,
    javascript: bool,
) -> None:
    say = look.say
    instance = ServerInstance.objects.get(host_name=HOST)
    accounts = ServerUserAccount.objects.filter(instance=instance)
    before = accounts.count()
    file = tmp_path / "usage.json"
    file.write_bytes(body(usage(*users(3, first=900_001), exported_at=timezone.now().isoformat())))

    page.goto(f"{live_server.url}/enterprises/acme/settings/connect")
    box = page.locator(f"#instance-{instance.pk}")
    box.locator("summary").first.click()
    expect_to_fit(page)
    box.get_by_role("link", name=say("Add server usage")).click()
    expect(page.get_by_label(say("Instance"))).to_have_value(HOST)
    expect_to_fit(page)
    page.get_by_label(say("File")).set_input_files(file)
    page.get_by_role("button", name=say("Upload and preview")).click()

    main = page.locator("main")
    expect(main).to_contain_text(say("Held"))
    for label, number in (("Added", "3"), ("Removed", str(before))):
        stat = page.locator(".stat", has=page.get_by_text(say(label), exact=True))
        expect(stat.locator(".stat-value")).to_have_text(number)
    expect(page.locator(".run-effect")).to_have_text(
        say(
            "If applied, the count goes from %(before)s to %(after)s person (%(change)s).",
            "If applied, the count goes from %(before)s to %(after)s persons (%(change)s).",
            2,
            before=NUMBER,
            after=NUMBER,
            change=re.compile(r"−\d+"),
        )
    )
    assert accounts.count() == before
    expect_to_fit(page)

    page.get_by_role("link", name=say("Discard")).click()
    question = page.get_by_role("dialog") if javascript else main
    expect(question).to_contain_text(
        say(
            "Not applied: %(added)s added, %(changed)s changed, %(removed)s removed.",
            added=3,
            changed=0,
            removed=before,
        )
    )
    expect(question).to_contain_text(
        say(
            "The count stays at %(before)s person, instead of %(after)s.",
            "The count stays at %(before)s persons, instead of %(after)s.",
            2,
            before=NUMBER,
            after=NUMBER,
        )
    )
    expect_to_fit(page)
    question.get_by_role("link", name=say("Keep it held")).click()
    assert SyncRun.objects.get(source="upload").state == "held"

    page.get_by_role("button", name=say("Apply")).click()
    expect(page.locator("#messages")).to_contain_text(say("The result is applied."))
    expect(main).to_contain_text(say("Succeeded"))
    assert accounts.count() == 3
    expect_to_fit(page)
