"""The page for an error that no view has caught: Django's own, but that a full disk is named."""

import sys

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from enterprise.services.full_disk import disk_is_full


def server_error(request: HttpRequest) -> HttpResponse:
    """507 if nothing can be stored any more, with what to do; else 500. Called inside of ``except``."""
    if not disk_is_full(sys.exception()):
        return defaults.server_error(request)
    response = defaults.server_error(request, "507.html")
    response.status_code = 507
    return response
