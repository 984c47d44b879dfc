"""What the pages of an enterprise share: their frame, and how an action answers.

Every action works as a plain POST and by htmx: plain, it ends in a redirect with a message, or shows
the page again with the reason it was refused (422); by htmx, the same partial comes back alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from enterprise import wording
from enterprise.access import Access
from enterprise.faults import Refused
from enterprise.forms import refuse
from enterprise.models import ServerInstance
from enterprise.selectors.walks import Line, Page, ReplacedError

POLL_ENDED = 286  # htmx stops polling when it is answered so
REFUSED = 422

M = TypeVar("M")


class Note(NamedTuple):
    """What an action has to say where the person is looking."""

    kind: str  # success, warning, error
    text: str


def by_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def tabs(access: Access) -> list[dict[str, Any]]:
    slug = access.enterprise.slug
    shown = [
        ("overview", _("Overview"), "organization", reverse("overview", args=[slug])),
        ("licensing", _("Licensing"), "law", reverse("licensing", args=[slug])),
        ("insights", _("Insights"), "graph", reverse("duplicates", args=[slug])),
        ("runs", _("Sync runs"), "sync", reverse("runs", args=[slug])),
    ]
    if access.may_see_settings:
        shown.append(("settings", _("Settings"), "gear", reverse("connect", args=[slug])))
    return [
        {"key": key, "label": label, "icon": icon, "url": url} for key, label, icon, url in shown
    ]


def settings_nav(access: Access) -> list[dict[str, Any]]:
    slug = access.enterprise.slug
    return _side_nav(
        ("connect", _("GitHub Connect"), "plug", reverse("connect", args=[slug])),
        ("general", _("General"), "gear", reverse("enterprise_settings", args=[slug])),
        ("members", _("People"), "people", reverse("members", args=[slug])),
        ("tokens", _("API tokens"), "key", reverse("tokens", args=[slug])),
        ("alerts", _("Alerts"), "bell", reverse("alerts", args=[slug])),
        ("digest", _("Digest"), "mail", reverse("digest", args=[slug])),
        ("webhooks", _("Webhooks"), "webhook", reverse("webhooks", args=[slug])),
        ("audit", _("Audit log"), "log", reverse("audit_log", args=[slug])),
    )


def insights_nav(access: Access) -> list[dict[str, Any]]:
    slug = access.enterprise.slug
    return _side_nav(
        ("duplicates", _("Work-list"), "tasklist", reverse("duplicates", args=[slug])),
        ("changes", _("What changed"), "diff", reverse("changes", args=[slug])),
        ("forecast", _("Forecast"), "graph", reverse("forecast", args=[slug])),
        ("reclaim", _("Reclaim planner"), "person", reverse("reclaim", args=[slug])),
        ("allocation", _("Allocation"), "people", reverse("allocation", args=[slug])),
    )


def _side_nav(*links: tuple[str, str, str, str]) -> list[dict[str, Any]]:
    """One group of links: each its key, label, icon and address."""
    names = ("key", "label", "icon", "url")
    return [{"label": "", "links": [dict(zip(names, link, strict=True)) for link in links]}]


SIDE_NAVS = {"settings": settings_nav, "insights": insights_nav}
"""The navigation at the side, for the tabs that have one."""

FRAMES = {"settings": "settings_base.html", "insights": "insights_base.html"}
"""The template that a page beside such a navigation extends."""


def page(
    request: HttpRequest,
    access: Access,
    template: str,
    context: dict[str, Any],
    *,
    tab: str,
    side: str = "",
    status: int = 200,
) -> HttpResponse:
    """A full page of an enterprise; with ``side``, one of those at the side of its tab."""
    frame = {
        "enterprise": access.enterprise,
        "access": access,
        "tabs": tabs(access),
        "tab": tab,
        "side_nav": SIDE_NAVS[tab](access) if side else None,
        "side": side,
        # What a GET shows may be asked for again by a tab that is looked at again (licsync.js).
        "stays_true": request.method == "GET" and status == 200,
    }
    response = render(request, template, {**frame, **context}, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def partial(
    request: HttpRequest,
    access: Access,
    template: str,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """A part of a page, for htmx; the page includes the same template."""
    frame = {"enterprise": access.enterprise, "access": access}
    response = render(request, template, {**frame, **context}, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def ask(
    request: HttpRequest,
    access: Access | None,
    question: str,
    context: dict[str, Any],
    *,
    title: str,
    back: tuple[str, str],
    tab: str = "",
    side: str = "",
) -> HttpResponse:
    """What an act will do, and its button: the template ``question``, in a dialog or as a page.

    The link that leads here has ``data-dialog``. ``back`` is the label and the address of where it
    stands. ``access`` is None for what is a person's own and of no enterprise.
    """
    asked = {**context, "question": question, "title": title, "dialog": by_htmx(request)}
    template = "components/_asked.html" if by_htmx(request) else "enterprise/ask.html"
    asked["back"], asked["back_url"] = back
    asked["frame"] = FRAMES[tab] if side else "base.html"
    if access is None:
        response = render(request, template, asked)
        patch_vary_headers(response, ["HX-Request"])
        return response
    if by_htmx(request):
        return partial(request, access, template, asked)
    return page(request, access, template, asked, tab=tab, side=side)


def instance_or_404(access: Access, pk: int) -> ServerInstance:
    """An instance of this enterprise, its ``enterprise`` at hand."""
    instance = get_object_or_404(ServerInstance, enterprise=access.enterprise, pk=pk)
    instance.enterprise = access.enterprise
    return instance


def whole_number(text: str | None) -> int | None:
    """A positive whole number of a query, None where there is none."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
        return None
    return int(text)


def page_after(request: HttpRequest, page: Page[Line]) -> tuple[int, list[Line], int | None]:
    """The page after ``?after=``, or the first one where a newer count took that mark away.

    (the mark, 0 on the first page; its lines; the mark to go on from)
    """
    after = whole_number(request.GET.get("after")) or 0
    try:
        return after, *page(after=after)
    except ReplacedError:
        return 0, *page()


def found_or_404(found: M | None) -> M:
    if found is None:
        raise Http404
    return found


def saved(request: HttpRequest, form: Form, verb: Callable[..., object], done: str) -> bool:
    """Whether what was posted is done: ``verb`` with the form's values, and a message that says so.

    False for a GET; for values that are wrong or refused, which the form then says.
    """
    if request.method != "POST" or not form.is_valid():
        return False
    try:
        verb(**form.cleaned_data)
    except Refused as refused:
        refuse(form, refused)
        return False
    messages.success(request, done)
    return True


def refusal_of(request: HttpRequest, verb: Callable[[], object], done: str) -> str:
    """Do what a button asks for: ``""`` and a message that says so, or the sentence why not."""
    try:
        verb()
    except Refused as refused:
        return wording.fault_sentence(refused)
    messages.success(request, done)
    return ""
