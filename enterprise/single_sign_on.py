"""Signing in by an identity provider: who comes in, as whom, and with which roles.

``LICSYNC_SSO`` names the providers, the group rules of each enterprise say who has which role there
(``services.single_sign_on``). Somebody without a role by a rule gets no account.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise import wording
from enterprise.access import actor_of
from enterprise.faults import Refused
from enterprise.models import User
from enterprise.services.audit import Actor
from enterprise.services.members import USERNAME_LENGTH
from enterprise.services.single_sign_on import (
    identity_link,
    roles_of_groups,
    sign_in_roles_apply,
)
from licsync.sign_in import SignInAdapter, note_proof, proved_recently
from licsync.single_sign_on import IdentityProvider

SESSION_SECONDS = 12 * 60 * 60  # a day's work: then the provider is asked again
NOTHING_YET = "nothing yet"
# What a provider is asked for besides signing in, by whom: a proof of who they are, an identity to link.
CONFIRM, LINK = "confirm", "link"


def provider_of(account: Any) -> IdentityProvider:
    """The provider that a social account is of; it is gone from the settings if this raises KeyError."""
    found: IdentityProvider = settings.LICSYNC_IDENTITY_PROVIDERS[account.provider]
    return found


class AccountAdapter(SignInAdapter):
    def pre_login(self, request: HttpRequest, user: Any, **hook: Any) -> HttpResponse | None:
        """Whoever has a role by a group signs in where the group is told, and not around it."""
        response: HttpResponse | None = super().pre_login(request, user, **hook)
        if response is not None:
            return response
        sociallogin = (hook.get("signal_kwargs") or {}).get("sociallogin")
        if sociallogin is not None:
            request.session.set_expiry(SESSION_SECONDS)
            note_proof(request, user, at=sociallogin.proved_at)
            return None
        if user.memberships.exclude(given_by="").exists():
            return redirect(f"{reverse('account_login')}?single-sign-on=needed")
        return None

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Beside allauth's: the provider, for whoever signs in by one.

        Whoever came by a link and has none of these yet sets a password first.
        """
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        for account in user.socialaccount_set.all() if user.is_authenticated else ():
            provider = settings.LICSYNC_IDENTITY_PROVIDERS.get(account.provider)
            if provider is not None:
                address = reverse("identity_confirm", args=[provider.id])
                ways.append({"id": provider.id, "description": provider.name, "url": address})
        if not ways and user.is_authenticated:
            address = reverse("account_set_password")
            ways.append({"id": NOTHING_YET, "description": _("Set a password"), "url": address})
        return ways

    def has_nothing_to_confirm_by(self, user: Any) -> bool:
        """Whether somebody came by a link and has set no password yet."""
        return bool(self.get_reauthentication_methods(user)[0]["id"] == NOTHING_YET)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Not for a first password where there is nothing yet to confirm by."""
        match = context.request.resolver_match
        if match.url_name == "account_set_password" and self.has_nothing_to_confirm_by(
            context.request.user
        ):
            return False
        return super().is_reauthentication_required(app=app, **kwargs)


def login_address(provider: IdentityProvider) -> str:
    """Where signing in at a provider begins."""
    name = "saml_login" if provider.protocol == "saml" else "openid_connect_login"
    return reverse(name, args=[provider.id])


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth is untyped to mypy
    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Read the groups and the time, and keep nothing else of what the provider told.

        Nobody is linked or confirmed but by what they asked for here, in this session.
        """
        account = sociallogin.account
        told = account.extra_data
        purpose = sociallogin.state.get("data") or {}
        if not _of_one_person(told) or sociallogin.state.get("process") == AuthProcess.CONNECT:
            raise _refused(request, "answer")
        sociallogin.groups = groups_told(told, provider_of(account).groups)
        sociallogin.proved_at = _proved_at(told, asked=bool(purpose))
        account.extra_data = {}
        sociallogin.email_addresses = []
        if LINK in purpose:
            self._link(request, sociallogin, purpose[LINK])
        if sociallogin.is_existing:
            account.save(update_fields=["extra_data"])
            self._apply(request, sociallogin)
        if CONFIRM in purpose:
            self._confirm(request, sociallogin, purpose[CONFIRM])

    def _confirm(self, request: HttpRequest, sociallogin: Any, user_id: int) -> None:
        """Only the one who asked confirms, and only by a proof made now."""
        if request.user.pk != user_id or sociallogin.user != request.user:
            raise _refused(request, "somebody_else")
        if not proved_recently(sociallogin.proved_at):
            raise _refused(request, "not_anew")
        note_proof(request, request.user, at=sociallogin.proved_at)

    def _link(self, request: HttpRequest, sociallogin: Any, user_id: int) -> None:
        """Let whoever asked for it, having confirmed who they are, sign in by this identity too."""
        user = request.user
        if not isinstance(user, User) or user.pk != user_id:
            raise _refused(request, "somebody_else")
        account, provider = sociallogin.account, provider_of(sociallogin.account)
        try:
            identity_link(
                user=user,
                provider=provider.id,
                named=account.provider,
                uid=account.uid,
                actor=actor_of(request),
            )
        except Refused as refused:
            messages.error(request, wording.fault_sentence(refused))
        else:
            text = _("You can sign in with %(name)s now.")
            messages.success(request, text % {"name": provider.name})
        raise ImmediateHttpResponse(redirect("profile"))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Somebody new comes in by a group that has a role somewhere."""
        provider = provider_of(sociallogin.account)
        return bool(roles_of_groups(provider=provider.id, groups=sociallogin.groups))

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        """A new person under a name of their own: a name that exists here is somebody else's."""
        user = sociallogin.user
        user.username = _free_username(user.username or user.email.partition("@")[0])
        user.set_unusable_password()
        sociallogin.save(request)
        self._apply(request, sociallogin)
        return user

    def _apply(self, request: HttpRequest, sociallogin: Any) -> None:
        provider = provider_of(sociallogin.account)
        address = request.META.get("REMOTE_ADDR") or None
        sign_in_roles_apply(
            user=sociallogin.user,
            provider=provider.id,
            groups=sociallogin.groups,
            actor=Actor(provider.name, "system", address),
        )


def _refused(request: HttpRequest, why: str) -> ImmediateHttpResponse:
    """What an answer is met with that may not be used."""
    template = "socialaccount/authentication_error.html"
    return ImmediateHttpResponse(render(request, template, {"why": why}, status=403))


def _proved_at(told: dict[str, Any], *, asked: bool) -> float:
    """When the person proved at the provider who they are, in seconds since 1970; 0 if it is not known.

    SAML always tells it (``AuthnInstant``), OpenID Connect where it is asked for the proof
    (``auth_time``, Core 2); a provider that then does not tell it is believed to have asked.
    """
    now = time.time()
    token = told.get("id_token")
    value = token.get("auth_time") if isinstance(token, dict) else told.get("authn_instant")
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value).timestamp()
        except ValueError:
            return 0
    if not isinstance(value, int | float):
        return now if asked else 0
    return min(float(value), now)


def groups_told(told: dict[str, Any], name: str) -> list[str]:
    """The groups in claims (of the user info, else the ID token) or attributes; one may be a text."""
    for place in (told.get("userinfo"), told.get("id_token"), told.get("attributes")):
        value = place.get(name) if isinstance(place, dict) else None
        if value is not None:
            values = value if isinstance(value, list) else [value]
            return [str(each) for each in values]
    return []


def _of_one_person(told: dict[str, Any]) -> bool:
    """OpenID Connect Core 5.3.2: the user info is of the ID token's subject, or worth nothing."""
    info, token = told.get("userinfo"), told.get("id_token")
    if not isinstance(info, dict) or not isinstance(token, dict):
        return True
    return bool(info.get("sub") == token.get("sub"))


def _free_username(wanted: str) -> str:
    wanted = wanted[: USERNAME_LENGTH - 6] or "person"
    try:
        UnicodeUsernameValidator()(wanted)
    except ValidationError:
        wanted = "person"
    number, name = 1, wanted
    while User.objects.filter(username__iexact=name).exists():
        number += 1
        name = f"{wanted}-{number}"
    return name
