"""allauth's addresses for SAML, where its library needs more care.

Hostile XML is refused as any other forged answer is, and so is one that this browser did not ask for, or
asked for too long ago. Single logout is not offered: a message of somebody else's would end sessions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import structlog
from allauth.socialaccount.providers.saml import views
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from allauth.socialaccount.providers.saml.utils import build_auth, get_app_or_404
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml
from onelogin.saml2.xmlparser import DTDForbidden, EntitiesForbidden

P = ParamSpec("P")
SamlView = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

log = structlog.stdlib.get_logger(__name__)

_INSTANT = "/samlp:Response/saml:Assertion/saml:AuthnStatement/@AuthnInstant"
_COOKIE = "saml-acs-session"


def with_host(view: SamlView[P]) -> SamlView[P]:
    """The library wants ``Host``, which HTTP/1.0 may leave out: then the server's name is meant."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        request.META.setdefault("HTTP_HOST", request.get_host())
        return view(request, *args, **kwargs)

    return wrapped


class _NotAskedForError(Exception):
    """This browser has no request that the answer is to: used up, too old, or another browser's."""


class TimedProvider(SAMLProvider):  # type: ignore[misc]  # allauth is untyped to mypy
    """Tells when the person proved there who they are, beside the attributes."""

    def unstash_redirect_state(self, request: HttpRequest, state_id: str) -> Any:
        try:
            return super().unstash_redirect_state(request, state_id)
        except PermissionDenied as error:  # or the page would speak of a role in an enterprise
            raise _NotAskedForError from error

    def extract_extra_data(self, data: Any) -> dict[str, Any]:
        answer = etree.fromstring(data.get_last_response_xml().encode())
        instants = answer.xpath(_INSTANT, namespaces={"samlp": Saml.NS_SAMLP, "saml": Saml.NS_SAML})
        return {"attributes": data.get_attributes(), "authn_instant": "".join(instants[:1])}


class _FinishACSView(views.FinishACSView):  # type: ignore[misc]
    def get_provider(self, organization_slug: str) -> TimedProvider:
        return TimedProvider(self.request, app=self.get_app(organization_slug))


_finish = _FinishACSView.as_view()
metadata = with_host(views.metadata)


@with_host
def acs(request: HttpRequest, organization_slug: str) -> HttpResponseBase:
    """Keeps the answer for a moment; the cookie that leads to it is no script's business."""
    get_app_or_404(request, organization_slug)
    response: HttpResponseBase = views.acs(request, organization_slug=organization_slug)
    if _COOKIE in response.cookies:
        response.cookies[_COOKIE]["httponly"] = True
    return response


acs.csrf_exempt = True  # type: ignore[attr-defined]  # the signature is the proof


@with_host
def finish_acs(request: HttpRequest, organization_slug: str) -> HttpResponseBase:
    """The parser refuses entities, document types and what is no XML; nobody is signed in then."""
    try:
        response: HttpResponse = _finish(request, organization_slug=organization_slug)
    except (etree.LxmlError, DTDForbidden, EntitiesForbidden, _NotAskedForError) as error:
        log.warning("SAML answer refused", error=type(error).__name__)
        return render(request, "socialaccount/authentication_error.html", status=403)
    return response


def no_logout(request: HttpRequest, organization_slug: str) -> HttpResponseBase:
    raise Http404


def login_address(request: HttpRequest, slug: str, *, anew: bool, **state: Any) -> str:
    """Where signing in at the provider begins, ``anew`` by a proof made now (``ForceAuthn``).

    ``state`` comes back with the answer.
    """
    request.META.setdefault("HTTP_HOST", request.get_host())
    provider = get_app_or_404(request, slug).get_provider(request)
    auth = build_auth(request, provider)
    address: str = auth.login(return_to="", force_authn=anew)
    provider.stash_redirect_state(request, state_id=auth.get_last_request_id(), **state)
    return address
