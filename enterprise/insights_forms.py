"""What may be entered on the pages of Insights."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from enterprise.services.duplicate_decisions import REASON_LENGTH


class ReasonForm(forms.Form):
    """Why two are not the same person."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        help_text=_("Kept with your name, for whoever looks next time."),
        error_messages={"required": _("Say why, so that others need not ask again.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
