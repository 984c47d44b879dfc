"""How-to pages, readable without signing in."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enterprise import wording
from enterprise.github_pages import CLOUD_SCOPE, GITHUB, new_token

PAGES: dict[str, str | Promise] = {
    "license-sync": _("Enable license sync"),
    "tokens": _("Make the tokens"),
    "upload": _("Upload by hand"),
    "difference": _("Why the numbers differ"),
    "domains": _("Verify a domain"),
}


def help_page(request: HttpRequest, page: str) -> HttpResponse:
    if page not in PAGES:
        raise Http404
    context = {
        "title": PAGES[page],
        "pages": PAGES,
        "page": page,
        "token_page": new_token(GITHUB, CLOUD_SCOPE),
        "causes": list(wording.CAUSES.values()),
    }
    return render(request, f"enterprise/help/{page.replace('-', '_')}.html", context)
