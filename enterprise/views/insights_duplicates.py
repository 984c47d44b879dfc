"""The work-list: persons that are probably one, what would make them one, and what that would save."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise import wording
from enterprise.access import Access, Permission, enterprise_view
from enterprise.counting.duplicates import WEIGHTS
from enterprise.downloads import table_download
from enterprise.faults import Refused
from enterprise.forms import refuse
from enterprise.insights_forms import ReasonForm
from enterprise.models import Duplicate, DuplicateSearch, DuplicateState
from enterprise.reports.duplicates import DUPLICATES_HEAD, duplicates_rows
from enterprise.selectors.duplicates import (
    MOST_TICKED,
    SORTS,
    DuplicateLine,
    Wanted,
    duplicate_get,
    duplicate_lines,
    duplicates_page,
    search_get,
    search_is_pending,
    seats_saved,
    what_if,
)
from enterprise.selectors.licenses import snapshot_latest
from enterprise.services.duplicate_decisions import (
    duplicate_dismiss,
    duplicate_reopen,
)
from enterprise.services.duplicates import STEPS
from enterprise.views import shell

PER_PAGE = 25


class Asked(NamedTuple):
    """What is asked for; all of it lives in the URL."""

    wanted: Wanted
    ticked: list[int]

    def url(self, *, ticked: list[int] | None = None, **more: Any) -> str:
        """``?…`` with only what differs from the plain list."""
        plain, query = Wanted(), QueryDict(mutable=True)
        for name, value in self.wanted._asdict().items():
            if value != getattr(plain, name):
                query["instance" if name == "host_name" else name] = str(value)
        query.setlist("tick", [str(pk) for pk in (self.ticked if ticked is None else ticked)])
        query.update({name: str(value) for name, value in more.items() if value})
        return f"?{query.urlencode()}"


def _asked(request: HttpRequest) -> Asked:
    get = request.GET
    state, rule, sort = get.get("state", ""), get.get("rule", ""), get.get("sort", "")
    least = shell.whole_number(get.get("least"))
    wanted = Wanted(
        state=state if state in DuplicateState.values else DuplicateState.OPEN.value,
        rule=rule if rule in WEIGHTS else "",
        host_name=get.get("instance", "").replace("\0", "").strip()[:253],
        least=least if least in STEPS else 0,
        sort=sort if sort in SORTS else "confidence",
    )
    ticked = dict.fromkeys(map(shell.whole_number, get.getlist("tick")))
    return Asked(wanted, [pk for pk in ticked if pk])


@enterprise_view(Permission.SEE_REPORTS)
def duplicates(request: HttpRequest, access: Access) -> HttpResponse:
    """The list with its filters and what-if; by htmx the list alone."""
    asked = _asked(request)
    context = _list(request, access, asked)
    if shell.by_htmx(request):
        response = shell.partial(
            request, access, "enterprise/insights/_duplicates.html", {**context, "beside": True}
        )
        page = reverse("duplicates", args=[access.enterprise.slug])
        response["HX-Push-Url"] = page + asked.url().removesuffix("?")
        return response
    search = search_get(access.enterprise)
    instances = access.enterprise.instances.order_by("host_name")
    context |= {
        "search": search,
        "pending": search_is_pending(access.enterprise),
        "steps": _steps(search, context["persons"]),
        "saved": seats_saved(access.enterprise),
        "rules": _rules(search),
        "hosts": [(name, name) for name in instances.values_list("host_name", flat=True)],
        "rule_names": wording.DUPLICATE_RULES.items(),
        "states": DuplicateState.choices,
        "leasts": [(step, _("At least %(n)s %%") % {"n": step}) for step in STEPS if step],
        "sorts": [("confidence", _("Most certain first")), ("saves", _("Most licenses first"))],
    }
    return shell.page(
        request,
        access,
        "enterprise/insights/duplicates.html",
        context,
        tab="insights",
        side="duplicates",
    )


def _list(request: HttpRequest, access: Access, asked: Asked) -> dict[str, Any]:
    snapshot = snapshot_latest(access.enterprise)
    persons = snapshot.persons if snapshot is not None else 0
    page = partial(
        duplicates_page, access.enterprise, asked.wanted, limit=PER_PAGE, masked=access.masked
    )
    after, lines, following = shell.page_after(request, page)
    here = [line.row.pk for line in lines]
    result = what_if(access.enterprise, asked.ticked, persons=persons)
    return {
        "asked": asked,
        "persons": persons,
        "lines": lines,
        "what_if": result,
        "too_many": len(asked.ticked) > MOST_TICKED,
        "most_ticked": MOST_TICKED,
        "may_tick": asked.wanted.state == DuplicateState.OPEN and bool(lines),
        "ticked_elsewhere": [pk for pk in asked.ticked if pk not in here],
        "after": after,
        "tick_page_url": asked.url(ticked=[*{*asked.ticked, *here}], after=after),
        "untick_url": asked.url(ticked=[], after=after) if asked.ticked else None,
        "csv_query": asked._replace(ticked=[]).url(),
        "first_url": asked.url() if after else None,
        "next_url": asked.url(after=following) if following else None,
    }


class Step(NamedTuple):
    least: int
    pairs: int
    saves: int
    total: int


def _steps(search: DuplicateSearch | None, persons: int) -> list[Step]:
    if search is None:
        return []
    saves = [(step, search.saves.get(str(step), 0)) for step in STEPS]
    return [Step(step, search.open.get(str(step), 0), n, persons - n) for step, n in saves]


def _rules(search: DuplicateSearch | None) -> list[tuple[Any, int, Any]]:
    """Each rule by name, how much it tells alone, and why it could not be asked, if so."""
    missing = search.unavailable if search is not None else {}
    return [
        (wording.DUPLICATE_RULES[rule], weight, wording.UNAVAILABLE.get(missing.get(rule, "")))
        for rule, weight in WEIGHTS.items()
    ]


@enterprise_view(Permission.SEE_REPORTS)
def duplicate(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """One pair with all that speaks for it; POST says that they are not the same person."""
    row = shell.found_or_404(duplicate_get(access.enterprise, pk))
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            duplicate_dismiss(duplicate=row, reason=form.cleaned_data["reason"], actor=access.actor)
        except Refused as refused:
            refuse(form, refused)
            row = shell.found_or_404(duplicate_get(access.enterprise, pk))
        else:
            messages.success(request, _("Remembered: they are not the same person."))
            return redirect("duplicates", access.enterprise.slug)
    return _pair_page(request, access, row, form)


def _pair_page(
    request: HttpRequest, access: Access, row: Duplicate, form: ReasonForm
) -> HttpResponse:
    line: DuplicateLine = duplicate_lines(access.enterprise, [row], masked=access.masked)[0]
    context = {
        "line": line,
        "form": form,
        "ending": row.get_ending_display(),
    }
    return shell.page(
        request,
        access,
        "enterprise/insights/duplicate.html",
        context,
        tab="insights",
        side="duplicates",
        status=shell.REFUSED if form.errors else 200,
    )


@enterprise_view(Permission.CHANGE)
def duplicate_back(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Put a dismissed pair back on the list."""
    row = shell.found_or_404(duplicate_get(access.enterprise, pk))
    if request.method == "POST":
        try:
            duplicate_reopen(duplicate=row, actor=access.actor)
        except Refused as refused:
            messages.error(request, wording.fault_sentence(refused))
        else:
            messages.success(request, _("The pair is back on the work-list."))
    return redirect("duplicate", access.enterprise.slug, pk)


@enterprise_view(Permission.SEE_REPORTS)
def duplicates_csv(request: HttpRequest, access: Access) -> HttpResponseBase:
    """Every pair that the page's filters let through."""
    rows = duplicates_rows(access.enterprise, _asked(request).wanted, masked=access.masked)
    return table_download(request, access, "duplicates", DUPLICATES_HEAD, rows)
