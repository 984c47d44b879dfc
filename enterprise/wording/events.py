"""What happened, in one sentence, for a webhook's text and the subject of an e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from enterprise.wording.times import date_of

_RUNS: dict[str, str | Promise] = {
    "run.succeeded": _("The sync of %(what)s succeeded."),
    "run.failed": _("The sync of %(what)s failed: %(why)s"),
    "run.held": _("The sync of %(what)s is held and waits for an owner: %(why)s"),
    "upload.applied": _("An upload for %(what)s was applied."),
}
_TARGETS: dict[str, str | Promise] = {
    "cloud": _("GitHub Enterprise Cloud"),
    "recount": _("the count"),
}


def run_event_sentence(kind: str, params: Mapping[str, Any], why: str) -> str:
    """``why`` is the sentence of the run's error, in the same language."""
    what = params["host"] or str(_TARGETS.get(params["kind"], params["kind"]))
    return str(_RUNS[kind]) % {"what": what, "why": why}


def overdue_sentence(params: Mapping[str, Any]) -> str:
    if params["last_success_at"] is None:
        return gettext("%(host)s is overdue: this console has never read it.") % params
    text = gettext("%(host)s is overdue: this console last read it on %(date)s.")
    return text % {"host": params["host"], "date": date_of(params["last_success_at"])}


def count_sentence(params: Mapping[str, Any]) -> str:
    """Both totals, each by its own name: ours and GitHub's are never mixed."""
    now, before = params["now"], params["before"]
    text = ngettext(
        "This console finds %(n)s person", "This console finds %(n)s persons", now["persons"]
    ) % {"n": now["persons"]}
    if before is not None:
        text += " " + gettext("(%(before)s before)") % {"before": before["persons"]}
    if now["github_total"] is None:
        return gettext("%(ours)s.") % {"ours": text}
    if now["github_purchased"] is None:
        theirs = gettext("GitHub counts %(total)s") % {"total": now["github_total"]}
    else:
        theirs = gettext("GitHub counts %(total)s of %(purchased)s purchased") % {
            "total": now["github_total"],
            "purchased": now["github_purchased"],
        }
    return gettext("%(ours)s; %(theirs)s.") % {"ours": text, "theirs": theirs}
