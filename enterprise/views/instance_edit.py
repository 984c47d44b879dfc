"""Adding an instance, and changing how it is reached and read."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise.access import Access, Permission, confirmed, enterprise_view
from enterprise.faults import Refused
from enterprise.forms import InstanceForm, NewInstanceForm, refuse
from enterprise.github_pages import server_page
from enterprise.models import Credential, ServerInstance
from enterprise.selectors.connect import host_names_offered
from enterprise.services.servers import (
    Losses,
    instance_add,
    instance_edit,
    instance_edit_losses,
    instance_token_set,
)
from enterprise.views import shell
from enterprise.views.tested import instance_tested, say_saved, say_test


@enterprise_view(Permission.CHANGE)
@confirmed
def add(request: HttpRequest, access: Access) -> HttpResponse:
    form = NewInstanceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                instance = instance_add(
                    enterprise=access.enterprise,
                    actor=access.actor,
                    host_name=form.cleaned_data["host_name"],
                    **form.settings,
                )
                with_token = _save_token(access, instance, form)
        except Refused as refused:
            refuse(form, refused)
        else:
            text = _("%(host)s is added.") % {"host": instance.host_name}
            messages.success(request, text)
            if with_token:
                say_test(request, instance_tested(instance))
            page = reverse("connect", args=[access.enterprise.slug])
            return redirect(f"{page}#instance-{instance.pk}")
    context: dict[str, Any] = {"form": form, "host_names": host_names_offered(access.enterprise)}
    return _form_page(request, access, "enterprise/connect/add.html", form, context)


@enterprise_view(Permission.CHANGE)
@confirmed
def edit(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Save what is entered; what that would take away for good is asked first."""
    instance = shell.instance_or_404(access, pk)
    credential = Credential.objects.filter(instance=instance).first()
    initial = {
        **InstanceForm.of(instance),
        "username": credential.username if credential else "",
    }
    form = InstanceForm(request.POST or None, initial=initial)
    decided = request.POST.get("decided")
    if request.method == "POST" and decided != "no" and form.is_valid():
        values = form.settings
        values["url"] = values["url"] or f"https://{instance.host_name}"
        try:
            losses = instance_edit_losses(instance=instance, **values)
            if form.cleaned_data["token"]:
                losses = losses._replace(tokens=0)  # another takes its place
            if any(losses) and decided != "yes":
                return _ask(request, access, instance, form, losses)
            with transaction.atomic():
                changed = instance_edit(instance=instance, actor=access.actor, **values)
                instance.refresh_from_db()
                with_token = _save_token(access, instance, form)
        except Refused as refused:
            refuse(form, refused)
        else:
            say_saved(request, changed, new_token=with_token)
            if "source" in changed and instance.applied_as_of is not None:
                text = _("The first result of the new source will wait until you apply it.")
                messages.info(request, text)
            if with_token:
                say_test(request, instance_tested(instance))
            return redirect("instance", access.enterprise.slug, pk)
    context = {
        "form": form,
        "instance": instance,
        "credential": credential,
        "token_page": server_page(instance.url, "credential_missing"),
    }
    return _form_page(request, access, "enterprise/connect/edit.html", form, context)


def _ask(
    request: HttpRequest,
    access: Access,
    instance: ServerInstance,
    form: InstanceForm,
    losses: Losses,
) -> HttpResponse:
    slug = access.enterprise.slug
    return shell.ask(
        request,
        access,
        "enterprise/connect/_edit_form.html",
        {
            "form": form,
            "losses": losses,
            "accounts": instance.user_accounts.count() if "source" in form.changed_data else 0,
            "action": reverse("instance_edit", args=[slug, instance.pk]),
        },
        title=_("Save the changes of %(host)s?") % {"host": instance.host_name},
        back=(instance.host_name, reverse("instance", args=[slug, instance.pk])),
        tab="settings",
        side="connect",
    )


def _save_token(access: Access, instance: ServerInstance, form: InstanceForm) -> bool:
    token = form.cleaned_data["token"]
    if not token:
        return False
    instance_token_set(
        instance=instance,
        actor=access.actor,
        username=form.cleaned_data["username"],
        token=token,
    )
    return True


def _form_page(
    request: HttpRequest,
    access: Access,
    template: str,
    form: InstanceForm,
    context: dict[str, Any],
) -> HttpResponse:
    status = shell.REFUSED if form.errors else 200
    return shell.page(
        request, access, template, context, tab="settings", side="connect", status=status
    )
