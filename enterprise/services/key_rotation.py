"""Re-encrypting everything with the first of today's keys, so that the others may go.

What is encrypted is found by its name: each column of ours that is, or ends in, ``ciphertext``. A new
one is therefore rotated without being named here. The seeds of authenticator apps and recovery codes
stand inside a JSON column of allauth's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.db import models, transaction

from enterprise.services.audit import Actor, audit_record
from enterprise.services.audit_seal import audit_sign_anew

_SEEDS = {"secret", "seed"}


class Rotation(NamedTuple):
    """What came of it. ``unreadable`` names the rows that no key opens, which are left as they are."""

    renewed: int
    current: int
    unreadable: list[str]
    signed: int
    foreign: int  # audit batches that no key of today has signed


class _Secret(NamedTuple):
    """One ciphertext. ``replace`` puts another in its place, unless it was saved anew: then it is 0."""

    name: str
    ciphertext: str
    replace: Callable[[str], int]


def encrypted_columns() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_app_config("enterprise").get_models():
        for field in model._meta.concrete_fields:
            if field.name == "ciphertext" or field.name.endswith("_ciphertext"):
                yield model, field.name


def keys_rotate(*, actor: Actor) -> Rotation:
    """Encrypt with the first key whatever an older one has encrypted, row by row.

    It can be broken off and begun again at any time, beside running workers: a row is renewed by one
    conditional UPDATE, and one that was saved meanwhile stays as it was saved.
    """
    renewed = current = 0
    unreadable: list[str] = []
    for secret in _secrets():
        try:
            replaced = _renewed(secret.ciphertext)
        except InvalidToken:
            unreadable.append(secret.name)
            continue
        if replaced is None:
            current += 1
        else:
            renewed += secret.replace(replaced)
    signed, foreign = audit_sign_anew()
    if renewed or signed or unreadable:
        with transaction.atomic():
            audit_record(
                enterprise=None,
                actor=actor,
                action="keys.rotate",
                after={"renewed": renewed, "unreadable": len(unreadable), "signed": signed},
            )
    return Rotation(renewed, current, unreadable, signed, foreign)


def secrets_unreadable(*, but: type[models.Model] | None = None) -> int:
    """How many stored secrets no key of today opens, those of the model ``but`` left out."""
    unreadable = 0
    for secret in _secrets(but=but):
        try:
            _renewed(secret.ciphertext)
        except InvalidToken:
            unreadable += 1
    return unreadable


def _secrets(*, but: type[models.Model] | None = None) -> Iterator[_Secret]:
    for model, column in encrypted_columns():
        if model is but:
            continue
        for row in model._default_manager.exclude(**{column: ""}).order_by("pk").iterator():
            yield _Secret(str(row), getattr(row, column), partial(_replace_column, row, column))
    for row in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).iterator():
        for key in _SEEDS & row.data.keys():
            name = f"{row.get_type_display()} {row.pk}"
            yield _Secret(name, row.data[key], partial(_replace_seed, row, key))


def _replace_column(row: models.Model, column: str, ciphertext: str) -> int:
    same = type(row)._default_manager.filter(pk=row.pk, **{column: getattr(row, column)})
    return same.update(**{column: ciphertext})


def _replace_seed(row: Authenticator, key: str, ciphertext: str) -> int:
    same = Authenticator.objects.filter(pk=row.pk, data=row.data)
    replaced: int = same.update(data={**row.data, key: ciphertext})
    return replaced


def _renewed(ciphertext: str) -> str | None:
    """The same encrypted with the first key, None if it is. Raises InvalidToken."""
    first, *older = [Fernet(key) for key in settings.LICSYNC_CREDENTIAL_KEYS]
    try:
        first.decrypt(ciphertext.encode())
    except InvalidToken:
        if not older:
            raise
        plain = MultiFernet(older).decrypt(ciphertext.encode())
        return first.encrypt(plain).decode()
    return None
