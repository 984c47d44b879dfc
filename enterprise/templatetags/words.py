"""Stored codes as sentences and labels, in the viewer's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enterprise import wording
from enterprise.faults import Fault, Refused
from enterprise.models import SyncRun
from enterprise.services.person_rows import ENTERPRISE, VISUAL_STUDIO

register = template.Library()

LICENSE_TYPES: dict[str, str | Promise] = {
    ENTERPRISE: _("Enterprise"),
    VISUAL_STUDIO: _("Visual Studio subscription"),
}
PERSON_KINDS: dict[str, str | Promise] = {
    "cloud": _("Cloud only"),
    "cloud_and_server": _("Cloud and server"),
    "server": _("Server only"),
    "invitation": _("Invitation"),
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
def gap_sentence(gap: Mapping[str, Any]) -> str:
    return wording.gap_sentence(gap)


@register.filter
def license_type(code: str) -> str | Promise:
    return LICENSE_TYPES.get(code, code)


@register.filter
def person_kind(code: str) -> str | Promise:
    return PERSON_KINDS.get(code, code)


@register.filter
def github_state(state: str) -> str:
    """GitHub's state of an instance as a key of ``console.STATES``."""
    return _GITHUB_STATES.get(state, state)
