"""Alerts: the rules, what is beyond them, what could not be told; adding, changing, trying one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise.access import Access, Permission, enterprise_view
from enterprise.alert_forms import AlertForm
from enterprise.downloads import table_file
from enterprise.models import AlertRule, EventKind
from enterprise.reports.alerts import alert_history_table
from enterprise.selectors.alerts import alert_get, alert_lines
from enterprise.selectors.failures import failure_get, failures
from enterprise.services.alerts import alert_add, alert_edit, alert_remove, alert_test
from enterprise.services.deliveries import delivery_redeliver
from enterprise.views import shell

_page = partial(shell.page, tab="settings", side="alerts")


@enterprise_view(Permission.SEE_SETTINGS)
def alerts(request: HttpRequest, access: Access) -> HttpResponse:
    return _list(request, access)


def _list(request: HttpRequest, access: Access, *, error: str = "") -> HttpResponse:
    context = {
        "lines": alert_lines(access.enterprise),
        "failures": failures(access.enterprise, EventKind.THRESHOLD_CROSSED),
        "error": error,
    }
    status = shell.REFUSED if error else 200
    return _page(request, access, "enterprise/alerts/alerts.html", context, status=status)


@enterprise_view(Permission.SEE_SETTINGS)
def alert_history_csv(request: HttpRequest, access: Access) -> HttpResponseBase:
    """What is, or was, beyond a threshold."""
    return table_file(request, access, alert_history_table(access.enterprise))


@enterprise_view(Permission.CHANGE)
def alert_new(request: HttpRequest, access: Access) -> HttpResponse:
    form = AlertForm(request.POST or None, enterprise=access.enterprise)
    add = partial(alert_add, enterprise=access.enterprise, actor=access.actor)
    done = _("The alert is added. It is looked at within a minute.")
    if shell.saved(request, form, add, done):
        return redirect("alerts", access.enterprise.slug)
    return _form(request, access, form, None)


@enterprise_view(Permission.CHANGE)
def alert_edit_view(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    rule = _rule(access, pk)
    form = AlertForm(request.POST or None, initial=AlertForm.of(rule), enterprise=access.enterprise)
    edit = partial(alert_edit, rule=rule, actor=access.actor)
    if shell.saved(request, form, edit, _("Saved.")):
        return redirect("alerts", access.enterprise.slug)
    return _form(request, access, form, pk)


def _form(request: HttpRequest, access: Access, form: AlertForm, pk: int | None) -> HttpResponse:
    status = shell.REFUSED if form.errors else 200
    return _page(
        request, access, "enterprise/alerts/form.html", {"form": form, "pk": pk}, status=status
    )


@enterprise_view(Permission.CHANGE)
def alert_remove_view(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """GET asks; POST deletes."""
    rule = _rule(access, pk)
    if request.method != "POST":
        return shell.ask(
            request,
            access,
            "enterprise/alerts/_remove_form.html",
            {"rule": rule, "crossed": rule.states.filter(over_at=None).count()},
            title=_("Delete the alert?"),
            back=(_("Alerts"), reverse("alerts", args=[access.enterprise.slug])),
            tab="settings",
            side="alerts",
        )
    alert_remove(rule=rule, actor=access.actor)
    messages.success(request, _("The alert is deleted."))
    return redirect("alerts", access.enterprise.slug)


@enterprise_view(Permission.SEE_SETTINGS)
def alert_test_view(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    test = partial(alert_test, rule=_rule(access, pk), actor=access.actor)
    done = _("A test is on its way. What cannot be delivered shows here.")
    return _told(request, access, test, done)


@enterprise_view(Permission.SEE_SETTINGS)
def alert_redeliver(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    found = failure_get(access.enterprise, EventKind.THRESHOLD_CROSSED, pk)
    again = partial(delivery_redeliver, delivery=shell.found_or_404(found), actor=access.actor)
    return _told(request, access, again, _("It is sent once more."))


def _told(
    request: HttpRequest, access: Access, tell: Callable[[], object], done: str
) -> HttpResponse:
    if request.method == "POST" and (error := shell.refusal_of(request, tell, done)):
        return _list(request, access, error=error)
    return redirect("alerts", access.enterprise.slug)


def _rule(access: Access, pk: int) -> AlertRule:
    return shell.found_or_404(alert_get(access.enterprise, pk))
