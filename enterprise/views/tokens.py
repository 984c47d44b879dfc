"""Tokens of this console's own API: who has which, making one, revoking one."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from enterprise.access import Access, Permission, confirmed, enterprise_view
from enterprise.faults import Refused
from enterprise.forms import refuse
from enterprise.selectors.members import token_get, tokens_page
from enterprise.services.tokens import token_make, token_revoke
from enterprise.settings_forms import SCOPE_MEANINGS, TokenForm
from enterprise.views import shell

_page = partial(shell.page, tab="settings", side="tokens")


@enterprise_view(Permission.SEE_SETTINGS)
def tokens(request: HttpRequest, access: Access) -> HttpResponse:
    before = shell.whole_number(request.GET.get("before"))
    found, last = tokens_page(access.enterprise, before=before, masked=access.masked)
    context = {
        "lines": found,
        "now": timezone.now(),
        "first_url": "?" if before is not None else None,
        "next_url": f"?before={last}" if last is not None else None,
    }
    return _page(request, access, "enterprise/tokens/tokens.html", context)


@enterprise_view(Permission.CHANGE)
@confirmed
def token_new(request: HttpRequest, access: Access) -> HttpResponse:
    """Make a token. Its value stands in the answer and nowhere else: only a digest is kept."""
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            token, value = token_make(
                enterprise=access.enterprise,
                actor=access.actor,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at,
            )
        except Refused as refused:
            refuse(form, refused)
        else:
            context = {"token": token, "value": value}
            response = _page(request, access, "enterprise/tokens/made.html", context)
            response["Cache-Control"] = "no-store"
            return response
    meanings = [SCOPE_MEANINGS[choice.data["value"]] for choice in form["scopes"]]
    context = {"form": form, "scopes": list(zip(form["scopes"], meanings, strict=True))}
    status = shell.REFUSED if form.errors else 200
    return _page(request, access, "enterprise/tokens/new.html", context, status=status)


@enterprise_view(Permission.CHANGE)
def token_revoke_view(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """GET asks, as the dialog on the page does; POST revokes."""
    token = shell.found_or_404(token_get(access.enterprise, pk))
    if request.method != "POST":
        return shell.ask(
            request,
            access,
            "enterprise/tokens/_revoke_form.html",
            {"token": token},
            title=_("Revoke %(name)s?") % {"name": token.name},
            back=(_("API tokens"), reverse("tokens", args=[access.enterprise.slug])),
            tab="settings",
            side="tokens",
        )
    token_revoke(token=token, actor=access.actor)
    messages.success(request, _("%(name)s is revoked.") % {"name": token.name})
    return redirect("tokens", access.enterprise.slug)
