"""Actions on one instance: its two switches, syncing, testing, and adding, editing, removing it."""

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
from enterprise.models import (
    Credential,
    RunKind,
    RunTrigger,
    ServerInstance,
)
from enterprise.selectors.connect import host_names_offered
from enterprise.selectors.connect_page import InstanceBox, instance_boxes
from enterprise.services.connect import (
    connect_disable,
    connect_enable,
    license_sync_set,
    rhythm_set,
)
from enterprise.services.runs import run_request
from enterprise.services.servers import (
    instance_add,
    instance_edit,
    instance_remove,
    instance_token_set,
)
from enterprise.views import shell
from enterprise.views.connect import Told, acting, answer, progress_of, refusal
from enterprise.views.tested import instance_tested, say_test


def _about(instance: ServerInstance) -> str:
    return f"instance-{instance.pk}"


def _box(access: Access, instance: ServerInstance) -> InstanceBox:
    (box,) = instance_boxes(access.enterprise, only=instance.pk)
    return box


# --- The switches --------------------------------------------------------------------------------


@enterprise_view(Permission.SEE_SETTINGS)
@acting
def connect_on(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    instance = shell.instance_or_404(access, pk)
    try:
        connect_enable(instance=instance, actor=access.actor)
    except Refused as refused:
        return refusal(request, access, _about(instance), refused)
    text = _("GitHub Connect of %(host)s is enabled.") % {"host": instance.host_name}
    return answer(request, access, Told(_about(instance), "success", text))


@enterprise_view(Permission.CHANGE)
@confirmed
def connect_off(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """GET asks, as the dialog on the page does; POST disables."""
    instance = shell.instance_or_404(access, pk)
    if request.method != "POST":
        title = _("Disable GitHub Connect of %(host)s?") % {"host": instance.host_name}
        return _ask(request, access, instance, "enterprise/connect/_disable_form.html", title)
    connect_disable(instance=instance, actor=access.actor)
    text = _("GitHub Connect of %(host)s is disabled, and its credentials are deleted.") % {
        "host": instance.host_name
    }
    return answer(request, access, Told(_about(instance), "success", text))


@enterprise_view(Permission.SEE_SETTINGS)
@acting
def license_sync(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Set "Server can sync user license count and usage"."""
    instance = shell.instance_or_404(access, pk)
    enabled = request.POST.get("license_sync") == "enabled"
    try:
        license_sync_set(instance=instance, enabled=enabled, actor=access.actor)
    except Refused as refused:
        return refusal(request, access, _about(instance), refused)
    text = (
        _("License sync of %(host)s is enabled: it is read by its schedule and on demand.")
        if enabled
        else _("License sync of %(host)s is disabled. What was read stays, as of its date.")
    ) % {"host": instance.host_name}
    return answer(request, access, Told(_about(instance), "success", text))


@enterprise_view(Permission.SEE_SETTINGS)
@acting
def rhythm(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    instance = shell.instance_or_404(access, pk)
    try:
        rhythm_set(instance=instance, rhythm=request.POST.get("rhythm", ""), actor=access.actor)
    except Refused as refused:
        return refusal(request, access, _about(instance), refused)
    text = _("The rhythm of %(host)s is changed.") % {"host": instance.host_name}
    return answer(request, access, Told(_about(instance), "success", text))


# --- Syncing and testing -------------------------------------------------------------------------


@enterprise_view(Permission.SEE_SETTINGS)
@acting
def sync_now(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Start a run, or show the one that is active."""
    instance = shell.instance_or_404(access, pk)
    try:
        run, new = run_request(
            enterprise=access.enterprise,
            kind=RunKind.INSTANCE,
            instance=instance,
            trigger=RunTrigger.MANUAL,
            actor=access.actor,
        )
    except Refused as refused:
        return refusal(request, access, _about(instance), refused)
    return answer(request, access, told_of_run(_about(instance), run.pk, new=new))


def told_of_run(about: str, run_id: int, *, new: bool) -> Told:
    text = _("Run %(run)s started.") if new else _("Run %(run)s is active already: here it is.")
    return Told(about, "success" if new else "info", text % {"run": run_id})


@enterprise_view(Permission.SEE_SETTINGS)
def progress(request: HttpRequest, access: Access, pk: int, run_id: int) -> HttpResponse:
    instance = shell.instance_or_404(access, pk)
    return progress_of(request, access, _about(instance), run_id)


@enterprise_view(Permission.SEE_SETTINGS)
@acting
def test(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Try the connection now, and show what was found."""
    instance = shell.instance_or_404(access, pk)
    return answer(request, access, instance_tested(instance))


# --- Adding, editing, removing -------------------------------------------------------------------


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
            return _to_box(access, instance)
    context: dict[str, Any] = {"form": form, "host_names": host_names_offered(access.enterprise)}
    return _form_page(request, access, "enterprise/connect/add.html", form, context)


@enterprise_view(Permission.CHANGE)
@confirmed
def edit(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    instance = shell.instance_or_404(access, pk)
    credential = Credential.objects.filter(instance=instance).first()
    initial = {
        **InstanceForm.of(instance),
        "username": credential.username if credential else "",
    }
    form = InstanceForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        values = form.settings
        values["url"] = values["url"] or f"https://{instance.host_name}"
        try:
            with transaction.atomic():
                changed = instance_edit(instance=instance, actor=access.actor, **values)
                instance.refresh_from_db()
                with_token = _save_token(access, instance, form)
        except Refused as refused:
            refuse(form, refused)
        else:
            if "credentials" in changed and not with_token:
                text = _(
                    "Saved. The token was bound to the former address and is erased: enter it again."
                )
                messages.warning(request, text)
            else:
                messages.success(request, _("Saved."))
            if "source" in changed and instance.applied_as_of is not None:
                text = _("The first result of the new source will wait until you apply it.")
                messages.info(request, text)
            if with_token:
                say_test(request, instance_tested(instance))
            return _to_box(access, instance)
    context = {
        "form": form,
        "instance": instance,
        "credential": credential,
        "token_page": server_page(instance.url, "credential_missing"),
    }
    return _form_page(request, access, "enterprise/connect/edit.html", form, context)


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


@enterprise_view(Permission.CHANGE)
@confirmed
def remove(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """GET asks with what it will do; POST removes."""
    instance = shell.instance_or_404(access, pk)
    if request.method != "POST":
        title = _("Remove %(host)s and its data?") % {"host": instance.host_name}
        return _ask(request, access, instance, "enterprise/connect/_remove_form.html", title)
    instance_remove(instance=instance, actor=access.actor)
    messages.success(request, _("%(host)s is removed.") % {"host": instance.host_name})
    return redirect("connect", access.enterprise.slug)


def _ask(
    request: HttpRequest, access: Access, instance: ServerInstance, question: str, title: str
) -> HttpResponse:
    return shell.ask(
        request,
        access,
        question,
        {"box": _box(access, instance)},
        title=title,
        back=(_("GitHub Connect"), reverse("connect", args=[access.enterprise.slug])),
        tab="settings",
        side="connect",
    )


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


def _to_box(access: Access, instance: ServerInstance) -> HttpResponse:
    page = reverse("connect", args=[access.enterprise.slug])
    return redirect(f"{page}#{_about(instance)}")
