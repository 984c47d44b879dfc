"""What is wrong with the audit log, in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FINDINGS: dict[str, str | Promise] = {
    "batch_missing": _("Batch %(number)d is missing."),
    "batch_changed": _("Batch %(number)d does not fit the seal before it."),
    "events_missing": _("Events of batch %(number)d are missing."),
    "events_added": _("Events were put into batch %(number)d."),
    "events_changed": _("Events of batch %(number)d were changed."),
    "signature_unknown": _("Batch %(number)d is signed with none of today's credential keys."),
    "expired_unexplained": _(
        "The events of batch %(number)d are marked as past their retention, but nothing let them go."
    ),
    "events_astray": _("Event %(number)d is in a batch of another enterprise."),
}


def finding_sentence(code: str, number: int) -> str:
    return str(FINDINGS[code]) % {"number": number}
