"""Stored codes as sentences and labels, in the viewer's language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from django import template
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from enterprise import wording
from enterprise.faults import Fault, Refused
from enterprise.models import (
    AlertRule,
    AlertState,
    CloudAccount,
    Enterprise,
    Event,
    Rhythm,
    Role,
    ServerInstance,
    Source,
    SyncRun,
)
from enterprise.selectors.allocation import share_shown
from enterprise.selectors.persons import mask_key
from enterprise.selectors.run_progress import run_rate
from enterprise.services.person_rows import ENTERPRISE, VISUAL_STUDIO
from enterprise.wording import times
from enterprise.wording.times import schedule_sentence

register = template.Library()

LICENSE_TYPES: dict[str, str | Promise] = {
    ENTERPRISE: pgettext_lazy("license type", "Enterprise"),
    VISUAL_STUDIO: _("Visual Studio subscription"),
}
PERSON_KINDS: dict[str, str | Promise] = {
    "cloud": _("Cloud only"),
    "cloud_and_server": _("Cloud and server"),
    "server": _("Server only"),
    "invitation": _("Invitation"),
}
REPORT_LABELS: dict[str, str | Promise] = {
    "github_com_login": _("GitHub login"),
    "github_com_name": _("Name"),
    "github_com_member_roles": _("Member roles"),
    "github_com_enterprise_roles": _("Enterprise roles"),
    "github_com_verified_domain_emails": _("Verified-domain e-mail addresses"),
    "github_com_saml_name_id": _("SAML NameID"),
    "github_com_orgs_with_pending_invites": _("Organizations with a pending invitation"),
    "github_com_two_factor_auth": _("Two-factor authentication"),
    "visual_studio_license_status": _("Visual Studio license"),
    "visual_studio_subscription_email": _("Visual Studio subscription e-mail address"),
    "enterprise_server_primary_emails": _("Primary e-mail addresses on servers"),
    "total_user_accounts": _("User accounts"),
}
"""What a person's row says, by GitHub's REST names."""

_FURTHER_LABELS: dict[str, str | Promise] = {
    "license_type": _("License type"),
    "github_com_user": _("Cloud account"),
    "github_com_profile": _("GitHub profile"),
    "visual_studio_subscription_user": _("Visual Studio subscriber"),
}
_GITHUB_STATES = {"never": "never_synced"}  # the others are called alike in console.STATES


@register.filter
def sentence(coded: Any) -> str:
    """What a run's error, a log line, a finding, a warning or a refusal says."""
    if isinstance(coded, SyncRun):
        return wording.sentence(coded.error_code, coded.error_params)
    if isinstance(coded, Fault | Refused):
        return wording.fault_sentence(coded)
    if isinstance(coded, Mapping):
        return wording.sentence(coded["code"], coded.get("params"))
    return wording.sentence(coded.code, coded.params)


@register.filter
def error_sentence(ended: Any) -> str:
    """What went wrong with something that keeps ``error_code`` and ``error_params``."""
    return wording.sentence(ended.error_code, ended.error_params)


@register.filter
def rate(run: SyncRun) -> int | None:
    """Records a second, as long as that is so."""
    return run_rate(run)


@register.filter
def duration(seconds: float) -> str:
    """How long something took."""
    return times.duration(seconds)


@register.filter
def rule_sentence(rule: AlertRule) -> str:
    """What an alert looks for."""
    return wording.rule_sentence(rule.kind, rule.threshold, rule.unit)


@register.simple_tag
def found_sentence(rule: AlertRule, state: AlertState) -> str:
    """What is beyond an alert's threshold."""
    return wording.found_sentence(rule.kind, state.params)


@register.filter
def event_sentence(event: Event) -> str:
    """What happened."""
    return wording.event_sentence(event.kind, event.params)


@register.filter
def masked_name(username: str) -> str:
    """A username, which may be an e-mail address, as an auditor sees it."""
    return mask_key(username)


@register.filter
def role_label(role: str) -> str | Promise:
    return Role(role).label


@register.filter
def source_label(source: str) -> str | Promise:
    return Source(source).label


@register.filter
def schedule(of: ServerInstance | Enterprise) -> str:
    """When an instance, or the cloud of an enterprise, is synced; "" before there is a schedule."""
    if of.schedule_time is None:
        return ""
    enterprise = of if isinstance(of, Enterprise) else of.enterprise
    daily = isinstance(of, ServerInstance) and of.rhythm == Rhythm.DAILY
    weekday = None if daily else of.schedule_weekday
    return schedule_sentence(weekday, of.schedule_time, enterprise.time_zone)


@register.filter
def github_row_kind(code: str | None) -> str | Promise:
    """What GitHub lists, ``""`` if that is no longer listed."""
    return CloudAccount.Kind(code).label if code else ""


@register.filter
def gap_sentence(gap: Mapping[str, Any]) -> str:
    return wording.gap_sentence(gap)


@register.filter
def license_type(code: str) -> str | Promise:
    return LICENSE_TYPES.get(code, code)


@register.filter
def share(exact: Fraction) -> str:
    """An exact share of seats as it is read, to two places."""
    return formats.number_format(share_shown(exact), decimal_pos=2, force_grouping=True)


@register.filter
def change_kind(code: str) -> str | Promise:
    return wording.CHANGES[code].name if code in wording.CHANGES else code


@register.filter
def person_kind(code: str) -> str | Promise:
    return PERSON_KINDS.get(code, code)


@register.filter
def report_label(name: str) -> str | Promise:
    return REPORT_LABELS.get(name) or _FURTHER_LABELS.get(name, name)


@register.filter
def report_value(value: object) -> str:
    """A value of a person's row in words; lists joined by commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, list):
        return pgettext("between names", ", ").join(map(str, value))
    return str(value)


@register.filter
def total_difference(kept: Mapping[str, int]) -> int:
    """Our persons less GitHub's rows, of what a snapshot keeps of its difference."""
    return kept["ours"] - kept["listed"]


@register.filter
def causes(kept: Mapping[str, int]) -> list[tuple[str | Promise, int]]:
    """The causes of a snapshot's difference that are not nought, by name."""
    return [(cause.name, kept[code]) for code, cause in wording.CAUSES.items() if kept.get(code)]


@register.filter
def github_state(state: str) -> str:
    """GitHub's state of an instance as a key of ``console.STATES``."""
    return _GITHUB_STATES.get(state, state)


@register.filter
def reason(evidence: Mapping[str, Any]) -> str:
    """What one piece of evidence says of two persons."""
    return wording.reason_sentence(evidence)


@register.filter
def weight(evidence: Mapping[str, Any]) -> str:
    """How much one piece of evidence tells."""
    return wording.weight_sentence(evidence)


@register.filter
def changes(change: Mapping[str, Any]) -> list[str]:
    """What to change where, so that two persons count as one."""
    return wording.change_sentences(change) if change else []


@register.filter
def rule_names(codes: str) -> list[str | Promise]:
    """The rules of a pair by name."""
    return [wording.DUPLICATE_RULES.get(code, code) for code in codes.split()]


@register.filter
def active_on(text: str) -> str:
    """The day of an instance's own time stamp as the viewer writes days; another text as it stands."""
    try:
        return formats.date_format(dt.date.fromisoformat(text[:10]), "DATE_FORMAT")
    except ValueError:
        return text or gettext("not known")
