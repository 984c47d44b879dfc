"""The reclaim planner: seats that dormant people hold, who keeps theirs, and plans with their effect."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise import wording
from enterprise.access import Access, Permission, enterprise_view
from enterprise.downloads import table_download
from enterprise.faults import Refused
from enterprise.forms import refuse
from enterprise.insights_forms import ExemptionForm, PlanForm
from enterprise.reports.reclaim import CANDIDATES_HEAD, PLAN_HEAD, candidates_rows, plan_rows
from enterprise.selectors.duplicates import search_is_pending
from enterprise.selectors.reclaim import (
    WHICH,
    candidate_get,
    candidates_count,
    candidates_page,
    hosts_without_activity,
    plan_get,
    plans_page,
    reclaim_search_get,
    seats_page,
)
from enterprise.services.reclaim_plans import exemption_end, exemption_set, plan_end, plan_make
from enterprise.views import shell

_page = partial(shell.page, tab="insights", side="reclaim")

PER_PAGE = 25


def _which(request: HttpRequest) -> str:
    which = request.GET.get("which", "")
    return which if which in WHICH else "free"


@enterprise_view(Permission.SEE_REPORTS)
def reclaim(request: HttpRequest, access: Access) -> HttpResponse:
    """Who could be reclaimed, longest not active first; POST makes a plan to free so many seats."""
    form = PlanForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = plan_make(
                enterprise=access.enterprise,
                seats=form.cleaned_data["seats"],
                actor=access.actor,
            )
        except Refused as refused:
            refuse(form, refused)
        else:
            messages.success(request, _("The plan is made. Nothing is suspended by this console."))
            return redirect("plan", access.enterprise.slug, made.pk)
    which = _which(request)
    page = partial(
        candidates_page, access.enterprise, which=which, limit=PER_PAGE, masked=access.masked
    )
    after, lines, following = shell.page_after(request, page)
    before = shell.whole_number(request.GET.get("before"))
    plans, older = plans_page(access.enterprise, before=before, masked=access.masked)
    context = {
        "form": form,
        "search": reclaim_search_get(access.enterprise),
        "pending": search_is_pending(access.enterprise),
        "free": candidates_count(access.enterprise),
        "without_activity": hosts_without_activity(access.enterprise),
        "which": which,
        "choices": [
            ("free", _("Could be planned")),
            ("exempt", _("Exempt")),
            ("all", _("All dormant persons")),
        ],
        "lines": lines,
        "first_url": f"?which={which}" if after else None,
        "next_url": f"?which={which}&after={following}" if following is not None else None,
        "plans": plans,
        "newer_plans_url": "?" if before is not None else None,
        "older_plans_url": f"?before={older}" if older is not None else None,
    }
    status = shell.REFUSED if form.errors else 200
    return _page(request, access, "enterprise/insights/reclaim.html", context, status=status)


@enterprise_view(Permission.SEE_REPORTS)
def exemption(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """One candidate; POST lets the person keep the seat until a day, or takes that back."""
    line = shell.found_or_404(candidate_get(access.enterprise, number, masked=access.masked))
    if request.method == "POST" and "end" in request.POST:
        exemption_end(enterprise=access.enterprise, number=number, actor=access.actor)
        messages.success(request, _("The exemption is taken back."))
        return redirect("reclaim", access.enterprise.slug)
    form = ExemptionForm(request.POST or None)
    exempt = partial(exemption_set, enterprise=access.enterprise, number=number, actor=access.actor)
    if shell.saved(request, form, exempt, _("This person keeps the license until that day.")):
        return redirect("reclaim", access.enterprise.slug)
    status = shell.REFUSED if form.errors else 200
    context = {"line": line, "form": form}
    return _page(request, access, "enterprise/insights/exemption.html", context, status=status)


@enterprise_view(Permission.SEE_REPORTS)
def plan(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """What to suspend where, and what became of it."""
    line = shell.found_or_404(plan_get(access.enterprise, pk, masked=access.masked))
    after = shell.whole_number(request.GET.get("after")) or 0
    seats, following = seats_page(line.plan, after=after, limit=PER_PAGE, masked=access.masked)
    context = {
        "line": line,
        "seats": seats,
        "first_url": "?" if after else None,
        "next_url": f"?after={following}" if following is not None else None,
    }
    return _page(request, access, "enterprise/insights/plan.html", context)


@enterprise_view(Permission.CHANGE)
def plan_end_view(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """GET asks; POST ends a plan: who was not freed may be planned anew."""
    line = shell.found_or_404(plan_get(access.enterprise, pk, masked=access.masked))
    if request.method != "POST" and line.plan.ended_at is not None:
        return redirect("plan", access.enterprise.slug, pk)
    if request.method != "POST":
        return shell.ask(
            request,
            access,
            "enterprise/insights/_plan_end_form.html",
            {"totals": line.totals, "plan": pk},
            title=_("End plan %(plan)s?") % {"plan": pk},
            back=(
                _("Plan %(n)s") % {"n": pk},
                reverse("plan", args=[access.enterprise.slug, pk]),
            ),
            tab="insights",
            side="reclaim",
        )
    try:
        plan_end(plan=line.plan, actor=access.actor)
    except Refused as refused:
        messages.error(request, wording.fault_sentence(refused))
    else:
        messages.success(request, _("Plan %(plan)s is ended.") % {"plan": pk})
    return redirect("plan", access.enterprise.slug, pk)


@enterprise_view(Permission.SEE_REPORTS)
def reclaim_csv(request: HttpRequest, access: Access) -> HttpResponseBase:
    """Everybody whom the page's choice lets through."""
    rows = candidates_rows(access.enterprise, which=_which(request), masked=access.masked)
    return table_download(request, access, "reclaim", CANDIDATES_HEAD, rows)


@enterprise_view(Permission.SEE_REPORTS)
def plan_csv(request: HttpRequest, access: Access, pk: int) -> HttpResponseBase:
    """Every account of the plan, with what to do where."""
    line = shell.found_or_404(plan_get(access.enterprise, pk, masked=access.masked))
    rows = plan_rows(line.plan, masked=access.masked)
    return table_download(request, access, f"reclaim-plan-{pk}", PLAN_HEAD, rows)
