"""Webhooks: who sees and changes them, what is shown once or never, deliveries and redelivery."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from enterprise.models import AuditEvent, Delivery, DeliveryState, Enterprise, Webhook
from enterprise.services.deliveries import delivery_send
from enterprise.services.webhooks import webhook_open
from tests.deliveries.conftest import SECRET, count_event, hook_to
from tests.deliveries.receiver import receiver
from tests.factories import ago

PAGE = "/enterprises/acme/settings/webhooks"
URL = "https://hooks.example.com/services/T0/B0/letmein"
NEW = {
    "name": "Chat",
    "url": URL,
    "body": "slack",
    "language": "de",
    "events": ["run.failed", "count.changed"],
    "active": "on",
}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("who", "status"),
    [("owner", 200), ("auditor", 200), ("billing_manager", 404), ("stranger", 404)],
)
def test_owners_and_auditors_see_webhooks_and_deliveries(
    cast: Callable[[str], Client], acme: Enterprise, who: str, status: int
) -> None:
    hook = hook_to(acme, URL)
    count_event(acme)
    delivery = Delivery.objects.get()
    for path in (PAGE, f"{PAGE}/{hook.pk}", f"{PAGE}/{hook.pk}/deliveries/{delivery.pk}"):
        response = cast(who).get(path)
        assert response.status_code == status
        assert "letmein" not in response.content.decode()
        assert SECRET not in response.content.decode()


@pytest.mark.parametrize("who", ["auditor", "billing_manager", "stranger"])
def test_only_owners_change_anything(
    cast: Callable[[str], Client], acme: Enterprise, who: str
) -> None:
    hook = hook_to(acme, URL)
    count_event(acme)
    Delivery.objects.update(state=DeliveryState.FAILED, finished_at=ago(hours=1))
    delivery = Delivery.objects.get()
    before = AuditEvent.objects.count()
    actions = ("edit", "remove", "test", "enable", f"deliveries/{delivery.pk}")
    for path in ("new", *(f"{hook.pk}/{action}" for action in actions)):
        assert cast(who).post(f"{PAGE}/{path}", NEW).status_code == 404
    assert AuditEvent.objects.count() == before


def test_a_secret_that_was_made_is_shown_once(owner: Client, acme: Enterprise) -> None:
    response = owner.post(f"{PAGE}/new", NEW)
    assert response.headers["Cache-Control"] == "no-store"
    hook = Webhook.objects.get()
    opened = webhook_open(hook)
    assert opened.url == URL
    assert opened.secret in response.content.decode()
    assert (hook.origin, hook.body, hook.language) == ("https://hooks.example.com", "slack", "de")
    assert opened.secret not in owner.get(f"{PAGE}/{hook.pk}/edit").content.decode()


def test_one_that_the_owner_set_is_never_shown(owner: Client, acme: Enterprise) -> None:
    response = owner.post(f"{PAGE}/new", {**NEW, "secret": SECRET}, follow=True)
    assert SECRET not in response.content.decode()
    assert webhook_open(Webhook.objects.get()).secret == SECRET


@pytest.mark.parametrize(
    "fault",
    [
        {"url": "ftp://example.com"},
        {"url": "https://user:pw@example.com/"},
        {"url": "https://exämple.com/"},
        {"name": " "},
        {"secret": "short"},
        {"events": ["no.such"]},
        {"ca_bundle": "no certificate"},
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    owner: Client, acme: Enterprise, fault: dict[str, object]
) -> None:
    response = owner.post(f"{PAGE}/new", {**NEW, **fault})
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.content.decode() or "events" in fault
    assert not Webhook.objects.exists()


def test_two_webhooks_do_not_share_a_name(owner: Client, acme: Enterprise) -> None:
    hook_to(acme, URL, name="Chat")
    assert owner.post(f"{PAGE}/new", NEW).status_code == 422


def test_editing_keeps_what_is_left_empty(owner: Client, acme: Enterprise) -> None:
    hook = hook_to(acme, URL)
    owner.post(f"{PAGE}/{hook.pk}/edit", {**NEW, "url": "", "name": "Talk"})
    hook.refresh_from_db()
    assert hook.name == "Talk"
    assert webhook_open(hook) == (URL, SECRET)
    owner.post(f"{PAGE}/{hook.pk}/edit", {**NEW, "url": "https://other.example.com/x"})
    hook.refresh_from_db()
    assert (hook.origin, webhook_open(hook).secret) == ("https://other.example.com", SECRET)
    assert "other.example.com/x" not in str(AuditEvent.objects.values())


def test_a_test_is_sent_and_its_delivery_shown(owner: Client, acme: Enterprise) -> None:
    with receiver(503) as there:
        hook = hook_to(acme, there.url)
        owner.post(f"{PAGE}/{hook.pk}/test")
        delivery = Delivery.objects.get()
        delivery_send(delivery_id=delivery.pk)
    page = owner.get(f"{PAGE}/{hook.pk}").content.decode()
    assert "503" in page
    assert "The receiver failed with status 503." in page
    detail = owner.get(f"{PAGE}/{hook.pk}/deliveries/{delivery.pk}").content.decode()
    assert "X-Hub-Signature-256" in detail
    assert str(delivery.guid) in detail


def test_an_ended_delivery_is_sent_again_and_a_waiting_one_is_not(
    owner: Client, acme: Enterprise
) -> None:
    hook = hook_to(acme, URL)
    count_event(acme)
    delivery = Delivery.objects.get()
    path = f"{PAGE}/{hook.pk}/deliveries/{delivery.pk}"
    assert owner.post(path).status_code == 422
    Delivery.objects.update(state=DeliveryState.FAILED, finished_at=ago(hours=1), tries=8)
    assert owner.post(path).status_code == 302
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == (DeliveryState.QUEUED, 0)


def test_a_disabled_one_says_so_on_the_overview_and_is_enabled_again(
    owner: Client, acme: Enterprise
) -> None:
    hook = hook_to(acme, URL)
    Webhook.objects.update(failing_since=ago(days=4), disabled_at=ago(days=1), failures=20)
    assert "was disabled" in owner.get("/enterprises/acme").content.decode()
    assert "Enable again" in owner.get(f"{PAGE}/{hook.pk}").content.decode()
    assert owner.post(f"{PAGE}/{hook.pk}/test").status_code == 422
    owner.post(f"{PAGE}/{hook.pk}/enable")
    assert "was disabled" not in owner.get("/enterprises/acme").content.decode()


def test_a_deleted_one_goes_with_its_deliveries(owner: Client, acme: Enterprise) -> None:
    hook = hook_to(acme, URL)
    count_event(acme)
    assert owner.get(f"{PAGE}/{hook.pk}/remove").status_code == 200
    owner.post(f"{PAGE}/{hook.pk}/remove")
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()


def test_one_of_another_enterprise_is_not_there(
    stranger: Client, owner: Client, acme: Enterprise
) -> None:
    other = Enterprise.objects.get(slug="other")
    hook = hook_to(other, URL)
    assert owner.get(f"{PAGE}/{hook.pk}").status_code == 404
    assert owner.post(f"{PAGE}/{hook.pk}/remove").status_code == 404
