"""What crossed which threshold, in one sentence; whatever compares with purchased names its basis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from enterprise.wording.times import date_of

_RULES: dict[str, str | Promise] = {
    "free_seats:number": ngettext_lazy(
        "Fewer than %(threshold)s free license",
        "Fewer than %(threshold)s free licenses",
        "threshold",
    ),
    "free_seats:percent": _("Less than %(threshold)s %% of the purchased licenses free"),
    "count_jump:number": ngettext_lazy(
        "The count changes by %(threshold)s person or more within 7 days",
        "The count changes by %(threshold)s persons or more within 7 days",
        "threshold",
    ),
    "count_jump:percent": _("The count changes by %(threshold)s %% or more within 7 days"),
    "sync:": _("A sync of this console failed, is held or overdue"),
    "github_sync:": _("GitHub's own sync of an instance failed, is overdue or never happened"),
    "license_expiry:days": ngettext_lazy(
        "The license of an instance expires within %(threshold)s day",
        "The license of an instance expires within %(threshold)s days",
        "threshold",
    ),
    "token_expiry:days": ngettext_lazy(
        "A stored token expires within %(threshold)s day",
        "A stored token expires within %(threshold)s days",
        "threshold",
    ),
    "certificate_expiry:days": ngettext_lazy(
        "The TLS certificate of an instance expires within %(threshold)s day",
        "The TLS certificate of an instance expires within %(threshold)s days",
        "threshold",
    ),
    "upload_old:days": ngettext_lazy(
        "The applied upload of an instance is older than %(threshold)s day",
        "The applied upload of an instance is older than %(threshold)s days",
        "threshold",
    ),
}
_FOUND: dict[str, str | Promise] = {
    "free_seats:github": _(
        "Licenses are running short: GitHub counts %(used)s of %(purchased)s purchased, so %(free)s are free."
    ),
    "free_seats:console": ngettext_lazy(
        "Licenses are running short: this console finds %(used)s person for %(purchased)s purchased, so %(free)s are free; GitHub's own count is not known.",
        "Licenses are running short: this console finds %(used)s persons for %(purchased)s purchased, so %(free)s are free; GitHub's own count is not known.",
        "used",
    ),
    "count_jump": ngettext_lazy(
        "The count jumped: this console finds %(now)s person, and found %(before)s seven days ago.",
        "The count jumped: this console finds %(now)s persons, and found %(before)s seven days ago.",
        "now",
    ),
    "sync:failing": _("This console's last sync of %(host)s failed."),
    "sync:held": _("A sync of %(host)s is held and waits for an owner."),
    "sync:overdue": _("This console has not read %(host)s for longer than its rhythm and a day."),
    "github_sync:failed": _("GitHub says that its own last sync of %(host)s failed."),
    "github_sync:overdue": _("GitHub's own last sync of %(host)s is older than 8 days."),
    "github_sync:never": _("GitHub says that its own sync of %(host)s never happened."),
    "license_expiry": _("The license of %(host)s expires on %(on)s."),
    "license_expiry:expired": _("The license of %(host)s expired on %(on)s."),
    "token_expiry": _("The stored token for %(host)s expires on %(on)s."),
    "token_expiry:expired": _("The stored token for %(host)s expired on %(on)s."),
    "certificate_expiry": _("The TLS certificate of %(host)s expires on %(on)s."),
    "certificate_expiry:expired": _("The TLS certificate of %(host)s expired on %(on)s."),
    "upload_old": ngettext_lazy(
        "The applied upload of %(host)s is of %(on)s, %(days)s day ago.",
        "The applied upload of %(host)s is of %(on)s, %(days)s days ago.",
        "days",
    ),
}


def rule_sentence(kind: str, threshold: int | None, unit: str) -> str:
    """What a rule looks for, as a phrase."""
    return _RULES[f"{kind}:{unit}"] % {"threshold": threshold}


def alert_sentence(params: Mapping[str, Any]) -> str:
    """What happened to a rule and a subject of it."""
    kind = params["alert"]
    rule = rule_sentence(kind, params["threshold"], params["unit"])
    if params["action"] == "test":
        return gettext("This is a test of the alert “%(rule)s”.") % {"rule": rule}
    found = found_sentence(kind, params)
    if params["action"] == "over":
        return gettext("Over: %(found)s") % {"found": found}
    if params["action"] == "reminded":
        return gettext("Still so, since %(date)s: %(found)s") % {
            "date": date_of(params["since"]),
            "found": found,
        }
    return found


def found_sentence(kind: str, params: Mapping[str, Any]) -> str:
    """What is beyond the threshold."""
    detail = params.get("basis") or params.get("state")
    if kind.endswith("_expiry") and params["days"] < 0:
        detail = "expired"
    named = {**params, "host": params.get("host") or gettext("GitHub Enterprise Cloud")}
    if "on" in params:
        named["on"] = date_of(params.get("at") or params["on"])
    return _FOUND[f"{kind}:{detail}" if detail else kind] % named
