"""The page of the digest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from enterprise.models import AuditEvent, Delivery, Digest, Enterprise
from tests.factories import SnapshotFactory

PAGE = "/enterprises/acme/settings/digest"
NEW = {
    "rhythm": "monthly",
    "weekday": "0",
    "month_day": "3",
    "time": "07:15",
    "roles": ["owner"],
    "people": "audrey",
    "attach_csv": "on",
}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("who", "status"),
    [("owner", 200), ("auditor", 200), ("billing_manager", 404), ("stranger", 404)],
)
def test_owners_and_auditors_see_it(
    cast: Callable[[str], Client], acme: Enterprise, who: str, status: int
) -> None:
    assert cast(who).get(PAGE).status_code == status


@pytest.mark.parametrize("who", ["auditor", "billing_manager", "stranger"])
def test_only_owners_set_and_send_it(
    cast: Callable[[str], Client], acme: Enterprise, who: str
) -> None:
    SnapshotFactory(enterprise=acme)
    assert cast(who).post(PAGE, NEW).status_code == 404
    assert cast(who).post(f"{PAGE}/send").status_code == 404
    assert not Digest.objects.exists()
    assert not Delivery.objects.exists()


def test_it_is_set_and_shows_the_next_one(owner: Client, auditor: Client, acme: Enterprise) -> None:
    assert owner.post(PAGE, NEW).status_code == 302
    digest = Digest.objects.get()
    assert (digest.rhythm, digest.month_day, digest.attach_csv) == ("monthly", 3, True)
    assert [member.user.username for member in digest.people.all()] == ["audrey"]
    assert "The next one:" in owner.get(PAGE).content.decode()
    assert AuditEvent.objects.latest("pk").action == "digest.set"


@pytest.mark.parametrize(
    "fault", [{"month_day": "31"}, {"time": "noon"}, {"people": "nobody"}, {"rhythm": "x"}]
)
def test_what_cannot_be_is_refused(
    owner: Client, auditor: Client, acme: Enterprise, fault: dict[str, str]
) -> None:
    assert owner.post(PAGE, {**NEW, **fault}).status_code == 422
    assert not Digest.objects.filter(rhythm="monthly").exists()


def test_an_owner_sends_it_to_themselves(owner: Client, acme: Enterprise) -> None:
    assert owner.post(f"{PAGE}/send").status_code == 422  # nothing counted yet
    SnapshotFactory(enterprise=acme)
    assert owner.post(f"{PAGE}/send").status_code == 302
    delivery = Delivery.objects.get()
    assert delivery.user is not None
    assert delivery.user.username == "mona"
