"""Who acts in these tests."""

from __future__ import annotations

from typing import Any

import pytest

from enterprise.faults import Refused
from enterprise.models import AuditEvent, Enterprise
from enterprise.services.audit import Actor
from tests.factories import EnterpriseFactory

MONA = Actor("mona", "user", "192.0.2.1")


@pytest.fixture
def enterprise(db: None) -> Enterprise:
    return EnterpriseFactory(slug="acme")


def refusal(call: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    """The code and the field with which a call is refused."""
    with pytest.raises(Refused) as caught:
        call(*args, **kwargs)
    return caught.value.code, caught.value.field


def actions() -> list[str]:
    """The actions in the audit log, oldest first."""
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
