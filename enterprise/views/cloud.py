"""Actions on the cloud side: its settings and token, syncing, testing."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise.access import Access, Permission, confirmed, enterprise_view
from enterprise.faults import Refused
from enterprise.forms import CloudForm, refuse
from enterprise.github_pages import cloud_page
from enterprise.models import Credential, RunKind, RunTrigger
from enterprise.selectors.connect_page import CLOUD
from enterprise.services.enterprises import (
    enterprise_edit,
    enterprise_edit_erases_token,
    enterprise_token_set,
)
from enterprise.services.runs import run_request
from enterprise.services.servers import Losses
from enterprise.views import shell
from enterprise.views.connect import acting, answer, progress_of, refusal
from enterprise.views.instances import told_of_run
from enterprise.views.tested import cloud_tested, say_saved, say_test


@enterprise_view(Permission.SEE_SETTINGS)
@acting
def sync_now(request: HttpRequest, access: Access) -> HttpResponse:
    """Start a cloud run, or show the one that is active."""
    if not Credential.objects.filter(enterprise=access.enterprise, instance=None).exists():
        return refusal(request, access, CLOUD, Refused("credential_missing"))
    try:
        run, new = run_request(
            enterprise=access.enterprise,
            kind=RunKind.CLOUD,
            trigger=RunTrigger.MANUAL,
            actor=access.actor,
        )
    except Refused as refused:
        return refusal(request, access, CLOUD, refused)
    return answer(request, access, told_of_run(CLOUD, run.pk, new=new))


@enterprise_view(Permission.SEE_SETTINGS)
def progress(request: HttpRequest, access: Access, run_id: int) -> HttpResponse:
    return progress_of(request, access, CLOUD, run_id)


@enterprise_view(Permission.SEE_SETTINGS)
@acting
def test(request: HttpRequest, access: Access) -> HttpResponse:
    return answer(request, access, cloud_tested(access.enterprise))


@enterprise_view(Permission.CHANGE)
@confirmed
def edit(request: HttpRequest, access: Access) -> HttpResponse:
    """The settings of the enterprise account, and its token, of whose loss an owner is asked first."""
    enterprise = access.enterprise
    form = CloudForm(request.POST or None, initial=CloudForm.of(enterprise))
    decided = request.POST.get("decided")
    if request.method == "POST" and decided != "no" and form.is_valid():
        values = dict(form.cleaned_data)
        token = values.pop("token")
        try:
            erased = enterprise_edit_erases_token(enterprise=enterprise, **values)
            if erased and not token and decided != "yes":
                return _ask(request, access, form)
            with transaction.atomic():
                changed = enterprise_edit(enterprise=enterprise, actor=access.actor, **values)
                enterprise.refresh_from_db()
                if token:
                    enterprise_token_set(enterprise=enterprise, actor=access.actor, token=token)
        except Refused as refused:
            refuse(form, refused)
            enterprise.refresh_from_db()
        else:
            say_saved(request, changed, new_token=bool(token))
            if token:
                say_test(request, cloud_tested(enterprise))
            return redirect(reverse("connect", args=[enterprise.slug]) + f"#{CLOUD}")
    credential = Credential.objects.filter(enterprise=enterprise, instance=None).first()
    return shell.page(
        request,
        access,
        "enterprise/connect/cloud.html",
        {
            "form": form,
            "credential": credential,
            "token_page": cloud_page(enterprise.api_url, enterprise.slug, "credential_missing"),
        },
        tab="settings",
        side="connect",
        status=shell.REFUSED if form.errors else 200,
    )


def _ask(request: HttpRequest, access: Access, form: CloudForm) -> HttpResponse:
    slug = access.enterprise.slug
    return shell.ask(
        request,
        access,
        "enterprise/connect/_edit_form.html",
        {"form": form, "losses": Losses(tokens=1), "action": reverse("cloud_edit", args=[slug])},
        title=_("Save the changes of %(host)s?") % {"host": _("GitHub Enterprise Cloud")},
        back=(_("GitHub Connect"), reverse("connect", args=[slug])),
        tab="settings",
        side="connect",
    )
