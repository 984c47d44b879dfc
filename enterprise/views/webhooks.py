"""Webhooks: the list, adding and changing one, its deliveries, and trying it."""

from __future__ import annotations

from functools import partial

import orjson
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise.access import Access, Permission, confirmed, enterprise_view
from enterprise.faults import Refused
from enterprise.forms import refuse
from enterprise.models import Webhook
from enterprise.selectors.webhooks import (
    attempts_of,
    deliveries_page,
    delivery_get,
    webhook_get,
    webhook_lines,
    webhook_lost,
    webhook_state,
)
from enterprise.services.deliveries import delivery_redeliver
from enterprise.services.event_bodies import event_body
from enterprise.services.webhooks import (
    webhook_add,
    webhook_edit,
    webhook_enable,
    webhook_ping,
    webhook_remove,
)
from enterprise.views import shell
from enterprise.webhook_forms import WebhookForm

_page = partial(shell.page, tab="settings", side="webhooks")


@enterprise_view(Permission.SEE_SETTINGS)
def webhooks(request: HttpRequest, access: Access) -> HttpResponse:
    context = {"lines": webhook_lines(access.enterprise)}
    return _page(request, access, "enterprise/webhooks/webhooks.html", context)


@enterprise_view(Permission.CHANGE)
@confirmed
def webhook_new(request: HttpRequest, access: Access) -> HttpResponse:
    """Add one. A secret that was made stands in the answer and is never shown again."""
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            webhook, secret = webhook_add(
                enterprise=access.enterprise, actor=access.actor, **values
            )
        except Refused as refused:
            refuse(form, refused)
        else:
            if values["secret"]:
                messages.success(request, _("%(name)s is added.") % {"name": webhook.name})
                return redirect("webhook", access.enterprise.slug, webhook.pk)
            response = _page(
                request,
                access,
                "enterprise/webhooks/made.html",
                {"webhook": webhook, "secret": secret},
            )
            response["Cache-Control"] = "no-store"
            return response
    status = shell.REFUSED if form.errors else 200
    return _page(request, access, "enterprise/webhooks/new.html", {"form": form}, status=status)


@enterprise_view(Permission.CHANGE)
@confirmed
def webhook_edit_view(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    webhook = _webhook(access, pk)
    form = WebhookForm(request.POST or None, initial=WebhookForm.of(webhook), editing=True)
    edit = partial(webhook_edit, webhook=webhook, actor=access.actor)
    if shell.saved(request, form, edit, _("Saved.")):
        return _to(access, webhook)
    status = shell.REFUSED if form.errors else 200
    return _page(
        request,
        access,
        "enterprise/webhooks/edit.html",
        {"form": form, "webhook": webhook},
        status=status,
    )


@enterprise_view(Permission.CHANGE)
def webhook_remove_view(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """GET asks; POST deletes."""
    webhook = _webhook(access, pk)
    if request.method != "POST":
        return shell.ask(
            request,
            access,
            "enterprise/webhooks/_remove_form.html",
            {"webhook": webhook, "lost": webhook_lost(webhook)},
            title=_("Delete %(name)s?") % {"name": webhook.name},
            back=(webhook.name, reverse("webhook", args=[access.enterprise.slug, webhook.pk])),
            tab="settings",
            side="webhooks",
        )
    webhook_remove(webhook=webhook, actor=access.actor)
    messages.success(request, _("%(name)s is deleted.") % {"name": webhook.name})
    return redirect("webhooks", access.enterprise.slug)


@enterprise_view(Permission.SEE_SETTINGS)
def webhook(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Its state, and its deliveries, newest first."""
    return _show(request, access, _webhook(access, pk))


def _show(
    request: HttpRequest, access: Access, webhook: Webhook, *, error: str = ""
) -> HttpResponse:
    before = shell.whole_number(request.GET.get("before"))
    found, last = deliveries_page(webhook, before=before)
    context = {
        "webhook": webhook,
        "state": webhook_state(webhook),
        "deliveries": found,
        "error": error,
        "first_url": "?" if before is not None else None,
        "next_url": f"?before={last}" if last is not None else None,
    }
    status = shell.REFUSED if error else 200
    return _page(request, access, "enterprise/webhooks/webhook.html", context, status=status)


@enterprise_view(Permission.SEE_SETTINGS)
def webhook_test(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    webhook = _webhook(access, pk)
    ping = partial(webhook_ping, webhook=webhook, actor=access.actor)
    done = _("A test is on its way. Load this page again in a moment.")
    if request.method == "POST" and (error := shell.refusal_of(request, ping, done)):
        return _show(request, access, webhook, error=error)
    return _to(access, webhook)


@enterprise_view(Permission.SEE_SETTINGS)
def webhook_on(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Send again to one that was disabled."""
    webhook = _webhook(access, pk)
    if request.method == "POST" and webhook_enable(webhook=webhook, actor=access.actor):
        messages.success(request, _("%(name)s is enabled again.") % {"name": webhook.name})
    return _to(access, webhook)


@enterprise_view(Permission.SEE_SETTINGS)
def delivery(request: HttpRequest, access: Access, pk: int, delivery_pk: int) -> HttpResponse:
    """The request as it is sent, and what came of each attempt."""
    webhook = _webhook(access, pk)
    found = shell.found_or_404(delivery_get(webhook, delivery_pk))
    error = ""
    if request.method == "POST":
        again = partial(delivery_redeliver, delivery=found, actor=access.actor)
        error = shell.refusal_of(request, again, _("It is sent once more."))
        if not error:
            return redirect("delivery", access.enterprise.slug, webhook.pk, found.pk)
    body = orjson.loads(event_body(found, webhook))
    context = {
        "webhook": webhook,
        "delivery": found,
        "attempts": attempts_of(found),
        "body": orjson.dumps(body, option=orjson.OPT_INDENT_2).decode(),
        "error": error,
    }
    status = shell.REFUSED if error else 200
    return _page(request, access, "enterprise/webhooks/delivery.html", context, status=status)


def _webhook(access: Access, pk: int) -> Webhook:
    return shell.found_or_404(webhook_get(access.enterprise, pk))


def _to(access: Access, webhook: Webhook) -> HttpResponse:
    return redirect("webhook", access.enterprise.slug, webhook.pk)
