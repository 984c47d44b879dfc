"""Who acts, and the record of every change."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, NamedTuple

from django.core.cache import cache
from django.utils import timezone

from enterprise.models import AuditEvent, Enterprise, Membership, User

ONE_READ = 15 * 60  # seconds


class Actor(NamedTuple):
    """Who asks for a change: a signed-in user, an API token, a command or the console itself.

    ``label`` is what the audit log and a run show: a username, a token's name, a command's.
    """

    label: str
    kind: str  # user, token, command, system
    ip_address: str | None = None
    via: str = ""  # which session or token of theirs, see ``session_label``


SYSTEM = Actor("licsync", "system")


def session_label(session_key: str | None) -> str:
    """What tells one session from another, and opens none."""
    return f"session {sha256(session_key.encode()).hexdigest()[:12]}" if session_key else ""


def audit_record(
    *,
    enterprise: Enterprise | None,
    actor: Actor,
    action: str,
    target: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEvent:
    """Add one event. ``before`` and ``after`` hold the changed settings, never a secret or an e-mail."""
    return AuditEvent.objects.create(
        enterprise=enterprise,
        at=timezone.now(),
        actor=actor.label,
        actor_kind=actor.kind,
        via=actor.via,
        ip_address=actor.ip_address,
        action=action,
        target=target,
        before=before or {},
        after=after or {},
    )


def audit_read(*, enterprise: Enterprise, actor: Actor, target: str, after: dict[str, Any]) -> None:
    """Record that personal data leaves piece by piece: one event for all pieces of 15 minutes.

    Whichever piece comes first is noted, as a client may ask for any. In doubt (two at once, a cache
    that was emptied) there is an event more, and none less.
    """
    said = f"{enterprise.pk}\n{actor}\n{target}\n{after}"
    key = f"audit-read:{sha256(said.encode()).hexdigest()}"
    if cache.get(key) is None:
        audit_record(
            enterprise=enterprise,
            actor=actor,
            action="report.download",
            target=target,
            after=after,
        )
        cache.set(key, True, ONE_READ)


def audit_record_of_person(
    *,
    user: User,
    actor: Actor,
    action: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Add an event to the log of each enterprise in which a person has a role."""
    for membership in Membership.objects.filter(user=user).select_related("enterprise"):
        audit_record(
            enterprise=membership.enterprise,
            actor=actor,
            action=action,
            target=user.username,
            before=before,
            after=after,
        )
