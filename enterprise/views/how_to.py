"""How-to pages, readable without signing in."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enterprise import wording
from enterprise.github_pages import CLOUD_SCOPE, GITHUB, new_token
from enterprise.models import User

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
        "public_url": settings.LICSYNC_PUBLIC_URL,
        "slug": _own_slug(request.user),
    }
    return render(request, f"enterprise/help/{page.replace('-', '_')}.html", context)


def _own_slug(user: User | AnonymousUser) -> str:
    """The slug of the reader's enterprise, for a command to copy; a word in its place otherwise."""
    if not isinstance(user, User):
        return "ENTERPRISE"
    slugs = list(user.memberships.values_list("enterprise__slug", flat=True)[:2])
    return slugs[0] if len(slugs) == 1 else "ENTERPRISE"
