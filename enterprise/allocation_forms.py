"""What an owner may enter about whose seats are whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext_lazy as _

from enterprise import wording
from enterprise.services.cost_centers import ORGANIZATION_LENGTH, TARGET_MOST
from enterprise.sources.cost_centers import IDENTIFIER_LENGTH

if TYPE_CHECKING:
    from enterprise.views.uploads import SpooledFile


class TargetForm(forms.Form):
    organization = forms.CharField(label=_("Organization"), max_length=ORGANIZATION_LENGTH)
    seats = forms.IntegerField(
        label=_("Target in licenses"),
        required=False,
        min_value=0,
        max_value=TARGET_MOST,
        help_text=_("Empty takes the target away."),
    )


class ForgetForm(forms.Form):
    identifier = forms.CharField(
        label=_("Identifier"),
        max_length=IDENTIFIER_LENGTH,
        help_text=_("An e-mail address, HOST:ID or a cloud login, as in the file."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class MappingForm(forms.Form):
    file = forms.FileField(
        label=_("CSV file"),
        allow_empty_file=True,
        help_text=_(
            "In UTF-8, with the header identifier,cost_center. An identifier is an e-mail address, an"
            " account on a server as HOST:ID, or a cloud login."
        ),
    )

    def clean_file(self) -> SpooledFile:
        file: SpooledFile = self.cleaned_data["file"]
        if file.fault is not None:
            raise forms.ValidationError(wording.fault_sentence(file.fault))
        return file
