"""The page for an error that no view has caught: it names the request, and a full disk.

It is drawn without the request, whose person or session may be what cannot be read.
"""

import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from enterprise.services.full_disk import disk_is_full


def server_error(request: HttpRequest) -> HttpResponse:
    """507 if nothing can be stored any more, with what to do; else 500. Called inside of ``except``."""
    status = 507 if disk_is_full(sys.exception()) else 500
    context = {"request_id": getattr(request, "request_id", "")}
    return HttpResponse(render_to_string(f"{status}.html", context), status=status)
