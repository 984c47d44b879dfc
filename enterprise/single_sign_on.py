"""Signing in by an identity provider: who comes in, as whom, and with which roles.

``LICSYNC_SSO`` names the providers, the group rules of each enterprise say who has which role there
(``services.single_sign_on``). Somebody without a role by a rule gets no account.
"""

from __future__ import annotations

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from enterprise.models import User
from enterprise.services.audit import Actor
from enterprise.services.members import USERNAME_LENGTH
from enterprise.services.single_sign_on import roles_of_groups, sign_in_roles_apply
from licsync.sign_in import SignInAdapter
from licsync.single_sign_on import IdentityProvider

SESSION_SECONDS = 12 * 60 * 60  # a day's work: then the provider is asked again


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
        if "sociallogin" in (hook.get("signal_kwargs") or {}):
            request.session.set_expiry(SESSION_SECONDS)
            return None
        if user.memberships.exclude(given_by="").exists():
            return redirect(f"{reverse('account_login')}?single-sign-on=needed")
        return None

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Beside allauth's: the provider, for whoever signs in by one."""
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        for account in user.socialaccount_set.all() if user.is_authenticated else ():
            provider = settings.LICSYNC_IDENTITY_PROVIDERS.get(account.provider)
            if provider is not None:
                address = login_address(provider, anew=True)
                ways.append({"id": provider.id, "description": provider.name, "url": address})
        return ways


def login_address(provider: IdentityProvider, *, anew: bool = False) -> str:
    """Where signing in at a provider begins; ``anew`` asks an OpenID provider not to skip it."""
    name = "saml_login" if provider.protocol == "saml" else "openid_connect_login"
    address = reverse(name, args=[provider.id])
    return (
        f"{address}?auth_params=prompt%3Dlogin"
        if anew and provider.protocol == "openid_connect"
        else address
    )


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth is untyped to mypy
    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Read the groups, and keep nothing else of what the provider told."""
        account = sociallogin.account
        told = account.extra_data
        if not _of_one_person(told):
            raise ImmediateHttpResponse(
                render(request, "socialaccount/authentication_error.html", status=403)
            )
        sociallogin.groups = groups_told(told, provider_of(account).groups)
        account.extra_data = {}
        sociallogin.email_addresses = []
        if sociallogin.is_existing:
            account.save(update_fields=["extra_data"])
            self._apply(request, sociallogin)

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


def groups_told(told: dict[str, Any], name: str) -> list[str]:
    """The groups in claims (of the user info, else the ID token) or attributes; one may be a text."""
    for place in (told.get("userinfo"), told.get("id_token"), told):
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
