"""The page "Add server usage": who sees it, what it takes, and the preview that follows."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation

from enterprise.models import (
    Enterprise,
    Role,
    ServerInstance,
    ServerUserAccount,
    SyncRun,
    User,
)
from enterprise.services import receiving
from tests.factories import MembershipFactory, UserFactory
from tests.uploads.conftest import HEADER, HOST, body, line, usage, user, users

pytestmark = pytest.mark.django_db

PAGE = "/enterprises/acme/settings/connect/upload"


def client_of(enterprise: Enterprise, role: Role) -> Client:
    person: User = UserFactory(username=f"{role}-1")
    MembershipFactory(enterprise=enterprise, user=person, role=role)
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def owner(enterprise: Enterprise, instance: ServerInstance) -> Client:
    translation.activate("en")
    return client_of(enterprise, Role.OWNER)


def upload(client: Client, content: bytes, name: str = "usage.json", exported_at: str = "") -> Any:
    file = SimpleUploadedFile(name, content)
    form = {"instance": HOST, "file": file, "exported_at": exported_at}
    return client.post(PAGE, form, follow=True)


def test_the_page_asks_for_instance_file_and_time(owner: Client) -> None:
    page = owner.get(f"{PAGE}?instance={HOST}").content.decode()

    assert f'value="{HOST}" selected' in page
    assert 'type="datetime-local"' in page
    assert 'enctype="multipart/form-data"' in page


def test_the_page_names_the_zone_that_the_time_is_taken_in(owner: Client) -> None:
    assert "by the clock of UTC" in owner.get(PAGE).content.decode()
    User.objects.update(time_zone="Asia/Shanghai")
    assert "by the clock of Asia/Shanghai" in owner.get(PAGE).content.decode()


def test_an_upload_is_always_held_and_its_page_is_the_preview(owner: Client) -> None:
    page = upload(owner, body(usage(*users(3))))

    run = SyncRun.objects.get(source="upload")
    assert page.redirect_chain[-1][0] == f"/enterprises/acme/runs/{run.pk}"
    assert (run.state, run.error_code, run.trigger) == ("held", "held_preview", "upload")
    text = page.content.decode()
    assert "If applied, the count goes from 0 to 3 persons (+3)." in " ".join(text.split())
    assert not ServerUserAccount.objects.exists()

    owner.post(f"/enterprises/acme/runs/{run.pk}/apply")

    run.refresh_from_db()
    assert run.state == "succeeded"
    assert ServerUserAccount.objects.count() == 3


def test_a_preview_that_is_discarded_changes_nothing(owner: Client) -> None:
    upload(owner, body(usage(*users(3))))
    run = SyncRun.objects.get(source="upload")

    owner.post(f"/enterprises/acme/runs/{run.pk}/discard")

    run.refresh_from_db()
    assert run.state == "cancelled"
    assert not run.chunks.exists()
    assert not ServerUserAccount.objects.exists()


def test_a_fault_is_shown_on_the_runs_page(owner: Client) -> None:
    page = upload(owner, body(usage(user(1), user(1))))

    assert "users[1] in the file has the user ID 1" in page.content.decode()
    assert SyncRun.objects.get(source="upload").state == "failed"


def test_a_report_without_its_time_is_asked_for_it_at_its_field(owner: Client) -> None:
    report = (HEADER + line(1, "a@example.com", dormant=True)).encode()

    page = upload(owner, report, "all_users.csv")

    assert page.status_code == 422
    assert "Enter when the report was exported" in page.content.decode()
    assert not SyncRun.objects.exists()
    assert upload(owner, report, "all_users.csv", "2026-10-05T02:00").status_code == 200
    assert SyncRun.objects.get(source="upload").state == "held"


def test_a_report_of_long_ago_is_refused_at_its_field(owner: Client) -> None:
    report = (HEADER + line(1, "a@example.com", dormant=True)).encode()

    page = upload(owner, report, "all_users.csv", "0001-01-01T00:00")

    assert "greater than or equal to" in page.context["form"].errors["exported_at"][0]
    assert not SyncRun.objects.exists()


@pytest.mark.parametrize("name", ["active_users.csv", "../../active_users.csv"])
def test_a_report_that_undercounts_is_refused_at_its_field(owner: Client, name: str) -> None:
    page = upload(owner, b"id\n", name)

    assert page.status_code == 422
    assert "leaves users out" in page.content.decode()


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\0b", "x" * 5000, "–.json"])
def test_a_file_name_is_harmless(owner: Client, name: str) -> None:
    assert upload(owner, body(usage(*users(1))), name).status_code == 200


def test_a_file_above_the_limit_is_refused_at_its_field(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving.Spool.__init__, "__kwdefaults__", {"limit": 100})

    page = upload(owner, body(usage(*users(3))))

    assert page.status_code == 422
    assert "larger than the limit of 100 bytes" in page.content.decode()


def test_a_forged_upload_is_refused(
    enterprise: Enterprise, instance: ServerInstance, owner: Client
) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(User.objects.get(username="owner-1"))

    response = careful.post(PAGE, {"instance": HOST, "file": SimpleUploadedFile("a", b"{}")})

    assert response.status_code == 403
    assert not SyncRun.objects.exists()


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.BILLING_MANAGER])
def test_only_owners_upload(enterprise: Enterprise, instance: ServerInstance, role: Role) -> None:
    client = client_of(enterprise, role)

    assert client.get(PAGE).status_code == 404
    assert upload(client, body(usage(*users(1)))).status_code == 404
    assert not SyncRun.objects.exists()


def test_the_box_of_an_instance_links_the_page(owner: Client) -> None:
    page = owner.get("/enterprises/acme/settings/connect").content.decode()

    assert f"{PAGE}?instance={HOST}" in page


def test_the_sources_are_compared_where_one_is_chosen(
    owner: Client, instance: ServerInstance
) -> None:
    for page in ("new", f"{instance.pk}/edit"):
        text = owner.get(f"/enterprises/acme/settings/connect/instances/{page}").content.decode()
        assert "The sources compared" in text
        assert 'name="source"' in text
