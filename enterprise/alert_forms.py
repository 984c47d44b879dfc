"""What an owner may enter of an alert, and of the digest."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.db.models import Manager
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from enterprise.models import (
    AlertKind,
    AlertRule,
    AlertUnit,
    Digest,
    DigestRhythm,
    Enterprise,
    Membership,
    Role,
    Webhook,
)
from enterprise.services.alerts import SETTINGS, THRESHOLD_MOST
from enterprise.services.digests import SETTINGS as DIGEST_SETTINGS


class ReceiversForm(forms.Form):
    """Who gets e-mail: everybody with a role, and people by username."""

    roles = forms.MultipleChoiceField(
        label=_("E-mail to everybody with the role"),
        required=False,
        choices=Role.choices,
        widget=forms.CheckboxSelectMultiple,
    )
    people = forms.CharField(
        label=_("E-mail to people"),
        required=False,
        max_length=4000,
        help_text=_("Usernames, between commas or spaces."),
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocomplete": "off"}),
    )

    def clean_people(self) -> list[str]:
        return [name for name in re.split(r"[\s,;]+", self.cleaned_data["people"]) if name]


def _usernames(members: Manager[Membership]) -> str:
    """As they are entered."""
    names = members.order_by("user__username").values_list("user__username", flat=True)
    return ", ".join(names)


class AlertForm(ReceiversForm):
    kind = forms.ChoiceField(label=_("Alert"), choices=AlertKind.choices)
    threshold = forms.IntegerField(
        label=_("Threshold"),
        required=False,
        min_value=0,
        max_value=THRESHOLD_MOST,
        help_text=_(
            "Free licenses below it, a jump of at least it, days left at the most, or days since the"
            " upload. A sync that failed needs none."
        ),
    )
    unit = forms.ChoiceField(
        label=_("Unit"),
        required=False,
        choices=[("", "—"), *AlertUnit.choices],
        help_text=_("Persons or per cent for licenses and jumps; all others are in days."),
    )
    repeat_days = forms.IntegerField(
        label=_("Remind after … days"),
        min_value=0,
        max_value=365,
        initial=7,
        help_text=_("While it goes on. 0 reminds never."),
    )
    webhooks = forms.MultipleChoiceField(
        label=_("Webhooks"), required=False, widget=forms.CheckboxSelectMultiple
    )
    active = forms.BooleanField(label=_("Active"), required=False, initial=True)

    def __init__(self, *args: Any, enterprise: Enterprise, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hooks = Webhook.objects.filter(enterprise=enterprise).order_by("name")
        field = self.fields["webhooks"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        field.choices = [(str(hook.pk), hook.name) for hook in hooks]

    @classmethod
    def of(cls, rule: AlertRule) -> dict[str, Any]:
        return {
            **{name: getattr(rule, name) for name in SETTINGS},
            "people": _usernames(rule.people),
            "webhooks": [str(pk) for pk in rule.webhooks.values_list("pk", flat=True)],
        }


class DigestForm(ReceiversForm):
    rhythm = forms.ChoiceField(label=_("Rhythm"), choices=DigestRhythm.choices)
    weekday = forms.TypedChoiceField(
        label=_("Weekday"),
        choices=list(WEEKDAYS.items()),
        coerce=int,
        help_text=_("Of a weekly digest."),
    )
    month_day = forms.IntegerField(
        label=_("Day of the month"),
        min_value=1,
        max_value=28,
        help_text=_("Of a monthly digest."),
    )
    time = forms.TimeField(
        label=_("Time"),
        help_text=_("By the clock of the enterprise's time zone, such as 08:00."),
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )
    attach_csv = forms.BooleanField(
        label=_("Attach the report as CSV"),
        required=False,
        help_text=_("Up to 5 MB. Auditors get e-mail addresses masked."),
    )

    @classmethod
    def of(cls, digest: Digest) -> dict[str, Any]:
        values = {name: getattr(digest, name) for name in DIGEST_SETTINGS}
        return {**values, "people": "" if digest._state.adding else _usernames(digest.people)}
