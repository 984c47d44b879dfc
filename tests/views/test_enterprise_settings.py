"""The general settings: who sees them, saving, what is refused, and the recount that follows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest
from django.test import Client

from enterprise.models import AuditEvent, Enterprise, SyncRun
from tests.factories import SnapshotFactory

PAGE = "/enterprises/acme/settings/general"
SETTINGS = {
    "name": "Acme",
    "billing_model": "volume",
    "time_zone": "UTC",
    "exclude_never_signed_in": "no",
    "guard_share": "20",
    "guard_minimum": "10",
    "cloud_max_age_hours": "24",
}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_worker() -> Iterator[None]:
    with patch("enterprise.tasks.run_execute.apply_async"):
        yield


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("owner", 200),
        ("auditor", 200),
        ("billing_manager", 404),
        ("stranger", 404),
        ("signed_out", 302),
    ],
)
def test_owners_and_auditors_see_them(cast: Callable[[str], Client], who: str, status: int) -> None:
    assert cast(who).get(PAGE).status_code == status


def test_an_auditor_reads_them_shut_and_changes_nothing(acme: Enterprise, auditor: Client) -> None:
    html = auditor.get(PAGE).content.decode()
    assert 'type="submit">Save' not in html
    assert html.count(" disabled") >= len(SETTINGS)
    assert auditor.post(PAGE, {**SETTINGS, "name": "Mine"}).status_code == 404
    acme.refresh_from_db()
    assert acme.name == "Acme"


def test_what_is_saved_is_what_was_entered(acme: Enterprise, owner: Client) -> None:
    wanted = {
        "name": "Acme Inc.",
        "billing_model": "metered",
        "time_zone": "Europe/Berlin",
        "guard_share": "35",
        "guard_minimum": "0",
        "cloud_max_age_hours": "48",
    }
    response = owner.post(PAGE, {**SETTINGS, **wanted}, follow=True)
    assert "Saved." in response.content.decode()
    acme.refresh_from_db()
    assert {name: str(getattr(acme, name)) for name in wanted} == wanted
    assert AuditEvent.objects.get().after["guard_share"] == 35
    assert not SyncRun.objects.exists()


def test_a_weekday_and_an_hour_of_the_cloud_are_chosen_and_stay_where_none_is_sent(
    acme: Enterprise, owner: Client
) -> None:
    owner.post(PAGE, {**SETTINGS, "schedule_weekday": "6", "schedule_time": "02:30"})
    owner.post(PAGE, {**SETTINGS, "name": "Acme Inc.", "schedule_time": ""})
    acme.refresh_from_db()
    assert (acme.name, acme.schedule_weekday) == ("Acme Inc.", 6)
    assert acme.schedule_time == dt.time(2, 30)
    html = owner.get(PAGE).content.decode()
    assert '<option value="6" selected>Sunday</option>' in html
    assert 'value="02:30"' in html


def test_leaving_out_who_never_signed_in_counts_anew_at_once(
    acme: Enterprise, owner: Client
) -> None:
    SnapshotFactory(enterprise=acme, totals={"never_signed_in": 3})
    assert "3 accounts</a> on servers never signed in" in owner.get(PAGE).content.decode()
    response = owner.post(PAGE, {**SETTINGS, "exclude_never_signed_in": "yes"}, follow=True)
    assert "The licenses are being counted anew." in response.content.decode()
    acme.refresh_from_db()
    assert acme.exclude_never_signed_in
    assert SyncRun.objects.get().kind == "recount"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("name", " ", "This field is required."),
        ("time_zone", "Mars/Olympus", "Select a valid choice"),
        ("guard_share", "101", "less than or equal to 100"),
        ("guard_minimum", "-1", "greater than or equal to 0"),
        ("cloud_max_age_hours", "0", "greater than or equal to 1"),
        ("cloud_max_age_hours", "soon", "Enter a whole number."),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(
    acme: Enterprise, owner: Client, name: str, value: str, sentence: str
) -> None:
    response = owner.post(PAGE, {**SETTINGS, name: value})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not AuditEvent.objects.exists()
