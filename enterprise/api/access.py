"""Who asks: a token in ``Authorization``, and nothing else; a session's cookie counts for nothing."""

from __future__ import annotations

import base64
import binascii

from django.http import HttpRequest

from enterprise.api.answers import DOCS, ApiError, not_found
from enterprise.models import ApiToken
from enterprise.services.tokens import token_check

_OAUTH_BASIC = ("", "x-oauth-basic")  # passwords that say: the token is the username


def authenticate(request: HttpRequest) -> ApiToken:
    """The live token of a request. Raises ApiError 401, exactly as GitHub words it."""
    if "Authorization" not in request.headers:
        raise ApiError(401, "Requires authentication")
    token = token_check(token_in(request))
    if token is None:
        raise ApiError(401, "Bad credentials")
    return token


def require(token: ApiToken, *, enterprise: str, scopes: tuple[str, ...], docs: str = DOCS) -> None:
    """Raise ApiError 404 unless the token is of this enterprise and has one of the scopes.

    As on GitHub, what a token may not see does not exist; ``X-Accepted-OAuth-Scopes`` tells why.
    """
    if token.enterprise.slug.lower() != enterprise.lower() or not {*scopes} & {*token.scopes}:
        raise not_found(docs)


def token_in(request: HttpRequest) -> str:
    """The token of ``Bearer X``, ``token X``, or of Basic, where SDKs send it as the password.

    ``""`` where there is none.
    """
    scheme, _, rest = request.headers.get("Authorization", "").strip().partition(" ")
    rest = rest.strip()
    match scheme.lower():
        case "bearer" | "token":
            return rest
        case "basic":
            try:
                username, _, password = (
                    base64.b64decode(rest, validate=True).decode().partition(":")
                )
            except (binascii.Error, UnicodeDecodeError):
                return ""
            return username if password in _OAUTH_BASIC else password
        case _:
            return ""
