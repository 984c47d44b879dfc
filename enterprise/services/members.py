"""People of an enterprise and their one role; sign-in links."""

from __future__ import annotations

import datetime as dt
import secrets
from hashlib import sha256

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, MaxLengthValidator
from django.db import transaction
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import Enterprise, Membership, Role, SignInLink, User
from enterprise.services.audit import Actor, audit_record

LINK_LIFETIME = dt.timedelta(hours=1)
USERNAME_LENGTH = 150  # as the columns of models.User
EMAIL_LENGTH = 254


def user_find_or_add(*, username: str, email: str = "") -> tuple[User, bool]:
    """The person with this username in any case, made without a password if there is none.

    Raises Refused ``bad_username``, ``bad_email``.
    """
    user = User.objects.filter(username__iexact=username).first()
    if user is not None:
        return user, False
    try:
        UnicodeUsernameValidator()(username)
        MaxLengthValidator(USERNAME_LENGTH)(username)
    except ValidationError:
        raise Refused("bad_username", field="username", value=username[:USERNAME_LENGTH]) from None
    return User.objects.create_user(username=username, email=_checked_email(email)), True


@transaction.atomic
def user_email_set(*, enterprise: Enterprise, user: User, email: str, actor: Actor) -> bool:
    """Set a person's e-mail address. False if it is the one they have. Raises Refused ``bad_email``.

    The audit event, which stands in the log of ``enterprise``, does not name it.
    """
    email = User.objects.normalize_email(_checked_email(email))
    if user.email == email:
        return False
    user.email = email
    user.save(update_fields=["email"])
    audit_record(enterprise=enterprise, actor=actor, action="user.email_set", target=user.username)
    return True


@transaction.atomic
def user_password_set(*, enterprise: Enterprise, user: User, password: str, actor: Actor) -> bool:
    """Set a person's password, which ends their sessions. False if it is the one they have."""
    if user.check_password(password):
        return False
    user.set_password(password)
    user.save(update_fields=["password"])
    audit_record(
        enterprise=enterprise, actor=actor, action="user.password_set", target=user.username
    )
    return True


def _checked_email(email: str) -> str:
    email = email.strip()
    if email:
        try:
            EmailValidator()(email)
            MaxLengthValidator(EMAIL_LENGTH)(email)
        except ValidationError:
            raise Refused("bad_email", field="email") from None
    return email


@transaction.atomic
def member_set(
    *, enterprise: Enterprise, user: User, role: str, actor: Actor, given_by: str = ""
) -> bool:
    """Give a person their one role. False if they have it so. The last owner stays an owner.

    ``given_by`` names the identity provider by whose group it comes; the role goes with the group.
    One that is given by hand to who had it so stays with them from then on, which is a change.
    """
    if role not in Role.values:
        raise Refused("bad_role", field="role", value=str(role)[:50])
    _lock(enterprise)
    membership = Membership.objects.filter(enterprise=enterprise, user=user).first()
    before = {"role": membership.role, "given_by": membership.given_by} if membership else {}
    after = {"role": role, "given_by": given_by}
    if before == after:
        return False
    if membership is None:
        Membership.objects.create(enterprise=enterprise, user=user, role=role, given_by=given_by)
    else:
        if membership.role != role:
            _refuse_without_owner(enterprise, membership)
        membership.role, membership.given_by = role, given_by
        membership.save(update_fields=["role", "given_by"])
    audit_record(
        enterprise=enterprise,
        actor=actor,
        action="member.set",
        target=user.username,
        before={name: value for name, value in before.items() if value},
        after={name: value for name, value in after.items() if value},
    )
    return True


@transaction.atomic
def member_remove(*, enterprise: Enterprise, user: User, actor: Actor) -> bool:
    """Take a person's role away. False if they have none. The last owner cannot be removed."""
    _lock(enterprise)
    membership = Membership.objects.filter(enterprise=enterprise, user=user).first()
    if membership is None:
        return False
    _refuse_without_owner(enterprise, membership)
    membership.delete()
    audit_record(
        enterprise=enterprise,
        actor=actor,
        action="member.remove",
        target=user.username,
        before={"role": membership.role},
    )
    return True


@transaction.atomic
def member_link_make(*, enterprise: Enterprise, user: User, actor: Actor) -> str:
    """The token of a new sign-in link for a person of this enterprise who has never signed in.

    Raises Refused ``link_not_needed`` for anybody else, and for who has a role in another enterprise:
    an owner here must not be able to sign in as somebody there. Earlier links end.
    """
    if not may_get_link(enterprise=enterprise, user=user):
        raise Refused("link_not_needed", username=user.username)
    SignInLink.objects.filter(user=user, used_at=None).delete()
    audit_record(enterprise=enterprise, actor=actor, action="member.link", target=user.username)
    return sign_in_link_make(user=user)


def may_get_link(*, enterprise: Enterprise, user: User) -> bool:
    """Whether an owner may make a sign-in link for ``user``; see ``member_link_make``."""
    roles = Membership.objects.filter(user=user)
    return (
        never_signed_in(user)
        and roles.filter(enterprise=enterprise).exists()
        and not roles.exclude(enterprise=enterprise).exists()
    )


def never_signed_in(user: User) -> bool:
    """Whether a person can sign in by a link only, and has not done so yet."""
    return user.is_active and user.last_login is None and not user.has_usable_password()


def _lock(enterprise: Enterprise) -> None:
    """Two owners who remove each other at once must not both succeed."""
    Enterprise.objects.select_for_update().get(pk=enterprise.pk)


def _refuse_without_owner(enterprise: Enterprise, membership: Membership) -> None:
    owners = Membership.objects.filter(enterprise=enterprise, role=Role.OWNER)
    if membership.role == Role.OWNER and not owners.exclude(pk=membership.pk).exists():
        raise Refused("last_owner", username=membership.user.username)


def sign_in_link_make(*, user: User) -> str:
    """The token of a new link that signs ``user`` in once, within the hour."""
    token = secrets.token_urlsafe(32)
    SignInLink.objects.create(
        user=user, digest=_digest(token), expires_at=timezone.now() + LINK_LIFETIME
    )
    return token


def sign_in_link_use(*, token: str) -> User | None:
    """The person of an unused, unexpired link, which is used up by this; None for any other."""
    now = timezone.now()
    link = SignInLink.objects.select_related("user").filter(digest=_digest(token)).first()
    if link is None or not link.user.is_active:
        return None
    used = SignInLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now).update(
        used_at=now
    )
    return link.user if used else None


def sign_in_link_is_open(*, token: str) -> bool:
    """Whether a link could still be used, without using it."""
    return SignInLink.objects.filter(
        digest=_digest(token), used_at=None, expires_at__gt=timezone.now()
    ).exists()


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
