"""Actions on one instance: its two switches, its schedule, syncing, testing, and removing it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise.access import Access, Permission, confirmed, enterprise_view
from enterprise.faults import Refused
from enterprise.forms import ScheduleForm
from enterprise.models import RunKind, RunTrigger, ServerInstance
from enterprise.selectors.connect_page import InstanceBox, instance_boxes
from enterprise.services.connect import (
    connect_disable,
    connect_enable,
    license_sync_set,
    schedule_set,
)
from enterprise.services.runs import run_request
from enterprise.services.servers import instance_remove
from enterprise.views import shell
from enterprise.views.connect import Told, acting, answer, progress_of, refusal
from enterprise.views.instance import instance_shown
from enterprise.views.tested import instance_tested


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
def schedule(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Choose the rhythm, the weekday and the hour, on the page of the instance."""
    instance = shell.instance_or_404(access, pk)
    form = ScheduleForm(request.POST)
    if form.is_valid():
        schedule_set(instance=instance, actor=access.actor, **form.cleaned_data)
        text = _("The schedule of %(host)s is changed.") % {"host": instance.host_name}
        return answer(request, access, Told(_about(instance), "success", text))
    return instance_shown(request, access, pk, {"form": form}, status=shell.REFUSED)


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


# --- Removing ------------------------------------------------------------------------------------


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
