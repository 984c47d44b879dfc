"""The general settings of an enterprise: its name and billing, what counts, what is held."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from enterprise.access import Access, Permission, enterprise_view
from enterprise.faults import Refused
from enterprise.forms import refuse
from enterprise.selectors.licenses import snapshot_latest
from enterprise.services.enterprises import enterprise_edit
from enterprise.services.recounts import recounts_request_due
from enterprise.settings_forms import EnterpriseSettingsForm
from enterprise.views import shell


@enterprise_view(Permission.SEE_SETTINGS)
def enterprise_settings(request: HttpRequest, access: Access) -> HttpResponse:
    """The settings; an auditor's are shut. What changes the count is counted anew at once."""
    enterprise = access.enterprise
    form = EnterpriseSettingsForm(
        request.POST or None, initial=EnterpriseSettingsForm.of(enterprise)
    )
    if request.method == "POST" and form.is_valid():
        try:
            enterprise_edit(enterprise=enterprise, actor=access.actor, **form.cleaned_data)
        except Refused as refused:
            refuse(form, refused)
        else:
            text = _("Saved.")
            if recounts_request_due(enterprise_id=enterprise.pk):
                text += " " + _("The licenses are being counted anew.")
            messages.success(request, text)
            return redirect("enterprise_settings", enterprise.slug)
    if not access.may_change:
        for field in form.fields.values():
            field.disabled = True
    snapshot = snapshot_latest(enterprise)
    context = {
        "form": form,
        "never_signed_in": snapshot.totals.get("never_signed_in", 0) if snapshot else None,
    }
    return shell.page(
        request,
        access,
        "enterprise/enterprise_settings/enterprise_settings.html",
        context,
        tab="settings",
        side="general",
        status=shell.REFUSED if form.errors else 200,
    )
