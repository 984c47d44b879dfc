"""The page of the digest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from enterprise.models import AuditEvent, Delivery, DeliveryState, Digest, Enterprise
from tests.factories import SnapshotFactory, ago
from tests.views.counted import text_of

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
    assert "Enterprise owner" in text_of(auditor.get(PAGE))
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


@pytest.fixture
def undelivered(owner: Client, acme: Enterprise) -> Delivery:
    SnapshotFactory(enterprise=acme)
    owner.post(f"{PAGE}/send")
    delivery = Delivery.objects.get()
    delivery.state = DeliveryState.FAILED
    delivery.finished_at, delivery.error_code = ago(hours=1), "person_without_email"
    delivery.save()
    return delivery


def test_one_that_could_not_be_delivered_is_shown_where_it_is_set_and_on_the_overview(
    owner: Client, auditor: Client, undelivered: Delivery
) -> None:
    text = text_of(owner.get(PAGE))
    assert "Not delivered in the last 7 days" in text
    assert "mona" in text.split("Not delivered in the last 7 days")[-1]
    overview = owner.get("/enterprises/acme")
    assert "1 digest could not be delivered in the last 7 days." in text_of(overview)
    assert f'href="{PAGE}"' in overview.content.decode()
    assert "Not delivered" not in text_of(owner.get("/enterprises/acme/settings/alerts"))
    assert "Redeliver" not in text_of(auditor.get(PAGE))


def test_it_is_sent_once_more(owner: Client, undelivered: Delivery) -> None:
    path = f"{PAGE}/deliveries/{undelivered.pk}/redeliver"
    assert owner.get(path).status_code == 302
    assert owner.post(path).status_code == 302
    undelivered.refresh_from_db()
    assert undelivered.state == DeliveryState.QUEUED
    assert owner.post(path).status_code == 422
    assert "Not delivered" not in text_of(owner.get(PAGE))
