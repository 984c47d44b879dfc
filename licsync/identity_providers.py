"""The way to an identity provider of ``LICSYNC_SSO``, and to one's own proof there.

Of the query only ``next`` is used: allauth's own views would take the scope, more parameters and
another purpose from whoever made the link.
"""

from __future__ import annotations

from typing import Any

import structlog
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from requests import RequestException

from licsync import saml
from licsync.single_sign_on import IdentityProvider

log = structlog.stdlib.get_logger(__name__)

ANEW = {"prompt": "login", "max_age": "0"}  # OpenID Connect Core 3.1.2.1


def provider_or_404(name: str) -> IdentityProvider:
    """The provider with this ``id``."""
    for provider in settings.LICSYNC_IDENTITY_PROVIDERS.values():
        if provider.id == name:
            found: IdentityProvider = provider
            return found
    raise Http404


def openid_connect_login(request: HttpRequest, provider_id: str) -> HttpResponse:
    return _login(request, provider_id, "openid_connect")


def saml_login(request: HttpRequest, organization_slug: str) -> HttpResponse:
    return _login(request, organization_slug, "saml")


def _login(request: HttpRequest, name: str, protocol: str) -> HttpResponse:
    provider = provider_or_404(name)
    if provider.protocol != protocol:
        raise Http404
    return ask(request, provider)


def ask(
    request: HttpRequest, provider: IdentityProvider, *, purpose: dict[str, Any] | None = None
) -> HttpResponse:
    """Send the browser to the provider, to sign in there and come back to ``next``.

    With a ``purpose`` the provider is asked for a proof made now, and the answer, which brings the
    purpose back, signs nobody in: the adapter's ``pre_social_login`` acts on it.
    """
    state = {
        "process": AuthProcess.REDIRECT if purpose else AuthProcess.LOGIN,
        "next_url": get_next_redirect_url(request),
        "data": purpose,
    }
    anew = purpose is not None
    try:
        if provider.protocol == "saml":
            address = saml.login_address(request, provider.id, anew=anew, **state)
        else:
            library = get_adapter().get_provider(request, provider.id)
            answer = library.redirect(request, auth_params=ANEW if anew else {}, **state)
            address = answer["Location"]
    except RequestException as error:
        log.warning("identity provider not reached", error=type(error).__name__)
        return render(request, "socialaccount/authentication_error.html", status=502)
    return _onward(request, provider, address) if anew else HttpResponseRedirect(address)


def _onward(request: HttpRequest, provider: IdentityProvider, address: str) -> HttpResponse:
    """A page that leads on at once: after a form, browsers follow no redirect to another site
    (``form-action 'self'``)."""
    context = {"name": provider.name, "address": address}
    response = render(request, "socialaccount/onward.html", context)
    response["Refresh"] = f"0; url={address}"
    return response
