"""Re-encrypting everything with the first of today's keys, so that the others may go.

What is encrypted is found by its name: each column of ours that is, or ends in, ``ciphertext``. A new
one is therefore rotated without being named here.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    for model, column in encrypted_columns():
        for row in model._default_manager.exclude(**{column: ""}).order_by("pk").iterator():
            found = getattr(row, column)
            try:
                replaced = _renewed(found)
            except InvalidToken:
                unreadable.append(str(row))
                continue
            if replaced is None:
                current += 1
                continue
            same = model._default_manager.filter(pk=row.pk, **{column: found})
            renewed += same.update(**{column: replaced})
    of_factors = _second_factors_renew()
    renewed += of_factors.renewed
    current += of_factors.current
    unreadable += of_factors.unreadable
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


def _second_factors_renew() -> Rotation:
    """The seeds of authenticator apps and recovery codes, which allauth keeps inside a JSON column."""
    renewed = current = 0
    unreadable = []
    for row in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).iterator():
        data = dict(row.data)
        try:
            for key in _SEEDS & data.keys():
                data[key] = _renewed(data[key]) or data[key]
        except InvalidToken:
            unreadable.append(f"{row.get_type_display()} {row.pk}")
            continue
        if data == row.data:
            current += 1
        else:
            renewed += Authenticator.objects.filter(pk=row.pk, data=row.data).update(data=data)
    return Rotation(renewed, current, unreadable, 0, 0)


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
