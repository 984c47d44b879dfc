"""One person: why they count, what the report says of them, and since when."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise

from enterprise import wording
from enterprise.access import Access, Permission, enterprise_view
from enterprise.models import PersonVersion, Snapshot
from enterprise.selectors.licenses import snapshot_get, snapshot_latest
from enterprise.selectors.persons import PersonDetail, person_get
from enterprise.services.erasure import pseudonym
from enterprise.templatetags.words import REPORT_LABELS, report_value
from enterprise.views import shell


class Version(NamedTuple):
    """A person as of some time. ``until`` is None for the present one."""

    version: PersonVersion
    since: Snapshot | None
    until: Snapshot | None
    is_shown: bool


@enterprise_view(Permission.SEE_REPORTS)
def person(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Why a person counts, as of the newest snapshot or ``?as_of=`` an earlier one."""
    as_of = request.GET.get("as_of")
    if as_of is None:
        snapshot = snapshot_latest(access.enterprise)
    else:
        snapshot = snapshot_get(access.enterprise, shell.whole_number(as_of) or 0)
    snapshot = shell.found_or_404(snapshot)
    detail = person_get(access.enterprise, number, snapshot=snapshot, masked=access.masked)
    if detail is None:
        return _gone(request, access, number, snapshot)
    reasons = [
        wording.membership_sentence(
            account=m.account,
            rule=m.rule,
            attribute=m.attribute,
            value=m.value,
            candidates=m.candidates,
        )
        for m in detail.memberships
    ]
    context = {
        "detail": detail,
        "line": detail.line,
        "snapshot": snapshot,
        "as_of": as_of is not None,
        "why": wording.person_sentence(
            has_cloud_row=detail.has_cloud_row, name=detail.line.key, accounts=reasons
        ),
        "memberships": list(zip(detail.memberships, reasons, strict=True)),
        "facts": _facts(detail),
        "versions": _versions(access, detail.history, snapshot),
    }
    return shell.page(request, access, "enterprise/licensing/person.html", context, tab="licensing")


def _gone(request: HttpRequest, access: Access, number: int, snapshot: Snapshot) -> HttpResponse:
    """A person who did not consume a license then, though they do at another time."""
    history = list(
        PersonVersion.objects.filter(enterprise=access.enterprise, number=number).order_by(
            "from_snapshot"
        )
    )
    shell.found_or_404(history[0] if history else None)
    context = {
        "number": number,
        "erasable": access.may_change
        and all(v.to_snapshot is not None for v in history)
        and any(v.key != pseudonym(number) for v in history),
        "snapshot": snapshot,
        "versions": _versions(access, history, snapshot),
    }
    return shell.page(
        request, access, "enterprise/licensing/person_gone.html", context, tab="licensing"
    )


def _versions(access: Access, history: list[PersonVersion], shown: Snapshot) -> list[Version]:
    """Newest first."""
    ids = {v.from_snapshot for v in history} | {v.to_snapshot for v in history if v.to_snapshot}
    snapshots = (
        Snapshot.objects.filter(enterprise=access.enterprise)
        .defer("anchors", "totals")
        .in_bulk(ids)
    )
    return [
        Version(
            v,
            snapshots.get(v.from_snapshot),
            snapshots.get(v.to_snapshot) if v.to_snapshot else None,
            v.from_snapshot <= shown.pk and (v.to_snapshot is None or v.to_snapshot > shown.pk),
        )
        for v in reversed(history)
    ]


def _facts(detail: PersonDetail) -> list[tuple[str | Promise, str]]:
    """What the report says of a person, only what it has; lists joined by commas."""
    report = detail.line.report
    return [
        (label, report_value(report[name]))
        for name, label in REPORT_LABELS.items()
        if report.get(name) not in (None, "", [])
    ]
