"""What an owner may enter of a webhook."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from enterprise.forms import TokenInput
from enterprise.models import Webhook
from enterprise.models.delivery import SUBSCRIBABLE
from enterprise.services.webhooks import NAME_LENGTH, SECRET_LEAST, SECRET_MOST, SETTINGS


class WebhookForm(forms.Form):
    """A new webhook; of one that is there, address and secret stay if nothing is entered."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_("What the receiver is, such as a channel or a system."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    url = forms.CharField(
        label=_("Address"),
        max_length=2000,
        help_text=_(
            "It is stored encrypted and never shown again, since the address of a chat service is a"
            " secret."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    body = forms.ChoiceField(
        label=_("Body"), choices=Webhook.Body.choices, initial=Webhook.Body.JSON
    )
    language = forms.ChoiceField(
        label=_("Language of the text"), choices=settings.LANGUAGES, initial="en"
    )
    secret = forms.CharField(
        label=_("Secret"),
        required=False,
        min_length=SECRET_LEAST,
        max_length=SECRET_MOST,
        widget=TokenInput,
        help_text=_(
            "It signs the body, as GitHub does. If you enter none, one is made and shown once."
        ),
    )
    events = forms.MultipleChoiceField(
        label=_("Events"),
        required=False,
        choices=[(kind.value, kind.label) for kind in SUBSCRIBABLE],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("An alert may choose this webhook too, whatever is chosen here."),
    )
    ca_bundle = forms.CharField(
        label=_("Certificate authority (PEM)"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_("Only if the receiver's certificate is signed by your own authority."),
    )
    active = forms.BooleanField(label=_("Active"), required=False, initial=True)

    def __init__(self, *args: Any, editing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if editing:
            self.fields["url"].required = False
            self.fields["url"].help_text = _("Leave it empty to keep the address.")
            self.fields["secret"].help_text = _("Leave it empty to keep the secret.")

    @classmethod
    def of(cls, webhook: Webhook) -> dict[str, Any]:
        return {name: getattr(webhook, name) for name in SETTINGS}
