"""GitHub tokens at rest: encrypted, bound to the origin they were saved for.

Keys come from the environment (LICSYNC_CREDENTIAL_KEYS); the first encrypts, all decrypt, so they
rotate apart from Django's secret key.
"""

from __future__ import annotations

import json
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils import timezone

from enterprise.faults import Fault
from enterprise.models import Credential, Enterprise, ServerInstance

_PORTS = {"http": 80, "https": 443}


class OpenedCredential(NamedTuple):
    username: str
    token: str


def origin_of(url: str) -> str:
    """Scheme, host and port of ``url``, always with the port: ``https://ghes.example.com:443``."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS.get(parts.scheme, 0)}"


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.LICSYNC_CREDENTIAL_KEYS])


def credential_save(
    *,
    enterprise: Enterprise,
    instance: ServerInstance | None,
    url: str,
    token: str,
    username: str = "",
) -> bool:
    """Keep a token for the origin of ``url``, replacing an earlier one. False if nothing changed."""
    origin = origin_of(url)
    stored = Credential.objects.filter(enterprise=enterprise, instance=instance).first()
    if stored is not None and stored.origin == origin and stored.username == username:
        try:
            if _open(stored).token == token:
                return False
        except Fault:
            pass  # unreadable with today's keys: replaced below, which is the way to mend it
    plain = json.dumps({"origin": origin, "username": username, "token": token})
    Credential.objects.update_or_create(
        enterprise=enterprise,
        instance=instance,
        defaults={
            "username": username,
            "origin": origin,
            "ciphertext": _keys().encrypt(plain.encode()).decode(),
            "saved_at": timezone.now(),
        },
    )
    return True


def credential_delete(*, enterprise: Enterprise, instance: ServerInstance | None) -> bool:
    """Erase the stored token. False if there was none."""
    deleted, _ = Credential.objects.filter(enterprise=enterprise, instance=instance).delete()
    return bool(deleted)


def credential_open(
    *, enterprise: Enterprise, instance: ServerInstance | None, url: str
) -> OpenedCredential:
    """The token to use at ``url``.

    Raises Fault ``credential_missing`` if none is stored, ``credential_unreadable`` if the keys do
    not open it, ``credential_elsewhere`` if it was saved for another scheme, host or port.
    """
    stored = Credential.objects.filter(enterprise=enterprise, instance=instance).first()
    if stored is None:
        raise Fault("credential_missing")
    origin = origin_of(url)
    opened = _open(stored)
    if stored.origin != origin:
        raise Fault("credential_elsewhere", origin=stored.origin)
    return opened


def credential_is_readable(stored: Credential) -> bool:
    """Whether today's keys open it."""
    try:
        _open(stored)
    except Fault:
        return False
    return True


def _open(stored: Credential) -> OpenedCredential:
    try:
        plain = json.loads(_keys().decrypt(stored.ciphertext.encode()))
    except (InvalidToken, ValueError):
        raise Fault("credential_unreadable") from None
    if plain["origin"] != stored.origin:
        raise Fault("credential_unreadable")
    return OpenedCredential(plain["username"], plain["token"])
