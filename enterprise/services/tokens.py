"""Tokens of this console's own API: made, checked, revoked."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import structlog
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import ApiToken, Enterprise
from enterprise.services.audit import Actor, audit_record

log = structlog.get_logger(__name__)

PREFIX = "lsc_"
NAME_LENGTH = 100  # as the column
LEAST_LENGTH = 40  # of a value that somebody else made: random enough for a plain SHA-256
_USED_EVERY = dt.timedelta(minutes=1)


def token_digest(value: str) -> str:
    """SHA-256: the values are random, so no key and no slow hash is needed."""
    return sha256(value.encode()).hexdigest()


@transaction.atomic
def token_make(
    *,
    enterprise: Enterprise,
    actor: Actor,
    name: str,
    scopes: list[str],
    expires_at: dt.datetime | None = None,
    value: str = "",
) -> tuple[ApiToken, str]:
    """Make a token, or take ``value`` of 40 characters or more as it is: (token, value to show once).

    Raises Refused ``name_needed``, ``too_long``, ``token_name_taken``, ``bad_scope``,
    ``scope_needed``, ``token_too_short``, ``token_value_taken``.
    """
    name = name.strip()
    if not name:
        raise Refused("name_needed", field="name")
    if len(name) > NAME_LENGTH:
        raise Refused("too_long", field="name", most=NAME_LENGTH)
    scopes = _checked_scopes(scopes)
    if value and len(value) < LEAST_LENGTH:
        raise Refused("token_too_short", field="value", least=LEAST_LENGTH)
    value = value or PREFIX + secrets.token_urlsafe(30)
    digest = token_digest(value)
    if ApiToken.objects.filter(digest=digest).exists():
        raise Refused("token_value_taken", field="value")
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                enterprise=enterprise,
                name=name,
                prefix=value[:8],
                digest=digest,
                scopes=scopes,
                created_by=actor.label,
                expires_at=expires_at,
            )
    except IntegrityError:
        raise Refused("token_name_taken", field="name", name=name) from None
    audit_record(
        enterprise=enterprise,
        actor=actor,
        action="token.make",
        target=name,
        after={"scopes": token.scopes},
    )
    return token, value


@transaction.atomic
def token_scopes_set(*, token: ApiToken, scopes: list[str], actor: Actor) -> bool:
    """Change what a token may do. False if nothing changed. Raises Refused as ``token_make``."""
    scopes = _checked_scopes(scopes)
    before = token.scopes
    if before == scopes:
        return False
    token.scopes = scopes
    token.save(update_fields=["scopes"])
    audit_record(
        enterprise=token.enterprise,
        actor=actor,
        action="token.scopes_set",
        target=token.name,
        before={"scopes": before},
        after={"scopes": scopes},
    )
    return True


def _checked_scopes(scopes: list[str]) -> list[str]:
    for scope in scopes:
        if scope not in ApiToken.Scope.values:
            raise Refused("bad_scope", field="scopes", value=str(scope)[:50])
    if not scopes:
        raise Refused("scope_needed", field="scopes")
    return sorted(set(scopes))


@transaction.atomic
def token_revoke(*, token: ApiToken, actor: Actor) -> bool:
    """Revoke a token at once. False if it was revoked before."""
    revoked = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(
        revoked_at=timezone.now()
    )
    if revoked:
        audit_record(
            enterprise=token.enterprise, actor=actor, action="token.revoke", target=token.name
        )
    return bool(revoked)


def token_actor(token: ApiToken, ip_address: str | None) -> Actor:
    """The token as the audit log names it."""
    return Actor(token.name, "token", ip_address or None, f"token {token.prefix}…")


def token_check(value: str) -> ApiToken | None:
    """The live token with this value, its last use noted at most once a minute; else None.

    The look-up is by digest, so its timing says nothing about the value.
    """
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("enterprise")
        .filter(
            Q(expires_at=None) | Q(expires_at__gt=now), digest=token_digest(value), revoked_at=None
        )
        .first()
    )
    if token is not None and (token.last_used_at is None or now - token.last_used_at > _USED_EVERY):
        _note_use(token, now)
    return token


def _note_use(token: ApiToken, now: dt.datetime) -> None:
    """A reader neither waits for a writer of SQLite nor fails for a full disk: the next request may."""
    try:
        with _without_waiting():
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    except OperationalError:
        log.debug("token use not noted", token=token.pk)


@contextmanager
def _without_waiting() -> Iterator[None]:
    """A lock of SQLite is an error at once; PostgreSQL locks a row for none but its writers."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        patience = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(patience)}")
