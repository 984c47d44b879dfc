"""Who asks ``/api/v1``: a bearer token with one of an operation's scopes, for its own enterprise."""

from __future__ import annotations

from django.http import HttpRequest
from ninja.security import HttpBearer

from enterprise.api.limits import counter
from enterprise.api.v1_problems import Problem, not_found
from enterprise.models import ApiToken, Enterprise
from enterprise.services.audit import Actor
from enterprise.services.tokens import token_actor, token_check

ADMIN = str(ApiToken.Scope.ADMIN_ENTERPRISE)
READ = str(ApiToken.Scope.READ_ENTERPRISE)
WRITE_USAGE = str(ApiToken.Scope.WRITE_SERVER_USAGE)


class Token(HttpBearer):
    """The security scheme; an operation names the scopes of which its token needs one."""

    def __init__(self, *scopes: str) -> None:
        super().__init__()
        self.scopes = scopes

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken:
        """Raises Problem 401, 403 for a token without the scope, 429 above the rate limit."""
        found = token_check(token)
        if found is None:
            raise unauthorized()
        rate = counter.rate(found.pk, spend=1)
        if not rate.remaining:
            raise Problem(429, "rate_limited", "This token's rate limit of the hour is used up.")
        if not {*self.scopes} & {*found.scopes}:
            needed = " or ".join(self.scopes)
            raise Problem(403, "missing_scope", f"The token needs the scope {needed}.")
        return found


def unauthorized() -> Problem:
    return Problem(
        401,
        "bad_credentials",
        "Send a live token as Authorization: Bearer TOKEN.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def token_of(request: HttpRequest) -> ApiToken:
    """The token that the operation was admitted by."""
    token = getattr(request, "auth", None)
    assert isinstance(token, ApiToken)  # noqa: S101 - the operation has no other authentication
    return token


def enterprise_of(request: HttpRequest, slug: str) -> Enterprise:
    """The token's enterprise, if ``slug`` is it. Raises Problem 404."""
    enterprise = token_of(request).enterprise
    if enterprise.slug.lower() != slug.lower():
        raise not_found()
    return enterprise


def actor_of(request: HttpRequest) -> Actor:
    return token_actor(token_of(request), request.META.get("REMOTE_ADDR"))
