"""An enterprise with a receiver on loopback that is told of everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import QuerySet

from enterprise.models import Delivery, Enterprise, EventKind, Webhook
from enterprise.models.delivery import SUBSCRIBABLE
from enterprise.services import deliveries, delivery_sweep, events, webhooks
from enterprise.services.audit import SYSTEM
from enterprise.services.deliveries import delivery_send
from enterprise.services.events import delivery_publish_next, event_record
from enterprise.services.webhooks import webhook_add
from tests.deliveries.receiver import Receiver, receiver
from tests.factories import EnterpriseFactory

SECRET = "a secret of the receiver"
PARAMS = {
    "snapshot": 7,
    "now": {"persons": 12, "github_total": 11, "github_purchased": 20},
    "before": {"persons": 10, "github_total": 11, "github_purchased": 20},
    "before_snapshot": 6,
}


@pytest.fixture
def enterprise(db: None) -> Enterprise:
    return EnterpriseFactory(slug="acme", name="Acme & Co")


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the deliveries for which the delivering itself woke a worker."""
    ids: list[int] = []
    for module in (deliveries, delivery_sweep):
        monkeypatch.setattr(module, "delivery_publish", lambda pk, **_: ids.append(pk))

    def publish_next(waiting: QuerySet[Delivery]) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(events, "delivery_publish", lambda pk, **_: ids.append(pk))
            delivery_publish_next(waiting)

    for module in (deliveries, webhooks):
        monkeypatch.setattr(module, "delivery_publish_next", publish_next)
    return ids


def hook_to(enterprise: Enterprise, url: str, **values: Any) -> Webhook:
    settings = {"name": "Chat", "events": list(SUBSCRIBABLE), "secret": SECRET, **values}
    webhook, _secret = webhook_add(enterprise=enterprise, actor=SYSTEM, url=url, **settings)
    return webhook


def count_event(enterprise: Enterprise, **options: Any) -> None:
    event_record(
        enterprise_id=enterprise.pk, kind=EventKind.COUNT_CHANGED, params=PARAMS, **options
    )


def send(delivery: Delivery) -> Delivery:
    """Make one attempt, and give the delivery as it is then."""
    delivery_send(delivery_id=delivery.pk)
    delivery.refresh_from_db()
    return delivery
