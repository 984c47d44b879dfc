"""Webhooks by API."""

from __future__ import annotations

import pytest

from enterprise.models import Delivery, DeliveryState, Enterprise, Webhook
from enterprise.services.webhooks import webhook_open
from tests.api.v1.conftest import V1, problem
from tests.deliveries.conftest import SECRET, count_event, hook_to
from tests.factories import ago

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.com/services/letmein"


def test_one_is_added_changed_and_deleted(admin: V1, enterprise: Enterprise) -> None:
    response = admin.send("POST", "/webhooks", {"name": "Chat", "url": URL, "events": ["run.held"]})
    assert response.status_code == 201
    made = response.json()
    assert made["origin"] == "https://hooks.example.com"
    assert webhook_open(Webhook.objects.get()) == (URL, made["secret"])
    path = f"/webhooks/{made['id']}"
    changed = admin.send("PATCH", path, {"secret": SECRET, "active": False}).json()
    assert (changed["active"], changed["events"], changed["state"]) == (False, ["run.held"], "off")
    assert webhook_open(Webhook.objects.get()) == (URL, SECRET)
    assert "letmein" not in str(admin.read("/webhooks")) + str(admin.read(path))
    assert admin.send("DELETE", path).status_code == 204
    assert admin.read("/webhooks")["items"] == []


def test_a_wrong_address_names_its_field(admin: V1, enterprise: Enterprise) -> None:
    response = admin.send("POST", "/webhooks", {"name": "Chat", "url": "gopher://x"})
    assert problem(response) == (422, "bad_receiver_address")
    assert response.json()["field"] == "url"


def test_deliveries_are_listed_and_sent_again(admin: V1, enterprise: Enterprise) -> None:
    hook = hook_to(enterprise, URL)
    count_event(enterprise)
    (delivery,) = admin.read(f"/webhooks/{hook.pk}/deliveries")["items"]
    path = f"/webhooks/{hook.pk}/deliveries/{delivery['id']}"
    assert problem(admin.send("POST", f"{path}/redeliver")) == (409, "delivery_not_ended")
    Delivery.objects.update(
        state=DeliveryState.FAILED,
        finished_at=ago(hours=1),
        status=404,
        error_code="receiver_refused",
        error_params={"status": 404},
    )
    deliveries = path.rpartition("/")[0]
    assert admin.read(deliveries, state="queued")["items"] == []
    assert len(admin.read(deliveries, state="failed")["items"]) == 1
    detail = admin.read(path)
    assert detail["error"].startswith("The receiver refused the event with status 404.")
    assert admin.send("POST", f"{path}/redeliver").json()["state"] == "queued"


def test_a_test_names_its_delivery_and_a_disabled_one_is_enabled(
    admin: V1, enterprise: Enterprise
) -> None:
    hook = hook_to(enterprise, URL)
    guid = admin.send("POST", f"/webhooks/{hook.pk}/ping").json()["delivery"]
    assert str(Delivery.objects.get().guid) == guid
    Webhook.objects.update(disabled_at=ago(days=1), failures=9, failing_since=ago(days=5))
    assert problem(admin.send("POST", f"/webhooks/{hook.pk}/ping")) == (409, "webhook_off")
    assert admin.read(f"/webhooks/{hook.pk}")["state"] == "disabled"
    assert admin.send("POST", f"/webhooks/{hook.pk}/enable").json()["state"] == "ok"


def test_a_certificate_authority_that_is_not_ascii_is_refused(admin: V1) -> None:
    new = {"name": "Pager", "url": "https://hooks.example.com/", "ca_bundle": "Ü"}
    answer = admin.send("POST", "/webhooks", new)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_ca_bundle")


@pytest.mark.parametrize("active", [0, 1.5])
def test_a_number_is_not_taken_for_true_or_false(admin: V1, active: float) -> None:
    new = {"name": "Pager", "url": "https://hooks.example.com/", "active": active}
    assert admin.send("POST", "/webhooks", new).status_code == 422


def test_true_or_false_is_not_taken_for_a_number(admin: V1) -> None:
    assert admin.send("PUT", "/targets/octo-org", {"seats": True}).status_code == 422
