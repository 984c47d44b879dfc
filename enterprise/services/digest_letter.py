"""The digest as a letter, with the report attached where that was asked for.

Auditors get e-mail addresses masked, as everywhere.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.utils.translation import gettext as _

from enterprise import wording
from enterprise.models import Delivery, Snapshot
from enterprise.reports.csv import file_name, report_csv
from enterprise.services.letters import letter

MOST_ATTACHED = 5 * 2**20  # bytes; mail servers refuse what is much larger


def digest_letter(delivery: Delivery, *, masked: bool) -> EmailMultiAlternatives:
    """In the active language and zone, without its recipient."""
    params = delivery.event.params
    file = _report(delivery, masked=masked) if params["attach_csv"] else None
    now, before = params["now"], params["before"]
    context = {
        "told": wording.event_sentence("digest", params),
        "as_of": dt.datetime.fromisoformat(now["at"]),
        "since": dt.datetime.fromisoformat(before["at"]) if before else None,
        "rows": _rows(now, before),
        "changes": _changes(params["changes"]),
        "attention": [wording.found_sentence(each["alert"], each) for each in params["attention"]],
        "too_large": params["attach_csv"] and file is None,
        "masked": masked,
    }
    subject = _("License digest: %(told)s") % {"told": context["told"]}
    message = letter(delivery, subject, "enterprise/mail/digest", context)
    if file is not None:
        name, content = file
        message.attach(name, content, "text/csv")
    return message


def _rows(now: dict[str, Any], before: dict[str, Any] | None) -> list[dict[str, Any]]:
    """GitHub's numbers first, ours beside them, never mixed; free names its basis."""
    labels = [
        ("github_total", _("GitHub counts")),
        ("github_purchased", _("Purchased")),
        ("persons", _("This console finds")),
        ("server_only", _("of them on servers only")),
        ("ambiguous", _("Ambiguous accounts")),
    ]
    rows = []
    for name, label in labels:
        then = before.get(name) if before else None
        change = now[name] - then if now[name] is not None and then is not None else None
        rows.append({"label": label, "now": now[name], "before": then, "change": change})
    if now["github_purchased"] is not None:
        by_github = now["github_total"] is not None
        used = now["github_total"] if by_github else now["persons"]
        label = _("Free, by GitHub's count") if by_github else _("Free, by this console's count")
        free = now["github_purchased"] - used
        rows.insert(2, {"label": label, "now": free, "before": None, "change": None})
    return rows


def _changes(found: dict[str, int] | None) -> list[tuple[str, int]]:
    if found is None:
        return []
    labels = [
        ("joined", _("Joined")),
        ("left", _("Left")),
        ("matched", _("Matched")),
        ("split", _("Split")),
        ("changed", _("Changed otherwise")),
    ]
    return [(label, found[name]) for name, label in labels]


def _report(delivery: Delivery, *, masked: bool) -> tuple[str, bytes] | None:
    """The consumed-license report of the digest's count; None if it is too large for a letter."""
    enterprise = delivery.event.enterprise
    pk = delivery.event.params["snapshot"]
    snapshot = Snapshot.objects.filter(enterprise=enterprise, pk=pk).first()
    if snapshot is None:
        return None
    snapshot.enterprise = enterprise
    content = bytearray()
    for chunk in report_csv(snapshot, masked=masked, incomplete="%(written)s/%(persons)s"):
        content += chunk
        if len(content) > MOST_ATTACHED:
            return None
    return file_name(snapshot, "csv"), bytes(content)
