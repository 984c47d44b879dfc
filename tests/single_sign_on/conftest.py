from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from oidc_provider_mock import run_server_in_thread

from enterprise.models import Enterprise, Role
from enterprise.services.audit import SYSTEM
from enterprise.services.single_sign_on import group_role_set
from tests.factories import EnterpriseFactory, MembershipFactory, UserFactory
from tests.single_sign_on.browsing import Corp, configure
from tests.single_sign_on.saml_provider import SamlProvider, saml_provider


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    cache.clear()


@pytest.fixture
def acme() -> Enterprise:
    """An owner by hand; three groups with a role each."""
    enterprise = EnterpriseFactory(slug="acme")
    MembershipFactory(enterprise=enterprise, user=UserFactory(username="owen"))
    for provider in ("corp", "legacy"):
        for role in Role:
            group_role_set(
                enterprise=enterprise,
                provider=provider,
                group=f"licsync-{role}s",
                role=role,
                actor=SYSTEM,
            )
    return enterprise


@pytest.fixture
def corp(settings: Any) -> Iterator[Corp]:
    with run_server_in_thread() as server:
        base = f"http://localhost:{server.server_port}"
        configure(
            settings,
            {
                "id": "corp",
                "name": "Corp",
                "protocol": "openid_connect",
                "issuer": base,
                "client_id": "licsync",
                "client_secret": "hush",
            },
        )
        yield Corp(base)


@pytest.fixture
def legacy(settings: Any) -> Iterator[SamlProvider]:
    with saml_provider() as provider:
        configure(
            settings,
            {
                "id": "legacy",
                "name": "Legacy",
                "protocol": "saml",
                "entity_id": "urn:example:saml-provider",
                "sso_url": provider.address,
                "certificate": provider.certificate,
            },
        )
        yield provider
