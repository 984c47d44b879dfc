"""Secrets at rest: encrypted by keys of the environment (LICSYNC_CREDENTIAL_KEYS).

The first key encrypts, all decrypt, so they rotate apart from Django's secret key.
"""

from __future__ import annotations

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnreadableError(Exception):
    """Today's keys do not open it."""


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.LICSYNC_CREDENTIAL_KEYS])


def seal(plain: dict[str, Any]) -> str:
    return _keys().encrypt(json.dumps(plain).encode()).decode()


def unseal(ciphertext: str) -> dict[str, Any]:
    """Raises UnreadableError."""
    try:
        plain = json.loads(_keys().decrypt(ciphertext.encode()))
    except (InvalidToken, ValueError):
        raise UnreadableError from None
    if not isinstance(plain, dict):
        raise UnreadableError
    return plain
