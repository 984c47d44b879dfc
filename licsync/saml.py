"""allauth's address for SAML answers, at which hostile XML is refused as any other forged answer is."""

from __future__ import annotations

import structlog
from allauth.socialaccount.providers.saml import views
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from lxml.etree import LxmlError
from onelogin.saml2.xmlparser import DTDForbidden, EntitiesForbidden

log = structlog.stdlib.get_logger(__name__)


def finish_acs(request: HttpRequest, organization_slug: str) -> HttpResponseBase:
    """The parser refuses entities, document types and what is no XML; nobody is signed in then."""
    try:
        response: HttpResponse = views.finish_acs(request, organization_slug=organization_slug)
    except (LxmlError, DTDForbidden, EntitiesForbidden) as error:
        log.warning("SAML answer refused", error=type(error).__name__)
        return render(request, "socialaccount/authentication_error.html", status=403)
    return response
