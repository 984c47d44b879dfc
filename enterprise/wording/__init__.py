"""Sentences for codes, in the viewer's language.

Whatever is stored (a run's error, a log line, a membership's rule) is a code and its parameters;
here is what a person reads. Each sentence about trouble says what to do. One module a subject;
everything is imported from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext

from enterprise.counting import match
from enterprise.emails import REMOVED
from enterprise.faults import Fault, Refused
from enterprise.wording.alerts import alert_sentence, found_sentence, rule_sentence
from enterprise.wording.allocation import ALLOCATION_FAULTS
from enterprise.wording.changes import CHANGES, Change
from enterprise.wording.counts import CAUSES, EXCLUSIONS, RULES, Cause
from enterprise.wording.deliveries import DELIVERY_FAULTS
from enterprise.wording.duplicates import NAMES as DUPLICATE_RULES
from enterprise.wording.duplicates import (
    UNAVAILABLE,
    change_sentences,
    reason_sentence,
    weight_sentence,
)
from enterprise.wording.events import count_sentence, overdue_sentence, run_event_sentence
from enterprise.wording.faults import FAULTS as SOURCE_FAULTS
from enterprise.wording.faults import TLS_REASONS
from enterprise.wording.log_lines import FACTS, GAPS
from enterprise.wording.log_lines import LOG_LINES as RUN_LOG_LINES
from enterprise.wording.refusals import REFUSALS
from enterprise.wording.uploads import UPLOAD_FAULTS, UPLOAD_LOG_LINES

__all__ = [
    "CAUSES",
    "CHANGES",
    "DUPLICATE_RULES",
    "EXCLUSIONS",
    "FAULTS",
    "GAPS",
    "LOG_LINES",
    "REFUSALS",
    "UNAVAILABLE",
    "Cause",
    "Change",
    "change_sentences",
    "event_sentence",
    "fault_sentence",
    "found_sentence",
    "gap_sentence",
    "membership_sentence",
    "person_sentence",
    "reason_sentence",
    "rule_sentence",
    "sentence",
    "weight_sentence",
]

FAULTS: dict[str, str | Promise] = {
    **SOURCE_FAULTS,
    **UPLOAD_FAULTS,
    **DELIVERY_FAULTS,
    **ALLOCATION_FAULTS,
}
LOG_LINES: dict[str, str | Promise] = {**RUN_LOG_LINES, **UPLOAD_LOG_LINES}


class _Known(dict[str, Any]):
    """Parameters of a sentence; one that an older version did not store shows as a dash."""

    def __missing__(self, key: str) -> str:
        return "–"


def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """The sentence of a fault, refusal or log line in the active language; an unknown code as it is."""
    template = FAULTS.get(code) or REFUSALS.get(code) or LOG_LINES.get(code)
    if template is None:
        return code
    known = _Known(params or {})
    if code in ("tls_failed", "receiver_tls_failed") and known["reason"] in TLS_REASONS:
        known["reason"] = str(TLS_REASONS[known["reason"]])
    if code == "facts_unread":
        parts = [str(FACTS.get(part, part)) for part in known["part"].split(", ")]
        known["part"] = pgettext("between names", ", ").join(parts)
    if why := known.pop("why", ""):  # a code itself, with its parameters among these
        known["why"] = sentence(why, known)
    return str(template) % known


def fault_sentence(error: Fault | Refused) -> str:
    """The sentence of an error that was raised."""
    return sentence(error.code, error.params)


def event_sentence(kind: str, params: Mapping[str, Any]) -> str:
    """What happened, in one sentence."""
    if kind == "ping":
        return gettext("This is a test of the webhook “%(name)s”.") % params
    if kind == "digest":
        return count_sentence(params)
    if kind == "threshold.crossed":
        return alert_sentence(params)
    if kind == "run.overdue":
        return overdue_sentence(params)
    if kind == "count.changed":
        return count_sentence(params)
    why = sentence(params["code"], params["params"]) if params["code"] else ""
    return run_event_sentence(kind, params, why)


def gap_sentence(gap: Mapping[str, Any]) -> str:
    """What an optional part of the cloud run lacks, from ``CloudState.gaps``."""
    why = sentence(gap["code"], gap.get("params"))
    return str(GAPS[gap["part"]]) % {"why": why}


def membership_sentence(
    *, account: str, rule: str, attribute: int, value: str, candidates: list[str]
) -> str:
    """Why one account is in its person; an ambiguity names all candidates."""
    text = str(RULES[rule]) % {
        "account": account,
        "attribute": match.ATTRIBUTES[attribute],
        "value": gettext("e-mail removed") if value == REMOVED else value,
    }
    if candidates:
        names = pgettext("between names", ", ").join(candidates)
        others = gettext("more than one person fits: %(names)s; the first was chosen")
        text += pgettext("between reasons", "; ") + others % {"names": names}
    return text


def person_sentence(*, has_cloud_row: bool, name: str, accounts: list[str]) -> str:
    """Why a person counts, in one sentence; ``accounts`` are ``membership_sentence``s."""
    said = {"name": name, "reasons": pgettext("between reasons", "; ").join(accounts)}
    if not has_cloud_row:
        return gettext("Counts once: %(reasons)s.") % said
    if not accounts:
        return gettext("Counts once: GitHub lists %(name)s as consuming a license.") % said
    return gettext("Counts once: GitHub lists %(name)s as consuming a license; %(reasons)s.") % said
