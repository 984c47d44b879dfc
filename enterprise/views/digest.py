"""The digest: when it comes, to whom, and sending it to oneself."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from enterprise import wording
from enterprise.access import Access, Permission, enterprise_view
from enterprise.alert_forms import DigestForm
from enterprise.faults import Refused
from enterprise.forms import refuse
from enterprise.services.digests import digest_get, digest_send_to, digest_set
from enterprise.views import shell


@enterprise_view(Permission.SEE_SETTINGS)
def digest(request: HttpRequest, access: Access) -> HttpResponse:
    form = DigestForm(request.POST or None, initial=DigestForm.of(digest_get(access.enterprise)))
    if request.method == "POST" and form.is_valid():
        try:
            digest_set(enterprise=access.enterprise, actor=access.actor, **form.cleaned_data)
        except Refused as refused:
            refuse(form, refused)
        else:
            messages.success(request, _("Saved."))
            return redirect("digest", access.enterprise.slug)
    return _page(request, access, form)


@enterprise_view(Permission.CHANGE)
def digest_send_view(request: HttpRequest, access: Access) -> HttpResponse:
    """Send it now, to the person who asks."""
    if request.method == "POST":
        try:
            digest_send_to(enterprise=access.enterprise, user=access.user, actor=access.actor)
        except Refused as refused:
            form = DigestForm(initial=DigestForm.of(digest_get(access.enterprise)))
            return _page(request, access, form, error=wording.fault_sentence(refused))
        messages.success(request, _("The digest is on its way to you."))
    return redirect("digest", access.enterprise.slug)


def _page(
    request: HttpRequest, access: Access, form: DigestForm, *, error: str = ""
) -> HttpResponse:
    found = digest_get(access.enterprise)
    count = found.people.count() if found.next_at or found.last_at else 0
    context = {"form": form, "digest": found, "people": count, "error": error}
    status = shell.REFUSED if form.errors or error else 200
    template = "enterprise/alerts/digest.html"
    return shell.page(
        request, access, template, context, tab="settings", side="digest", status=status
    )
