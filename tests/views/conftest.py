"""The fixed cast of every test of a page: owner, billing manager, auditor, stranger, signed out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from enterprise.models import Enterprise, Role, ServerInstance, User
from tests.factories import (
    CloudStateFactory,
    EnterpriseFactory,
    MembershipFactory,
    ServerInstanceFactory,
    UserFactory,
    ago,
)

HTMX = {"HX-Request": "true"}


@pytest.fixture
def acme(db: None) -> Enterprise:
    enterprise = EnterpriseFactory(slug="acme", name="Acme")
    CloudStateFactory(enterprise=enterprise)
    return enterprise


@pytest.fixture
def instance(acme: Enterprise) -> ServerInstance:
    """Registered with a token, and nothing enabled."""
    return ServerInstanceFactory(enterprise=acme, host_name="ghes1.example.com", with_token=True)


@pytest.fixture
def read_instance(instance: ServerInstance) -> ServerInstance:
    """The same, its accounts read before."""
    instance.applied_as_of = ago(hours=1)
    instance.save()
    return instance


def _client(enterprise: Enterprise, username: str, role: Role | None) -> Client:
    user: User = UserFactory(username=username)
    if role is not None:
        MembershipFactory(enterprise=enterprise, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(acme: Enterprise) -> Client:
    return _client(acme, "mona", Role.OWNER)


@pytest.fixture
def billing_manager(acme: Enterprise) -> Client:
    return _client(acme, "bill", Role.BILLING_MANAGER)


@pytest.fixture
def auditor(acme: Enterprise) -> Client:
    return _client(acme, "audrey", Role.AUDITOR)


@pytest.fixture
def stranger(acme: Enterprise) -> Client:
    """Signed in, an owner elsewhere, and without a role here."""
    client = _client(acme, "hubot", None)
    MembershipFactory(
        enterprise=EnterpriseFactory(slug="other"), user=User.objects.get(username="hubot")
    )
    return client


@pytest.fixture
def signed_out(acme: Enterprise) -> Client:
    return Client()


@pytest.fixture
def cast(request: pytest.FixtureRequest) -> Callable[[str], Client]:
    """A client by who uses it."""
    return request.getfixturevalue
