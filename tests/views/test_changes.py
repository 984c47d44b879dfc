"""What changed since the last sync, whatever that one found itself."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from enterprise.models import Enterprise, ServerInstance
from tests.factories import SyncRunFactory
from tests.reports.ledger import member
from tests.views.counted import count, text_of

pytestmark = pytest.mark.django_db
PAGE = "/enterprises/acme/insights/changes"


def test_what_was_counted_after_a_sync_that_found_nothing_new_has_changed_since(
    acme: Enterprise, owner: Client, instance: ServerInstance
) -> None:
    """Another instance's accounts, or a setting."""
    count(acme, [member("mona")])
    SyncRunFactory(instance=instance, succeeded=True, finished_at=timezone.now())
    count(acme, [member("mona"), member("hubot"), member("octocat")])
    page = owner.get(PAGE)
    assert page.context["since"].older.persons == 1
    assert "Hubot" in text_of(page)


def test_before_anything_was_counted_after_it_nothing_has(
    acme: Enterprise, owner: Client, instance: ServerInstance
) -> None:
    count(acme, [member("mona")])
    SyncRunFactory(instance=instance, succeeded=True, finished_at=timezone.now())
    since = owner.get(PAGE).context["since"]
    assert since.older == owner.get(PAGE).context["newest"]
