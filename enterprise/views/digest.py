"""The digest: when it comes, to whom, sending it to oneself, and what could not be delivered."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from enterprise.access import Access, Permission, enterprise_view
from enterprise.alert_forms import DigestForm
from enterprise.models import EventKind
from enterprise.selectors.failures import failure_get, failures
from enterprise.services.deliveries import delivery_redeliver
from enterprise.services.digests import digest_get, digest_send_to, digest_set
from enterprise.views import shell


@enterprise_view(Permission.SEE_SETTINGS)
def digest(request: HttpRequest, access: Access) -> HttpResponse:
    form = DigestForm(request.POST or None, initial=DigestForm.of(digest_get(access.enterprise)))
    change = partial(digest_set, enterprise=access.enterprise, actor=access.actor)
    if shell.saved(request, form, change, _("Saved.")):
        return redirect("digest", access.enterprise.slug)
    return _page(request, access, form)


@enterprise_view(Permission.CHANGE)
def digest_send_view(request: HttpRequest, access: Access) -> HttpResponse:
    """Send it now, to the person who asks."""
    send = partial(
        digest_send_to, enterprise=access.enterprise, users=[access.user.pk], actor=access.actor
    )
    return _sent(request, access, send, _("The digest is on its way to you."))


@enterprise_view(Permission.SEE_SETTINGS)
def digest_redeliver(request: HttpRequest, access: Access, failure_pk: int) -> HttpResponse:
    """Send one that could not be delivered once more."""
    found = failure_get(access.enterprise, EventKind.DIGEST, failure_pk)
    again = partial(delivery_redeliver, delivery=shell.found_or_404(found), actor=access.actor)
    return _sent(request, access, again, _("It is sent once more."))


def _sent(
    request: HttpRequest, access: Access, send: Callable[[], object], done: str
) -> HttpResponse:
    if request.method == "POST" and (error := shell.refusal_of(request, send, done)):
        form = DigestForm(initial=DigestForm.of(digest_get(access.enterprise)))
        return _page(request, access, form, error=error)
    return redirect("digest", access.enterprise.slug)


def _page(
    request: HttpRequest, access: Access, form: DigestForm, *, error: str = ""
) -> HttpResponse:
    found = digest_get(access.enterprise)
    context = {
        "form": form,
        "digest": found,
        "people": 0 if found._state.adding else found.people.count(),
        "failures": failures(access.enterprise, EventKind.DIGEST),
        "error": error,
    }
    status = shell.REFUSED if form.errors or error else 200
    template = "enterprise/alerts/digest.html"
    return shell.page(
        request, access, template, context, tab="settings", side="digest", status=status
    )
