"""The overview of an enterprise: the two totals, its instances, and what needs attention."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from enterprise import wording
from enterprise.access import Access, Permission, enterprise_view
from enterprise.selectors.connect import GitHubState, InstanceState
from enterprise.selectors.connect_page import (
    CloudBox,
    InstanceBox,
    cloud_box,
    first_steps,
    instance_boxes,
)
from enterprise.selectors.licenses import (
    Totals,
    recount_is_pending,
    snapshot_latest,
    totals_of,
)
from enterprise.templatetags.console import number
from enterprise.views import shell


class Attention(NamedTuple):
    """One thing that somebody should look at. ``level`` is warning or error."""

    level: str
    about: str
    text: str
    url: str


@enterprise_view(Permission.SEE_REPORTS)
def overview(request: HttpRequest, access: Access) -> HttpResponse:
    snapshot = snapshot_latest(access.enterprise)
    totals = totals_of(snapshot) if snapshot else None
    boxes = instance_boxes(access.enterprise)
    cloud = cloud_box(access.enterprise)
    steps = first_steps(cloud, boxes)
    context = {
        "totals": totals,
        "boxes": boxes,
        "cloud": cloud,
        "steps": None if steps.done else steps,
        "attention": _attention(access, boxes, cloud, totals),
        "recount_pending": recount_is_pending(access.enterprise),
    }
    return shell.page(request, access, "enterprise/overview.html", context, tab="overview")


@enterprise_view(Permission.SEE_REPORTS)
def recount_state(request: HttpRequest, access: Access) -> HttpResponse:
    """Whether a recount is pending, for the line that says so; its end ends the polling."""
    pending = recount_is_pending(access.enterprise)
    context = {"recount_pending": pending, "recounted": not pending}
    return shell.partial(
        request,
        access,
        "enterprise/_recount.html",
        context,
        status=200 if pending else shell.POLL_ENDED,
    )


def _attention(
    access: Access, boxes: list[InstanceBox], cloud: CloudBox, totals: Totals | None
) -> list[Attention]:
    slug = access.enterprise.slug
    licensing = reverse("licensing", args=[slug])
    found = []
    if totals is not None and totals.free is not None and totals.free < 0:
        text = ngettext(
            "%(n)s license more is consumed than was purchased.",
            "%(n)s licenses more are consumed than were purchased.",
            -totals.free,
        )
        found.append(
            Attention("error", _("Licenses"), text % {"n": number(-totals.free)}, licensing)
        )
    for run in filter(None, (cloud.failed, cloud.held)):
        text = wording.sentence(run.error_code, run.error_params)
        url = reverse("run", args=[slug, run.pk])
        level = "error" if run is cloud.failed else "warning"
        found.append(Attention(level, _("GitHub Enterprise Cloud"), text, url))
    found += [
        Attention("warning", _("GitHub Enterprise Cloud"), wording.gap_sentence(gap), licensing)
        for gap in (cloud.line.state.gaps if cloud.line.state else [])
    ]
    for box in boxes:
        found += _attention_of(slug, box)
    return found


def _attention_of(slug: str, box: InstanceBox) -> list[Attention]:
    host = box.instance.host_name
    runs = f"{reverse('runs', args=[slug])}?instance={host}"
    found = []
    for run in filter(None, (box.failed, box.held)):
        if box.line.state == InstanceState.OFF:
            continue
        text = wording.sentence(run.error_code, run.error_params)
        url = reverse("run", args=[slug, run.pk])
        found.append(Attention("error" if run is box.failed else "warning", host, text, url))
    if box.line.state == InstanceState.OVERDUE:
        text = _("This console has not read it for longer than its rhythm.")
        found.append(Attention("warning", host, text, runs))
    github = {
        GitHubState.NEVER: _("GitHub says: GitHub Connect server usage never synced."),
        GitHubState.FAILED: _("GitHub says that its own last sync failed."),
        GitHubState.OVERDUE: _("GitHub's own last sync is older than 8 days."),
    }.get(box.line.github.state)
    if github is not None:
        found.append(Attention("warning", host, github, box.line.license_url))
    return found
