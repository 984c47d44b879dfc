"""What persons change of how they themselves sign in, for the audit log of each of their enterprises.

django-allauth makes these changes, and tells of them. Kept is the kind of thing, and no secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from allauth.account.signals import password_changed, password_set
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.dispatch import receiver
from django.http import HttpRequest

from enterprise.access import actor_of
from enterprise.models import User
from enterprise.services.audit import audit_record_of_person


@receiver([password_changed, password_set])
def note_password(request: HttpRequest, user: User, **_: Any) -> None:
    audit_record_of_person(user=user, actor=actor_of(request), action="user.password_set")


@receiver(authenticator_added)
def note_factor_added(
    request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    audit_record_of_person(
        user=user,
        actor=actor_of(request),
        action="user.factor_add",
        after={"kind": authenticator.type},
    )


@receiver(authenticator_reset)
def note_factor_renewed(
    request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    audit_record_of_person(
        user=user,
        actor=actor_of(request),
        action="user.factor_renew",
        after={"kind": authenticator.type},
    )


@receiver(authenticator_removed)
def note_factor_removed(
    request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    audit_record_of_person(
        user=user,
        actor=actor_of(request),
        action="user.factor_remove",
        before={"kind": authenticator.type},
    )


class Sessions(DefaultUserSessionsAdapter):  # type: ignore[misc]  # allauth is untyped to mypy
    def end_sessions(self, sessions: Sequence[UserSession]) -> None:
        """End sessions of the person who asks for it."""
        super().end_sessions(sessions)
        request = context.request
        if sessions:
            audit_record_of_person(
                user=request.user,
                actor=actor_of(request),
                action="user.sessions_end",
                before={"sessions": len(sessions)},
            )
