"""The page of one instance: its facts, token, source and schedule, and its last runs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from enterprise.access import Access, Permission, enterprise_view
from enterprise.forms import ScheduleForm
from enterprise.records import InstanceFacts
from enterprise.selectors.connect_page import instance_boxes
from enterprise.selectors.licenses import recount_is_pending
from enterprise.selectors.runs import instance_runs
from enterprise.views import shell

LAST_RUNS = 10


@enterprise_view(Permission.SEE_SETTINGS)
def instance(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    return _page(request, access, _context(access, pk))


def instance_shown(
    request: HttpRequest, access: Access, pk: int, more: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The page after something was asked for on it; by htmx its region, which is announced."""
    context = {**_context(access, pk), **more}
    if shell.by_htmx(request):
        template = "enterprise/instance/_region.html"
        context["swapped"] = True
        return shell.partial(request, access, template, context, status=status)
    return _page(request, access, context, status=status)


def _page(
    request: HttpRequest, access: Access, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    template = "enterprise/instance/instance.html"
    return shell.page(
        request, access, template, context, tab="settings", side="connect", status=status
    )


def _context(access: Access, pk: int) -> dict[str, Any]:
    box = shell.found_or_404(next(iter(instance_boxes(access.enterprise, only=pk)), None))
    facts = box.read.facts if box.read is not None else {}
    return {
        "box": box,
        "told_by_itself": InstanceFacts(**facts),
        "own_page": True,
        "runs": instance_runs(box.instance, most=LAST_RUNS),
        "form": ScheduleForm(initial=ScheduleForm.of(box.instance)),
        "recount_pending": recount_is_pending(access.enterprise),
    }
