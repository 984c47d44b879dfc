"""GitHub tokens at rest: encrypted, bound to the origin they were saved for."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from django.utils import timezone

from enterprise.faults import Fault
from enterprise.models import Credential, Enterprise, ServerInstance
from enterprise.services.sealed import UnreadableError, seal, unseal

_PORTS = {"http": 80, "https": 443}


class OpenedCredential(NamedTuple):
    username: str
    token: str


def origin_of(url: str) -> str:
    """Scheme, host and port of ``url``, always with the port: ``https://ghes.example.com:443``."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS.get(parts.scheme, 0)}"


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
    Credential.objects.update_or_create(
        enterprise=enterprise,
        instance=instance,
        defaults={
            "username": username,
            "origin": origin,
            "ciphertext": seal({"origin": origin, "username": username, "token": token}),
            "saved_at": timezone.now(),
            "expires_at": None,
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
        plain = unseal(stored.ciphertext)
    except UnreadableError:
        raise Fault("credential_unreadable") from None
    if plain.get("origin") != stored.origin:
        raise Fault("credential_unreadable")
    return OpenedCredential(plain["username"], plain["token"])
