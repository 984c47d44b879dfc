"""The audit log: who changed what, newest first."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enterprise.access import Access, Permission, enterprise_view
from enterprise.models import AuditEvent
from enterprise.templatetags.words import report_value
from enterprise.views import shell

PAGE = 50

ACTIONS: dict[str, str | Promise] = {
    "enterprise.add": _("Added the enterprise"),
    "enterprise.edit": _("Changed the enterprise's settings"),
    "enterprise.token_set": _("Saved the cloud token"),
    "instance.add": _("Added the instance"),
    "instance.edit": _("Changed the instance's settings"),
    "instance.token_set": _("Saved the instance's token"),
    "instance.remove": _("Removed the instance and its data"),
    "instance.connect_enable": _("Enabled GitHub Connect"),
    "instance.connect_disable": _("Disabled GitHub Connect"),
    "instance.license_sync_enable": _("Enabled license sync"),
    "instance.license_sync_disable": _("Disabled license sync"),
    "instance.rhythm": _("Changed the rhythm"),
    "member.set": _("Gave a role"),
    "member.remove": _("Took a role away"),
    "run.request": _("Asked for a sync"),
    "run.cancel": _("Cancelled a run"),
    "run.apply": _("Applied a held result"),
    "run.discard": _("Discarded a held result"),
    "report.download": _("Downloaded a report"),
    "token.make": _("Made an API token"),
    "token.scopes_set": _("Changed an API token's scopes"),
    "token.revoke": _("Revoked an API token"),
}


class Line(NamedTuple):
    """One event. ``changes`` are (setting, before, after) in words, "" where a side has nothing."""

    event: AuditEvent
    action: str | Promise
    changes: list[tuple[str, str, str]]


@enterprise_view(Permission.SEE_SETTINGS)
def audit_log(request: HttpRequest, access: Access) -> HttpResponse:
    events = AuditEvent.objects.filter(enterprise=access.enterprise).order_by("-pk")
    before = shell.whole_number(request.GET.get("before"))
    if before is not None:
        events = events.filter(pk__lt=before)
    found = list(events[: PAGE + 1])
    more = len(found) > PAGE
    found = found[:PAGE]
    context = {
        "lines": [_line(event) for event in found],
        "first_url": "?" if before is not None else None,
        "next_url": f"?before={found[-1].pk}" if more else None,
    }
    return shell.page(
        request, access, "enterprise/audit.html", context, tab="settings", side="audit"
    )


def _line(event: AuditEvent) -> Line:
    names = dict.fromkeys([*event.before, *event.after])
    changes = [
        (name, report_value(event.before.get(name)), report_value(event.after.get(name)))
        for name in names
    ]
    shown = [change for change in changes if any(change[1:])]
    return Line(event, ACTIONS.get(event.action, event.action), shown)
