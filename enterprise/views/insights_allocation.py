"""Whose seats are whose: by organization, instance and cost center, and what belongs to that."""

from __future__ import annotations

from contextlib import closing
from functools import partial

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt

from enterprise import wording
from enterprise.access import Access, Permission, confirmed, enterprise_view
from enterprise.allocation_forms import ForgetForm, MappingForm, TargetForm
from enterprise.downloads import table_download
from enterprise.faults import Fault
from enterprise.models import Dimension, Snapshot
from enterprise.reports.allocation import (
    CHARGEBACK_HEAD,
    MAPPING_HEAD,
    chargeback_rows,
    mapping_rows,
)
from enterprise.selectors.allocation import (
    allocation_is_pending,
    allocation_lines,
    cost_centers_count,
    cost_centers_page,
    cost_centers_summary,
    snapshots_allocated,
)
from enterprise.selectors.licenses import snapshot_get, snapshot_latest
from enterprise.services.allocation import CLOUD
from enterprise.services.cost_centers import (
    cost_centers_erase,
    cost_centers_forget,
    cost_centers_replace,
    target_set,
)
from enterprise.templatetags.console import number
from enterprise.views import shell
from enterprise.views.uploads import SpooledFile, receiving_file

PER_PAGE = 100
SUMMARY = 50  # cost centers of the mapping that a page lists


def _dimension(request: HttpRequest) -> Dimension:
    asked = request.GET.get("by", "")
    return Dimension(asked) if asked in Dimension.values else Dimension.ORGANIZATION


def _snapshot(request: HttpRequest, access: Access) -> Snapshot | None:
    """The one asked for; else the newest whose split is kept; else the newest."""
    if "as_of" in request.GET:
        asked = shell.whole_number(request.GET["as_of"]) or 0
        return shell.found_or_404(snapshot_get(access.enterprise, asked))
    kept = access.enterprise.allocated_snapshot
    return snapshot_get(access.enterprise, kept) or snapshot_latest(access.enterprise)


@enterprise_view(Permission.SEE_REPORTS)
def allocation(request: HttpRequest, access: Access) -> HttpResponse:
    """``?by=`` a dimension, ``?as_of=`` a snapshot. POST gives an organization a soft target."""
    form = TargetForm(request.POST or None)
    set_target = partial(target_set, enterprise=access.enterprise, actor=access.actor)
    if shell.saved(request, form, set_target, _("Saved.")):
        return redirect("allocation", access.enterprise.slug)
    dimension, snapshot = _dimension(request), _snapshot(request, access)
    newest = snapshot_latest(access.enterprise)
    lines = allocation_lines(access.enterprise, snapshot, dimension) if snapshot else None
    page = min(shell.whole_number(request.GET.get("page")) or 1, 10**6)
    pages = -(-len(lines or ()) // PER_PAGE)
    base = f"?by={dimension.value}&as_of={snapshot.pk}" if snapshot else "?"
    context = {
        "by": dimension.value,
        "cloud": CLOUD,
        "dimensions": Dimension.choices,
        "snapshot": snapshot,
        "pending": newest is not None and allocation_is_pending(access.enterprise, newest),
        "lines": None if lines is None else lines[(page - 1) * PER_PAGE : page * PER_PAGE],
        "seats": sum(line.part.seats for line in lines or ()),
        "cost": sum(line.cost for line in lines or () if line.cost is not None)
        if lines and lines[0].cost is not None
        else None,
        "has_targets": any(line.target is not None for line in lines or ()),
        "snapshots": [(each.pk, _label(each)) for each in snapshots_allocated(access.enterprise)],
        "base": base,
        "page": page,
        "pages": pages,
        "previous_url": f"{base}&page={page - 1}" if page > 1 else None,
        "next_url": f"{base}&page={page + 1}" if page < pages else None,
        "form": form,
    }
    return shell.page(
        request,
        access,
        "enterprise/insights/allocation.html",
        context,
        tab="insights",
        side="allocation",
        status=shell.REFUSED if form.errors else 200,
    )


def _label(snapshot: Snapshot) -> str:
    at = timezone.localtime(snapshot.taken_at)
    when = formats.date_format(at, "SHORT_DATETIME_FORMAT")
    return f"{when} {at.tzname()} · {number(snapshot.persons)}"


@enterprise_view(Permission.SEE_REPORTS)
def allocation_csv(request: HttpRequest, access: Access) -> HttpResponseBase:
    """The chargeback file of a snapshot."""
    dimension, snapshot = _dimension(request), _snapshot(request, access)
    lines = allocation_lines(access.enterprise, snapshot, dimension) if snapshot else None
    if snapshot is None or lines is None:
        raise Http404
    rows = chargeback_rows(access.enterprise, snapshot, dimension, lines)
    name = f"chargeback-{dimension.value}-{snapshot.pk}"
    return table_download(request, access, name, CHARGEBACK_HEAD, rows)


# --- The mapping of cost centers -----------------------------------------------------------------


@enterprise_view(Permission.SEE_REPORTS)
def cost_centers(request: HttpRequest, access: Access) -> HttpResponse:
    return _mapping_page(request, access, MappingForm())


@csrf_exempt  # inside, receiving_file checks
@enterprise_view(Permission.CHANGE)
@receiving_file
def cost_centers_upload(request: HttpRequest, access: Access) -> HttpResponse:
    """Take a file in the place of the mapping; whole, or not at all."""
    if request.method != "POST":
        return redirect("cost_centers", access.enterprise.slug)
    form = MappingForm(request.POST, request.FILES)
    if form.is_valid():
        file: SpooledFile = form.cleaned_data["file"]
        try:
            with closing(file):
                file.spool.seek(0)
                entries = cost_centers_replace(
                    enterprise=access.enterprise, actor=access.actor, file=file.spool
                )
        except Fault as fault:
            form.add_error("file", wording.fault_sentence(fault))
        else:
            text = ngettext(
                "The mapping has %(entries)s entry now.",
                "The mapping has %(entries)s entries now.",
                entries,
            )
            messages.success(request, text % {"entries": number(entries)})
            return redirect("cost_centers", access.enterprise.slug)
    return _mapping_page(request, access, form)


@enterprise_view(Permission.CHANGE)
@confirmed
def cost_centers_delete(request: HttpRequest, access: Access) -> HttpResponse:
    """GET asks; POST erases the mapping."""
    if request.method == "POST":
        cost_centers_erase(enterprise=access.enterprise, actor=access.actor)
        messages.success(request, _("The mapping is erased."))
        return redirect("cost_centers", access.enterprise.slug)
    return shell.ask(
        request,
        access,
        "enterprise/insights/_cost_centers_delete_form.html",
        {"entries": cost_centers_count(access.enterprise)},
        title=_("Erase the mapping?"),
        back=(_("Cost centers"), reverse("cost_centers", args=[access.enterprise.slug])),
        tab="insights",
        side="allocation",
    )


@enterprise_view(Permission.CHANGE)
@confirmed
def cost_centers_forget_view(request: HttpRequest, access: Access) -> HttpResponse:
    """POST deletes the line of one identifier, which stands in no address."""
    form = ForgetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if cost_centers_forget(
            enterprise=access.enterprise,
            actor=access.actor,
            identifiers=[form.cleaned_data["identifier"]],
        ):
            messages.success(request, _("The line is erased."))
            return redirect("cost_centers", access.enterprise.slug)
        form.add_error("identifier", _("The mapping has no line with this identifier."))
    if request.method != "POST":
        return redirect("cost_centers", access.enterprise.slug)
    return _mapping_page(request, access, MappingForm(), forget=form)


def _mapping_page(
    request: HttpRequest, access: Access, form: MappingForm, *, forget: ForgetForm | None = None
) -> HttpResponse:
    after = shell.whole_number(request.GET.get("after")) or 0
    entries, following = cost_centers_page(access.enterprise, after=after, masked=access.masked)
    summary = cost_centers_summary(access.enterprise)
    url = reverse("cost_centers", args=[access.enterprise.slug])
    context = {
        "form": form,
        "forget": forget or ForgetForm(),
        "entries": entries,
        "total": sum(number_of for _name, number_of in summary),
        "summary": summary[:SUMMARY],
        "more": max(0, len(summary) - SUMMARY),
        "first_url": url if after else None,
        "next_url": f"{url}?after={following}" if following else None,
    }
    return shell.page(
        request,
        access,
        "enterprise/insights/cost_centers.html",
        context,
        tab="insights",
        side="allocation",
        status=shell.REFUSED if form.errors or (forget and forget.errors) else 200,
    )


@enterprise_view(Permission.SEE_REPORTS)
def cost_centers_csv(request: HttpRequest, access: Access) -> HttpResponseBase:
    rows = mapping_rows(access.enterprise, masked=access.masked)
    return table_download(request, access, "cost-centers", MAPPING_HEAD, rows)
