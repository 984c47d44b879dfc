"""An enterprise that was counted, its people, and a mail server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from enterprise.models import AlertRule, Delivery, Enterprise, Event, Role, Snapshot, User
from enterprise.services.alert_checks import alerts_check
from enterprise.services.alerts import alert_add
from enterprise.services.audit import SYSTEM
from tests.alerts.postbox import Postbox, postbox
from tests.factories import (
    CloudStateFactory,
    EnterpriseFactory,
    MembershipFactory,
    SnapshotFactory,
    UserFactory,
    ago,
)


@pytest.fixture
def enterprise(db: None) -> Enterprise:
    enterprise = EnterpriseFactory(slug="acme", name="Acme", time_zone="Europe/Berlin")
    CloudStateFactory(enterprise=enterprise, read=True)
    return enterprise


@pytest.fixture
def mona(enterprise: Enterprise) -> User:
    user: User = UserFactory(username="mona", email="mona@example.com")
    MembershipFactory(enterprise=enterprise, user=user, role=Role.OWNER)
    return user


@pytest.fixture
def snapshot(enterprise: Enterprise) -> Snapshot:
    return SnapshotFactory(
        enterprise=enterprise,
        persons=190,
        github_total=195,
        github_purchased=200,
        taken_at=ago(hours=1),
    )


@pytest.fixture
def post(settings: Settings) -> Iterator[Postbox]:
    with postbox() as made:
        settings.EMAIL_BACKEND = "licsync.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", made.port
        settings.EMAIL_TIMEOUT = 5
        yield made


def rule_of(
    enterprise: Enterprise, kind: str, threshold: int | None = None, **values: Any
) -> AlertRule:
    return alert_add(
        enterprise=enterprise,
        actor=SYSTEM,
        kind=kind,
        **{"threshold": threshold, "roles": ["owner"], **values},
    )


def check(enterprise: Enterprise) -> list[str]:
    """What a check tells: the actions of its events, oldest first."""
    before = set(Event.objects.values_list("pk", flat=True))
    alerts_check(enterprise_id=enterprise.pk)
    new = Event.objects.exclude(pk__in=before).order_by("pk")
    return [event.params["action"] for event in new]


def last_event() -> Event:
    return Event.objects.latest("pk")


def deliveries() -> list[Delivery]:
    return list(Delivery.objects.order_by("pk"))
