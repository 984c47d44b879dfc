"""How-to pages, readable without signing in."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PAGES: dict[str, str | Promise] = {
    "license-sync": _("Enable license sync"),
    "tokens": _("Make the tokens"),
}


def help_page(request: HttpRequest, page: str) -> HttpResponse:
    if page not in PAGES:
        raise Http404
    template = f"enterprise/help/{page.replace('-', '_')}.html"
    return render(request, template, {"title": PAGES[page], "pages": PAGES, "page": page})
