"""Who acts, and the record of every change."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, NamedTuple

from django.utils import timezone

from enterprise.models import AuditEvent, Enterprise


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
