"""Erasing the personal data of somebody who consumes no license any more."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise import wording
from enterprise.access import Access, Permission, confirmed, enterprise_view
from enterprise.faults import Refused
from enterprise.models import PersonVersion
from enterprise.services.erasure import person_erase, pseudonym
from enterprise.views import shell


@enterprise_view(Permission.CHANGE)
@confirmed
def person_erase_view(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """GET asks; POST erases, unless the person consumes a license again."""
    known = PersonVersion.objects.filter(enterprise=access.enterprise, number=number)
    entries = known.count()
    if not entries:
        raise Http404
    if request.method != "POST":
        return shell.ask(
            request,
            access,
            "enterprise/licensing/_erase_form.html",
            {"number": number, "pseudonym": pseudonym(number), "entries": entries},
            title=_("Erase the personal data of person %(number)d?") % {"number": number},
            back=(
                _("Person %(number)d") % {"number": number},
                reverse("person", args=[access.enterprise.slug, number]),
            ),
            tab="licensing",
        )
    try:
        person_erase(enterprise=access.enterprise, number=number, actor=access.actor)
    except Refused as refused:
        messages.error(request, wording.fault_sentence(refused))
    else:
        messages.success(request, _("The personal data is erased."))
    return redirect("person", access.enterprise.slug, number)
