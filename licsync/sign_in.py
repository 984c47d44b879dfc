"""How persons sign in, with what second factor, and how recently they did.

Accounts come from provisioning, from an owner or from single sign-on, never from a form.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
    record_authentication,
)
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import ValidationError
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

log = structlog.stdlib.get_logger(__name__)

_NO_ADDRESS = "::"  # of a request that came by a socket of this machine


class SignInAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped to mypy
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """Say only what went wrong: of the rest the page that follows says enough."""
        if level >= messages.ERROR:
            super().add_message(request, level, *args, **kwargs)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that rate limits count by: ``licsync.proxies`` says whose headers are believed."""
        return request.META.get("REMOTE_ADDR") or _NO_ADDRESS

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Guesses count by the login alone: allauth adds the host, whose port a guesser chooses."""
        login: str = credentials.get("email") or credentials.get("username") or ""
        return login.lower()

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """One rule for allauth's own pages and ours.

        Raised here: where it is only told, allauth asks nobody who has no password.
        """
        if not signed_in_recently(context.request):
            raise ReauthenticationRequired
        return False


class UnreadableError(ValidationError):
    """The key of an authenticator app's seed, or of recovery codes, is lost."""

    silent_variable_failure = True  # where a template asks


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """Seeds of authenticator apps and recovery codes are encrypted as GitHub's tokens are."""

    error_messages: ClassVar = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("Incorrect code or unknown key."),
    }

    def encrypt(self, text: str) -> str:
        return _keys().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Where the key is lost, no code is right, and a page shows none."""
        try:
            return _keys().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            log.warning("second_factor_unreadable")
            raise UnreadableError(
                self.error_messages["incorrect_code"], code="incorrect_code"
            ) from None


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.LICSYNC_CREDENTIAL_KEYS])


def signed_in_recently(request: HttpRequest) -> bool:
    """Whether this session's person has proved who they are within the last quarter of an hour."""
    records = get_authentication_records(request, request.user)
    return bool(records) and proved_recently(records[-1]["at"])


def proved_recently(at: float) -> bool:
    """Whether a proof made ``at`` that time, in seconds since 1970, still counts."""
    return time.time() - at < settings.SUDO_SECONDS


def note_proof(request: HttpRequest, user: Any, *, at: float) -> None:
    """Note a proof that was made elsewhere, at an identity provider, maybe long ago."""
    record_authentication(request, user, "socialaccount", reauthenticated=True)
    records = request.session[AUTHENTICATION_METHODS_SESSION_KEY]
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [*records[:-1], records[-1] | {"at": at}]


@receiver(user_logged_in)
def note_sign_in(request: HttpRequest, user: Any, **_: Any) -> None:
    """Note the time of a sign-in that is not allauth's own: by a one-time link, or by a test."""
    if not get_authentication_records(request, user):
        record_authentication(request, user, "link")
