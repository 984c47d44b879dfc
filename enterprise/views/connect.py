"""The GitHub Connect page, and how the actions on it answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from enterprise import wording
from enterprise.access import Access, Permission, enterprise_view
from enterprise.faults import Refused
from enterprise.github_pages import GitHubPage
from enterprise.models import RunKind, RunTrigger
from enterprise.selectors.connect import cloud_line
from enterprise.selectors.connect_page import CLOUD, instance_boxes
from enterprise.selectors.licenses import recount_is_pending
from enterprise.selectors.runs import run_get
from enterprise.services.connection_test import ConnectionTest, Finding
from enterprise.services.runs import run_request
from enterprise.views import shell
from enterprise.views.first_hour import first_hour
from enterprise.views.instance import instance_shown

P = ParamSpec("P")

PAGE = "connect"  # what is told about the page as a whole
LEVELS = {
    "success": messages.SUCCESS,
    "info": messages.INFO,
    "warning": messages.WARNING,
    "error": messages.ERROR,
}


class Told(NamedTuple):
    """What an action says, and the id of the box that it is about."""

    about: str
    kind: str  # success, info, warning, error
    text: str
    test: ConnectionTest | None = None
    findings: Sequence[tuple[Finding, GitHubPage | None]] = ()  # each with where it is mended


def acting(
    view: Callable[Concatenate[HttpRequest, Access, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Access, P], HttpResponse]:
    """An action: POST only. Whoever comes by GET, say after signing in again, is led to the page."""

    @wraps(view)
    def wrapped(
        request: HttpRequest, access: Access, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponse:
        if request.method != "POST":
            return redirect("connect", access.enterprise.slug)
        return view(request, access, *args, **kwargs)

    return wrapped


@enterprise_view(Permission.SEE_SETTINGS)
def connect(request: HttpRequest, access: Access) -> HttpResponse:
    return _page(request, access)


@enterprise_view(Permission.SEE_SETTINGS)
@acting
def sync_all(request: HttpRequest, access: Access) -> HttpResponse:
    """Sync every instance whose license sync is enabled, and the cloud if it has a token."""
    new = [
        run_request(
            enterprise=access.enterprise,
            kind=RunKind.INSTANCE,
            instance=box.instance,
            trigger=RunTrigger.MANUAL,
            actor=access.actor,
        )[1]
        for box in instance_boxes(access.enterprise)
        if box.may_sync and box.instance.source != "upload"
    ]
    if cloud_line(access.enterprise).credential is not None:
        new.append(
            run_request(
                enterprise=access.enterprise,
                kind=RunKind.CLOUD,
                trigger=RunTrigger.MANUAL,
                actor=access.actor,
            )[1]
        )
    if not new:
        text = _("There is nothing to sync yet: enable license sync or save a cloud token first.")
        return answer(request, access, Told(PAGE, "error", text), refused=True)
    started, active = sum(new), len(new) - sum(new)
    text = ngettext("%(n)s run started.", "%(n)s runs started.", started) % {"n": started}
    if active:
        text += " " + ngettext(
            "%(n)s run was active already.", "%(n)s runs were active already.", active
        ) % {"n": active}
    return answer(request, access, Told(PAGE, "success", text))


def answer(
    request: HttpRequest, access: Access, told: Told, *, refused: bool = False
) -> HttpResponse:
    """The box that ``told`` is about by htmx; else the page: again if refused or tested, or anew.

    A test asked for in a step of the first hour is answered there, and what is asked for on the page
    of an instance on that page.
    """
    status = shell.REFUSED if refused else 200
    own = _own_page(request.POST.get("at"), told.about)
    if shell.by_htmx(request):
        if told.test is not None and request.POST.get("at") == "step":
            context = {"told": told}
            return shell.partial(request, access, "enterprise/connect/_step_told.html", context)
        return box_partial(request, access, told.about, told, status=status)
    if refused or told.test is not None:
        if own is not None:
            return instance_shown(request, access, own, {"told": told}, status=status)
        return _page(request, access, told, status=status)
    messages.add_message(request, LEVELS[told.kind], told.text)
    if own is not None:
        return redirect("instance", access.enterprise.slug, own)
    where = "" if told.about == PAGE else f"#{told.about}"
    return redirect(reverse("connect", args=[access.enterprise.slug]) + where)


def refusal(request: HttpRequest, access: Access, about: str, refused: Refused) -> HttpResponse:
    told = Told(about, "error", wording.fault_sentence(refused))
    return answer(request, access, told, refused=True)


def box_partial(
    request: HttpRequest, access: Access, about: str, told: Told, *, status: int = 200
) -> HttpResponse:
    """The box of that id alone, for htmx; the whole region for what is about the page, or asked for on
    the page of an instance."""
    own = _own_page(request.POST.get("at"), about)
    if own is not None:
        return instance_shown(request, access, own, {"told": told}, status=status)
    context: dict[str, Any] = {"told": told, "swapped": True}
    if about == PAGE:
        template = "enterprise/connect/_region.html"
        context = {**_context(access), **context}
    else:
        template = f"enterprise/connect/_{'cloud' if about == CLOUD else 'instance'}.html"
        context = {**_box_context(access, about), **context}
    return shell.partial(request, access, template, context, status=status)


def progress_of(request: HttpRequest, access: Access, about: str, run_id: int) -> HttpResponse:
    """The progress of a run in its box. Once it has ended: the box, and what the run set off elsewhere
    on the page (the cloud's run, the recount), and no more polling."""
    own = _own_page(request.GET.get("at"), about)
    if not shell.by_htmx(request):
        return redirect(reverse("connect", args=[access.enterprise.slug]) + f"#{about}")
    run = shell.found_or_404(run_get(access.enterprise, run_id))
    if run.is_active:
        context = {"run": run, "poll_url": request.get_full_path()}
        return shell.partial(request, access, "enterprise/runs/_progress.html", context)
    if own is not None:
        response = instance_shown(request, access, own, {"run": run}, status=shell.POLL_ENDED)
    else:
        context = {
            **_box_context(access, about),
            "cloud": cloud_line(access.enterprise),
            "recount_pending": recount_is_pending(access.enterprise),
            "run": run,
        }
        template = "enterprise/connect/_ended.html"
        response = shell.partial(request, access, template, context, status=shell.POLL_ENDED)
    response["HX-Retarget"] = f"#{about}"
    response["HX-Reswap"] = "outerHTML"
    return response


def _box_context(access: Access, about: str) -> dict[str, Any]:
    if about == CLOUD:
        return {"cloud": cloud_line(access.enterprise)}
    (box,) = instance_boxes(access.enterprise, only=_instance_of(about))
    return {"box": box}


def _instance_of(about: str) -> int:
    return int(about.removeprefix("instance-"))


def _own_page(asked_at: str | None, about: str) -> int | None:
    """The id of the instance on whose own page something was asked for; None if it was here."""
    return _instance_of(about) if asked_at == "page" and about.startswith("instance-") else None


def _page(
    request: HttpRequest, access: Access, told: Told | None = None, *, status: int = 200
) -> HttpResponse:
    return shell.page(
        request,
        access,
        "enterprise/connect/connect.html",
        {**_context(access), "told": told},
        tab="settings",
        side="connect",
        status=status,
    )


def _context(access: Access) -> dict[str, Any]:
    boxes = instance_boxes(access.enterprise)
    cloud = cloud_line(access.enterprise)
    return {
        "boxes": boxes,
        "cloud": cloud,
        "keeping": [box.instance.host_name for box in boxes if box.instance.keep_logins],
        "guide": first_hour(access, cloud, boxes),
        "recount_pending": recount_is_pending(access.enterprise),
        "may_sync_all": cloud.credential is not None or any(box.may_sync for box in boxes),
    }
