"""A credential that today's keys do not open fails its own run only."""

from __future__ import annotations

import pytest

from enterprise.models import Credential, Enterprise, RunState
from tests.sync.conftest import sync

pytestmark = pytest.mark.django_db


def test_the_other_instance_and_the_cloud_still_sync(enterprise: Enterprise) -> None:
    lost, other = enterprise.instances.order_by("host_name")
    Credential.objects.filter(instance=lost).update(ciphertext="gAAAAA-not-of-our-keys")
    run = sync(enterprise, lost)
    assert (run.state, run.error_code, run.tries) == (RunState.FAILED, "credential_unreadable", 1)
    assert sync(enterprise, other).state == RunState.SUCCEEDED
    assert sync(enterprise).state == RunState.SUCCEEDED
