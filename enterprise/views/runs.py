"""Sync runs: the list, one run as it happens, and what an owner decides about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise import wording
from enterprise.access import Access, Permission, enterprise_view
from enterprise.faults import Refused
from enterprise.models import RunKind, RunState, RunTrigger, SyncRun
from enterprise.selectors.run_effects import run_effect
from enterprise.selectors.run_progress import run_steps
from enterprise.selectors.runs import run_get, run_log, runs_page
from enterprise.services.held import run_apply_held
from enterprise.services.runs import run_cancel, run_discard, run_request
from enterprise.views import shell

FILTERS = ("state", "kind", "instance", "trigger")


@enterprise_view(Permission.SEE_REPORTS)
def runs(request: HttpRequest, access: Access) -> HttpResponse:
    """The newest first, by filters that live in the URL."""
    wanted = {name: request.GET.get(name, "")[:253].replace("\0", "") for name in FILTERS}
    found, following = runs_page(
        access.enterprise,
        before=shell.whole_number(request.GET.get("before")),
        host_name=wanted["instance"],
        kind=wanted["kind"],
        state=wanted["state"],
        trigger=wanted["trigger"],
    )
    hosts = list(
        access.enterprise.instances.order_by("host_name").values_list("host_name", flat=True)
    )
    if wanted["instance"] and wanted["instance"] not in hosts:
        hosts.append(wanted["instance"])  # one that was removed still has its runs
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in wanted.items() if value})
    context = {
        "runs": found,
        "moves": any(run.is_active for run in found),
        "wanted": wanted,
        "filtered": any(wanted.values()),
        "hosts": [(host, host) for host in hosts],
        "states": RunState.choices,
        "kinds": RunKind.choices,
        "triggers": RunTrigger.choices,
        "first_url": _query_url(query) if "before" in request.GET else None,
        "next_url": _query_url(query, before=following) if following else None,
    }
    return shell.page(request, access, "enterprise/runs/runs.html", context, tab="runs")


def _query_url(query: QueryDict, **more: Any) -> str:
    query = query.copy()
    query.update({name: str(value) for name, value in more.items()})
    return f"?{query.urlencode()}"


@enterprise_view(Permission.SEE_REPORTS)
def run(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    return _run_page(request, access, _run(access, pk))


@enterprise_view(Permission.SEE_REPORTS)
def run_live(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Progress and the log lines after ``after``; once the run has ended, all of it, and no more."""
    run = _run(access, pk)
    if not shell.by_htmx(request):
        return redirect("run", access.enterprise.slug, pk)
    if not run.is_active:
        response = shell.partial(
            request,
            access,
            "enterprise/runs/_run.html",
            {**_context(run), "swapped": True},
            status=shell.POLL_ENDED,
        )
        response["HX-Retarget"] = "#run"
        response["HX-Reswap"] = "outerHTML"
        return response
    after = shell.whole_number(request.GET.get("after")) or 0
    log = list(run_log(run))
    context = {
        "run": run,
        "steps": run_steps(run, log),
        "lines": [line for line in log if line.pk > after],
        "last": log[-1].pk if log else after,
        "more": True,
        "announced": request.GET.get("phase")
        != run.phase,  # a phase is told once, not its progress
    }
    return shell.partial(request, access, "enterprise/runs/_live.html", context)


def _run(access: Access, pk: int) -> SyncRun:
    return shell.found_or_404(run_get(access.enterprise, pk))


def _context(run: SyncRun) -> dict[str, Any]:
    lines = list(run_log(run))
    return {
        "run": run,
        "steps": run_steps(run, lines),
        "lines": lines,
        "last": lines[-1].pk if lines else 0,
        "effect": run_effect(run),
        "counts": [(label, run.counts[name]) for name, label in _counts() if name in run.counts],
        "may_sync_again": run.kind != RunKind.RECOUNT
        and not run.is_active
        and (run.kind == RunKind.CLOUD or run.instance is not None),
    }


def _counts() -> list[tuple[str, str]]:
    return [
        ("read", _("Read")),
        ("added", _("Added")),
        ("changed", _("Changed")),
        ("removed", _("Removed")),
        ("consuming", _("Consume a license")),
        ("persons", _("Persons")),
    ]


def _run_page(
    request: HttpRequest, access: Access, run: SyncRun, *, error: str = ""
) -> HttpResponse:
    return shell.page(
        request,
        access,
        "enterprise/runs/run.html",
        {**_context(run), "error": error},
        tab="runs",
        status=shell.REFUSED if error else 200,
    )


# --- What an owner decides -----------------------------------------------------------------------


def _decide(
    request: HttpRequest, access: Access, run: SyncRun, verb: Callable[..., None], done: str
) -> HttpResponse:
    try:
        verb(run=run, actor=access.actor)
    except Refused as refused:
        error = wording.fault_sentence(refused)
        return _run_page(request, access, _run(access, run.pk), error=error)
    messages.success(request, done)
    return redirect("run", access.enterprise.slug, run.pk)


def _ask(
    request: HttpRequest, access: Access, run: SyncRun, question: str, title: str
) -> HttpResponse:
    return shell.ask(
        request,
        access,
        f"enterprise/runs/{question}.html",
        {"run": run},
        title=title % {"run": run.pk},
        back=(
            _("Run %(run)s") % {"run": run.pk},
            reverse("run", args=[run.enterprise.slug, run.pk]),
        ),
        tab="runs",
    )


@enterprise_view(Permission.CHANGE)
def run_cancel_view(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """GET asks; POST cancels. One that has ended meanwhile is shown as it is."""
    run = _run(access, pk)
    if request.method == "POST":
        done = _("Cancelling: a running one stops at its next step.")
        return _decide(request, access, run, run_cancel, done)
    if not run.is_active:
        return redirect("run", access.enterprise.slug, pk)
    return _ask(request, access, run, "_cancel_form", _("Cancel run %(run)s?"))


@enterprise_view(Permission.SEE_REPORTS)
def run_apply_view(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """POST applies what the run's page has said, in numbers, that it would change."""
    if request.method != "POST":
        return redirect("run", access.enterprise.slug, pk)
    done = _("The result is applied.")
    return _decide(request, access, _run(access, pk), run_apply_held, done)


@enterprise_view(Permission.CHANGE)
def run_discard_view(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """GET asks; POST discards. One that is not held any more is shown as it is."""
    run = _run(access, pk)
    if request.method == "POST":
        done = _("The result is discarded. What was applied stays.")
        return _decide(request, access, run, run_discard, done)
    if run.state != RunState.HELD:
        return redirect("run", access.enterprise.slug, pk)
    return _ask(request, access, run, "_discard_form", _("Discard the result of run %(run)s?"))


@enterprise_view(Permission.SEE_REPORTS)
def run_again(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Sync again what this run synced: a new run, or the one that is active."""
    run = _run(access, pk)
    if request.method != "POST":
        return redirect("run", access.enterprise.slug, pk)
    if run.kind == RunKind.INSTANCE and run.instance is None:
        gone = wording.sentence("instance_removed", {"host": run.host_name})
        return _run_page(request, access, run, error=gone)
    try:
        again, new = run_request(
            enterprise=access.enterprise,
            kind=RunKind(run.kind),
            instance=run.instance,
            trigger=RunTrigger.MANUAL,
            actor=access.actor,
        )
    except Refused as refused:
        return _run_page(request, access, run, error=wording.fault_sentence(refused))
    if not new:
        messages.info(request, _("This run was active already."))
    return redirect("run", access.enterprise.slug, again.pk)
