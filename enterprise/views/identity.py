"""A person's ways to sign in: a first password, and identities at providers that they link."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from allauth.account import views as sign_in
from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise import wording
from enterprise.access import actor_of, confirmed
from enterprise.faults import Refused
from enterprise.models import User
from enterprise.services.single_sign_on import identity_unlink
from enterprise.single_sign_on import CONFIRM, LINK
from enterprise.views import shell
from licsync.identity_providers import ask, provider_or_404
from licsync.single_sign_on import IdentityProvider


@login_required
def password_set(request: HttpRequest) -> HttpResponseBase:
    """A first password. Whoever can, confirms who they are; who came by a link has nothing yet."""
    page: Callable[[HttpRequest], HttpResponseBase] = sign_in.password_set
    nothing_yet = get_adapter().has_nothing_to_confirm_by(request.user)
    return (page if nothing_yet else confirmed(page))(request)


def of_provider(
    view: Callable[[HttpRequest, IdentityProvider], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """A view of a provider in ``LICSYNC_SSO``, 404 for any other, for whoever is signed in."""

    @wraps(view)
    def wrapped(request: HttpRequest, provider_id: str) -> HttpResponseBase:
        return login_required(view)(request, provider_or_404(provider_id))

    return wrapped


@of_provider
def confirm(request: HttpRequest, provider: IdentityProvider) -> HttpResponse:
    """Prove at the provider who one is; it leads back to ``next``."""
    return ask(request, provider, purpose={CONFIRM: request.user.pk})


@of_provider
@confirmed
def link(request: HttpRequest, provider: IdentityProvider) -> HttpResponse:
    """Sign in at the provider, to be known here by that identity from then on."""
    if request.method != "POST":
        return redirect("profile")
    return ask(request, provider, purpose={LINK: request.user.pk})


@of_provider
@confirmed
def unlink(request: HttpRequest, provider: IdentityProvider) -> HttpResponse:
    """GET asks, as the dialog on the page does; POST unlinks."""
    user = request.user
    if request.method != "POST":
        return shell.ask(
            request,
            None,
            "enterprise/_unlink_form.html",
            {"provider": provider},
            title=_("Unlink %(name)s?") % {"name": provider.name},
            back=(_("Your settings"), reverse("profile")),
        )
    if isinstance(user, User):
        try:
            identity_unlink(
                user=user,
                provider=provider.id,
                named=provider.app["provider_id"],
                actor=actor_of(request),
            )
        except Refused as refused:
            messages.error(request, wording.fault_sentence(refused))
        else:
            text = _("You can sign in with %(name)s no more.")
            messages.success(request, text % {"name": provider.name})
    return redirect("profile")
