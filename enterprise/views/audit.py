"""The audit log: who changed what, newest first; as a page with filters, and as a file."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enterprise.access import Access, Permission, enterprise_view
from enterprise.downloads import table_file
from enterprise.emails import mask_text
from enterprise.models import AuditEvent
from enterprise.reports.tables import audit_table
from enterprise.selectors.audit import events_page
from enterprise.selectors.persons import mask_key
from enterprise.templatetags.words import report_value
from enterprise.views import shell

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
    "instance.schedule": _("Changed the schedule"),
    "member.set": _("Gave a role"),
    "member.kept": _("Kept a role whose group is gone"),
    "group.set": _("Gave a group a role"),
    "group.remove": _("Took a group's role away"),
    "member.remove": _("Took a role away"),
    "member.link": _("Made a sign-in link"),
    "user.email_set": _("Changed a person's e-mail address"),
    "user.password_set": _("Set a person's password"),
    "user.factor_add": _("Added a second factor or passkey"),
    "user.factor_renew": _("Made new recovery codes"),
    "user.factor_remove": _("Removed a second factor or passkey"),
    "user.sessions_end": _("Signed out their other sessions"),
    "user.identity_link": _("Linked an identity provider"),
    "user.identity_unlink": _("Unlinked an identity provider"),
    "run.request": _("Asked for a sync"),
    "run.cancel": _("Cancelled a run"),
    "run.apply": _("Applied a held result"),
    "run.discard": _("Discarded a held result"),
    "backup.make": _("Made a backup"),
    "backup.restore": _("Restored a backup"),
    "keys.rotate": _("Changed the keys of stored tokens"),
    "person.erase": _("Erased personal data"),
    "snapshot.expire": _("Let old counts go"),
    "audit.expire": _("Let old events go"),
    "duplicate.dismiss": _("Decided that two are not the same person"),
    "duplicate.reopen": _("Put two persons back on the work-list"),
    "cost_centers.replace": _("Uploaded the mapping of cost centers"),
    "cost_centers.erase": _("Erased the mapping of cost centers"),
    "cost_centers.forget": _("Erased lines of the mapping of cost centers"),
    "target.set": _("Set a target of licenses"),
    "target.remove": _("Removed a target of licenses"),
    "exemption.set": _("Let a person keep the license"),
    "exemption.end": _("Took an exemption back"),
    "plan.make": _("Made a plan to free licenses"),
    "plan.end": _("Ended a plan to free licenses"),
    "report.download": _("Downloaded a report"),
    "report.send": _("Sent a report with the digest"),
    "server_usage.upload": _("Uploaded server usage"),
    "server_usage.export": _("Exported server usage"),
    "webhook.add": _("Added a webhook"),
    "webhook.edit": _("Changed a webhook"),
    "webhook.remove": _("Deleted a webhook"),
    "webhook.ping": _("Tested a webhook"),
    "webhook.disable": _("Disabled a webhook that failed for too long"),
    "webhook.enable": _("Enabled a webhook again"),
    "delivery.redeliver": _("Sent a delivery again"),
    "alert.add": _("Added an alert"),
    "alert.edit": _("Changed an alert"),
    "alert.remove": _("Deleted an alert"),
    "digest.set": _("Changed the digest"),
    "digest.send": _("Sent the digest to themselves"),
    "alert.test": _("Tested an alert"),
    "token.make": _("Made an API token"),
    "token.scopes_set": _("Changed an API token's scopes"),
    "token.revoke": _("Revoked an API token"),
}


class Line(NamedTuple):
    """One event. ``changes`` are (setting, before, after) in words, "" where a side has nothing."""

    event: AuditEvent
    actor: str
    target: str
    action: str | Promise
    changes: list[tuple[str, str, str]]


class Wanted(NamedTuple):
    """Which events are asked for; it lives in the URL."""

    action: str = ""
    actor: str = ""

    def url(self, **more: Any) -> str:
        query = QueryDict(mutable=True)
        values = {**self._asdict(), **more}
        query.update({name: str(value) for name, value in values.items() if value})
        return f"?{query.urlencode()}"


def _wanted(request: HttpRequest) -> Wanted:
    action = request.GET.get("action", "")
    actor = request.GET.get("actor", "").replace("\0", "").strip()[:200]
    return Wanted(action if action in ACTIONS else "", actor)


@enterprise_view(Permission.SEE_SETTINGS)
def audit_log(request: HttpRequest, access: Access) -> HttpResponse:
    wanted = _wanted(request)
    before = shell.whole_number(request.GET.get("before"))
    found, following = events_page(
        access.enterprise, before=before, masked=access.masked, **wanted._asdict()
    )
    context = {
        "lines": [_line(event, access) for event in found],
        "wanted": wanted,
        "filtered": any(wanted),
        "actions_known": sorted(ACTIONS.items(), key=lambda item: str(item[1])),
        "query": wanted.url(),
        "first_url": wanted.url() if before is not None else None,
        "next_url": wanted.url(before=following) if following is not None else None,
    }
    return shell.page(
        request, access, "enterprise/audit.html", context, tab="settings", side="audit"
    )


def _line(event: AuditEvent, access: Access) -> Line:
    names = dict.fromkeys([*event.before, *event.after])
    hide_text = mask_text if access.masked else str
    changes = [
        (
            name,
            hide_text(report_value(event.before.get(name))),
            hide_text(report_value(event.after.get(name))),
        )
        for name in names
    ]
    shown = [change for change in changes if any(change[1:])]
    hide = mask_key if access.masked else str
    action = ACTIONS.get(event.action, event.action)
    return Line(event, hide(event.actor), hide(event.target), action, shown)


@enterprise_view(Permission.SEE_SETTINGS)
def audit_csv(request: HttpRequest, access: Access) -> HttpResponseBase:
    """Every event that the page's filters let through, in codes: the same in any language."""
    wanted = _wanted(request)._asdict()
    table = audit_table(access.enterprise, masked=access.masked, **wanted)
    return table_file(request, access, table)
