"""GitHub tokens at rest: encrypted, bound to their origin, readable through a change of keys."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from enterprise.faults import Fault
from enterprise.models import Credential, Enterprise
from enterprise.services.credentials import (
    credential_delete,
    credential_open,
    credential_save,
    origin_of,
)
from tests.factories import ServerInstanceFactory

URL = "https://ghes1.example.com"


def save(enterprise: Enterprise, token: str = "ghp_secret", **changes: str) -> bool:
    values = {"url": URL, "username": "licsync", "token": token, **changes}
    return credential_save(enterprise=enterprise, instance=None, **values)  # type: ignore[arg-type]


def opened(enterprise: Enterprise, url: str = URL) -> str:
    return credential_open(enterprise=enterprise, instance=None, url=url).token


def fault(enterprise: Enterprise, url: str = URL) -> str:
    with pytest.raises(Fault) as caught:
        opened(enterprise, url)
    assert "ghp_secret" not in f"{caught.value} {caught.value.params}"
    return caught.value.code


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://ghes1.example.com", "https://ghes1.example.com:443"),
        ("https://ghes1.example.com:443", "https://ghes1.example.com:443"),
        ("http://ghes1.example.com", "http://ghes1.example.com:80"),
        ("https://ghes1.example.com:8443", "https://ghes1.example.com:8443"),
    ],
)
def test_an_origin_always_has_its_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_a_token_is_stored_encrypted_and_opens_for_its_origin(enterprise: Enterprise) -> None:
    assert save(enterprise) is True
    stored = Credential.objects.get()
    assert "ghp_secret" not in str(vars(stored))
    assert credential_open(enterprise=enterprise, instance=None, url=URL) == (
        "licsync",
        "ghp_secret",
    )


def test_saving_the_same_again_changes_nothing(enterprise: Enterprise) -> None:
    save(enterprise)
    assert save(enterprise) is False
    assert save(enterprise, username="robot") is True
    assert save(enterprise, token="ghp_other") is True
    assert Credential.objects.count() == 1


@pytest.mark.parametrize(
    "elsewhere",
    ["http://ghes1.example.com", "https://ghes1.example.com:8443", "https://ghes2.example.com"],
)
def test_a_token_does_not_open_for_another_scheme_host_or_port(
    enterprise: Enterprise, elsewhere: str
) -> None:
    save(enterprise)
    assert fault(enterprise, elsewhere) == "credential_elsewhere"


def test_a_row_moved_to_another_origin_by_hand_does_not_open(enterprise: Enterprise) -> None:
    save(enterprise)
    Credential.objects.update(origin="https://evil.example.com:443")
    assert fault(enterprise, "https://evil.example.com") == "credential_unreadable"


def test_none_stored_is_a_fault_of_its_own(enterprise: Enterprise) -> None:
    assert fault(enterprise) == "credential_missing"


def test_keys_rotate_the_first_encrypts_and_all_decrypt(
    enterprise: Enterprise, settings: Settings
) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    settings.LICSYNC_CREDENTIAL_KEYS = [old]
    save(enterprise)
    settings.LICSYNC_CREDENTIAL_KEYS = [new, old]
    assert opened(enterprise) == "ghp_secret"
    settings.LICSYNC_CREDENTIAL_KEYS = [new]
    assert fault(enterprise) == "credential_unreadable"
    assert save(enterprise) is True, "saving again is the way to mend it"
    assert opened(enterprise) == "ghp_secret"


def test_the_cloud_and_each_instance_have_their_own(enterprise: Enterprise) -> None:
    instance = ServerInstanceFactory(enterprise=enterprise)
    save(enterprise)
    credential_save(enterprise=enterprise, instance=instance, url=URL, token="ghp_instance")
    assert opened(enterprise) == "ghp_secret"
    assert credential_delete(enterprise=enterprise, instance=instance) is True
    assert credential_delete(enterprise=enterprise, instance=instance) is False
    assert opened(enterprise) == "ghp_secret"
