"""What saving an instance's settings would take away for good is asked first, in numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from unittest.mock import patch

import pytest
from django.test import Client

from enterprise.models import (
    Credential,
    Enterprise,
    ReclaimCandidate,
    RunState,
    ServerInstance,
    SyncRun,
)
from enterprise.services.connection_test import ConnectionTest
from tests.factories import CredentialFactory, ServerUserAccountFactory, SyncRunFactory
from tests.views.conftest import HTMX
from tests.views.counted import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    result = ConnectionTest(True, "https://ghes1.example.com:443", "3.19.2", [])
    with patch("enterprise.views.tested.connection_test", return_value=result):
        yield


def path_of(instance: ServerInstance) -> str:
    return f"/enterprises/acme/settings/connect/instances/{instance.pk}/edit"


def values_of(instance: ServerInstance, **changes: str) -> dict[str, str]:
    """What the form sends with nothing changed but ``changes``."""
    kept = {"keep_logins": "on"} if instance.keep_logins else {}
    return {
        "source": instance.source,
        "url": instance.url,
        "username": "licsync",
        **kept,
        **changes,
    }


def hidden(html: str) -> dict[str, str]:
    """What the question sends along, so that nothing has to be typed again."""
    form = html[html.index("dialog-actions") :]
    inputs = re.findall(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?', form)
    return {name: unescape(value) for name, value in inputs}


@pytest.fixture
def keeping(instance: ServerInstance) -> ServerInstance:
    instance.keep_logins = True
    instance.save()
    ServerUserAccountFactory(instance=instance, login="mona", last_active="2026-11-01")
    ServerUserAccountFactory(instance=instance, login="hubot")
    ServerUserAccountFactory(instance=instance)
    ReclaimCandidate.objects.create(
        enterprise=instance.enterprise,
        number=1,
        accounts="[]",
        last_active="2026-11-01",
        unknown=False,
    )
    return instance


def test_logins_that_would_be_erased_are_counted_and_erased_once_it_is_decided(
    owner: Client, keeping: ServerInstance
) -> None:
    SyncRunFactory(instance=keeping, running=True)
    SyncRunFactory(instance=keeping, held=True)
    values = values_of(keeping)
    del values["keep_logins"]
    response = owner.post(path_of(keeping), values)
    text = text_of(response)
    assert "Save the changes of ghes1.example.com?" in text
    assert "Login and last activity of 2 accounts are erased at once." in text
    assert "The reclaim planner forgets the last activity of 1 person." in text
    assert "1 active run is cancelled" in text
    assert "1 held result is thrown away." in text
    assert keeping.user_accounts.filter(login="mona").exists()
    sent = {**hidden(response.content.decode()), "decided": "yes"}
    assert owner.post(path_of(keeping), sent).status_code == 302
    assert not keeping.user_accounts.exclude(login="").exists()
    assert set(SyncRun.objects.values_list("state", flat=True)) == {RunState.CANCELLED}


def test_a_token_that_would_be_erased_is_told(owner: Client, instance: ServerInstance) -> None:
    for change in ({"url": "https://other.example.com"}, {"proxy": "http://proxy.example.com:1"}):
        response = owner.post(path_of(instance), values_of(instance, **change))
        assert "The stored token is erased" in text_of(response)
    assert Credential.objects.exists()


def test_another_source_cancels_runs_and_keeps_what_is_counted_until_it_is_replaced(
    owner: Client, instance: ServerInstance
) -> None:
    ServerUserAccountFactory.create_batch(2, instance=instance)
    SyncRunFactory(instance=instance, held=True)
    text = text_of(owner.post(path_of(instance), values_of(instance, source="upload")))
    assert "1 held result is thrown away." in text
    assert "2 accounts stay counted until you apply the first result of the new source" in text
    instance.refresh_from_db()
    assert instance.source == "site_admin_report"


@pytest.mark.parametrize(
    "change",
    [
        {"keep_logins": "on"},
        {"guard_share": "5"},
        {"source": "upload"},
        {"url": "https://other.example.com", "token": "ghp_new"},
    ],
    ids=["more is kept", "a share", "a source without runs", "an address with its token"],
)
def test_nothing_is_asked_where_nothing_is_lost(
    owner: Client, instance: ServerInstance, change: dict[str, str]
) -> None:
    response = owner.post(path_of(instance), values_of(instance, **change))
    assert response.status_code == 302


def test_a_share_of_its_own_is_set_and_taken_away(owner: Client, instance: ServerInstance) -> None:
    for share, kept in (("5", 5), ("0", 0), ("", None)):
        owner.post(path_of(instance), values_of(instance, guard_share=share))
        instance.refresh_from_db()
        assert instance.guard_share == kept
    response = owner.post(path_of(instance), values_of(instance, guard_share="101"))
    assert "less than or equal to 100" in text_of(response)


def test_whoever_goes_back_finds_what_was_typed_and_nothing_saved(
    owner: Client, instance: ServerInstance
) -> None:
    changes = {"url": "https://other.example.com", "proxy": "http://proxy.example.com:3128"}
    asked = owner.post(path_of(instance), values_of(instance, **changes))
    sent = {**hidden(asked.content.decode()), "decided": "no"}
    response = owner.post(path_of(instance), sent)
    html = response.content.decode()
    assert response.status_code == 200
    assert all(f'value="{value}"' in html for value in changes.values())
    assert 'name="decided"' not in html
    instance.refresh_from_db()
    assert instance.url == "https://ghes1.example.com"
    assert Credential.objects.exists()


def test_what_cannot_be_is_refused_and_not_asked(owner: Client, instance: ServerInstance) -> None:
    response = owner.post(path_of(instance), values_of(instance, url="http://other.example.com"))
    assert response.status_code == 422
    assert "confirm plain HTTP" in text_of(response)


def test_the_token_of_the_cloud_is_asked_for_too(owner: Client, acme: Enterprise) -> None:
    CredentialFactory(enterprise=acme)
    path = "/enterprises/acme/settings/connect/cloud/edit"
    values = {
        "name": "Acme",
        "api_url": "https://api.acme.ghe.com",
        "billing_model": "volume",
        "time_zone": "UTC",
    }
    response = owner.post(path, values)
    assert "The stored token is erased" in text_of(response)
    assert Credential.objects.exists()
    dialog = owner.post(path, values, headers=HTMX)
    assert "<html" not in dialog.content.decode()
    sent = {**hidden(response.content.decode()), "decided": "yes"}
    assert owner.post(path, sent).status_code == 302
    assert not Credential.objects.exists()
