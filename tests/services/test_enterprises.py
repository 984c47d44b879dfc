"""The enterprise account: adding it, its settings, its GHEC token."""

from __future__ import annotations

from typing import Any

import pytest

from enterprise.models import AuditEvent, CloudState, Credential, Enterprise, Membership, Role
from enterprise.services.enterprises import (
    enterprise_add,
    enterprise_edit,
    enterprise_token_set,
)
from tests.factories import UserFactory
from tests.services.conftest import MONA, actions, refusal

pytestmark = pytest.mark.django_db


def add(slug: str = "acme", **values: Any) -> Enterprise:
    return enterprise_add(actor=MONA, slug=slug, **values)


def edit(enterprise: Enterprise, **values: Any) -> list[str]:
    return enterprise_edit(enterprise=enterprise, actor=MONA, **values)


def set_token(enterprise: Enterprise, token: str = "ghp_cloud") -> bool:
    return enterprise_token_set(enterprise=enterprise, actor=MONA, token=token)


def test_who_adds_an_enterprise_is_its_first_owner() -> None:
    mona = UserFactory(username="mona")
    enterprise = add("Acme-Inc", owner=mona)
    assert enterprise.name == "Acme-Inc"
    assert Membership.objects.get(enterprise=enterprise, user=mona).role == Role.OWNER
    assert CloudState.objects.filter(enterprise=enterprise).exists()
    assert actions() == ["enterprise.add"]


def test_a_slug_is_taken_once_in_any_case() -> None:
    add("Acme")
    assert refusal(add, "aCME") == ("enterprise_exists", "slug")


@pytest.mark.parametrize("slug", ["", "new", "a b", "-a", "a/b", "ä", "a" * 101])
def test_what_is_no_slug_is_refused(slug: str) -> None:
    assert refusal(add, slug) == ("bad_slug", "slug")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"name": "x" * 201}, "too_long"),
        ({"api_url": "https://api github.com"}, "bad_address"),
        ({"api_url": "http://api.github.com"}, "plain_http_unconfirmed"),
        ({"billing_model": "barter"}, "bad_billing_model"),
        ({"time_zone": "Mars/Olympus"}, "bad_time_zone"),
        ({"guard_share": 101}, "bad_guard_share"),
        ({"guard_minimum": -1}, "out_of_range"),
        ({"guard_minimum": 1_000_001}, "out_of_range"),
        ({"cloud_max_age_hours": 0}, "out_of_range"),
        ({"cloud_max_age_hours": 673}, "out_of_range"),
    ],
)
def test_bad_settings_are_refused_at_their_field(values: dict[str, Any], code: str) -> None:
    assert refusal(add, **values) == (code, next(iter(values)))
    enterprise = add()
    assert refusal(edit, enterprise, **values) == (code, next(iter(values)))


def test_an_edit_tells_what_changed_and_nothing_else() -> None:
    enterprise = add()
    assert edit(enterprise, name=" acme ", time_zone="UTC") == []
    assert edit(enterprise, name="Acme", guard_share=30) == ["name", "guard_share"]
    assert AuditEvent.objects.latest("pk").before == {"name": "acme", "guard_share": 20}
    assert refusal(edit, enterprise, name=" ") == ("name_needed", "name")


def test_leaving_out_who_never_signed_in_asks_for_a_recount() -> None:
    enterprise = add()
    edit(enterprise, guard_share=30)
    enterprise.refresh_from_db()
    assert enterprise.data_version == 0
    edit(enterprise, exclude_never_signed_in=True)
    enterprise.refresh_from_db()
    assert enterprise.data_version == 1


@pytest.mark.parametrize(
    ("address", "erased"),
    [
        ("https://api.github.com:443", False),
        ("https://api.github.com:8443", True),
        ("https://api.acme.ghe.com", True),
    ],
)
def test_the_token_is_erased_with_its_origin(address: str, erased: bool) -> None:
    enterprise = add()
    set_token(enterprise)
    assert edit(enterprise, api_url=address) == ["api_url", *(["credentials"] if erased else [])]
    assert Credential.objects.exists() != erased


def test_another_weekday_and_hour_of_the_cloud_move_its_next_sync_at_once() -> None:
    enterprise = add(time_zone="Europe/Berlin")
    set_token(enterprise)
    changed = edit(enterprise, schedule_weekday=6, schedule_time="02:30")
    assert changed == ["schedule_weekday", "schedule_time"]
    enterprise.refresh_from_db()
    assert enterprise.next_sync_at is not None
    local = enterprise.next_sync_at.astimezone(enterprise.zone)
    assert (local.weekday(), local.hour, local.minute) == (6, 2, 30)
    after = AuditEvent.objects.latest("pk").after
    assert after == {"schedule_weekday": 6, "schedule_time": "02:30:00"}
    assert edit(enterprise, schedule_weekday=6, schedule_time="02:30") == []
    assert refusal(edit, enterprise, schedule_weekday=7) == ("out_of_range", "schedule_weekday")
    assert refusal(edit, enterprise, schedule_time="noon") == ("bad_time", "schedule_time")


def test_a_schedule_of_the_cloud_may_be_chosen_before_its_token_is_there() -> None:
    enterprise = add(schedule_weekday=6)
    assert enterprise.next_sync_at is None
    set_token(enterprise)
    enterprise.refresh_from_db()
    assert enterprise.next_sync_at is not None
    assert enterprise.next_sync_at.weekday() == 6
    assert enterprise.schedule_time is not None


def test_the_clouds_schedule_runs_from_the_day_of_its_first_token() -> None:
    enterprise = add()
    assert set_token(enterprise) is True
    enterprise.refresh_from_db()
    first = enterprise.next_sync_at
    assert first is not None
    assert set_token(enterprise) is False
    assert set_token(enterprise, "ghp_other") is True
    enterprise.refresh_from_db()
    assert enterprise.next_sync_at == first
    assert "ghp_" not in str(AuditEvent.objects.values())
    assert refusal(set_token, enterprise, "two words") == ("bad_token", "token")
