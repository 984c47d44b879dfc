"""What may be entered on the pages of Insights."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from enterprise.services.duplicate_decisions import REASON_LENGTH
from enterprise.services.reclaim_plans import MOST_SEATS


class ReasonForm(forms.Form):
    """Why two are not the same person."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        help_text=_("Kept with your name, for whoever looks next time."),
        error_messages={"required": _("Say why, so that others need not ask again.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class PlanForm(forms.Form):
    """How many seats to free."""

    seats = forms.IntegerField(
        label=_("Licenses to free"),
        min_value=1,
        max_value=MOST_SEATS,
        help_text=_("Of those longest not active, who are in no open plan and not exempt."),
    )


class ExemptionForm(forms.Form):
    """Until when a person keeps the seat, and why."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        help_text=_("Kept with your name, for whoever looks next time."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    until = forms.DateField(
        label=_("Until"),
        help_text=_("The last day of the exemption."),
        widget=forms.DateInput(attrs={"type": "date"}),
    )
