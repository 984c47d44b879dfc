"""What a person may enter. A form asks; the services decide, and their refusal lands on its field."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.conf import settings
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from enterprise import wording
from enterprise.faults import Refused
from enterprise.models import BillingModel, Enterprise, Rhythm, ServerInstance, Source, User

if TYPE_CHECKING:
    _UserForm = forms.ModelForm[User]
else:
    _UserForm = forms.ModelForm


def refuse(form: forms.BaseForm, refused: Refused) -> None:
    """Show a refusal at its field, or above the form where it has none there."""
    field = refused.field if refused.field in form.fields else None
    form.add_error(field, wording.fault_sentence(refused))


def time_zones() -> list[tuple[str, str]]:
    """Every zone by its name, as a choice."""
    return [(name, name.replace("_", " ")) for name in sorted(zoneinfo.available_timezones())]


class TokenInput(forms.PasswordInput):
    """Write-only: what is stored is never sent to the browser."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "off", "spellcheck": "false"})


class EnterpriseForm(forms.Form):
    """The settings of an enterprise account."""

    name = forms.CharField(
        label=_("Name"), max_length=200, help_text=_("As it shall be shown in this console.")
    )
    api_url = forms.CharField(
        label=_("API address"),
        max_length=300,
        initial="https://api.github.com",
        help_text=_("With data residency: https://api.SUBDOMAIN.ghe.com"),
    )
    billing_model = forms.ChoiceField(
        label=_("Billing model"), choices=BillingModel.choices, initial=BillingModel.VOLUME
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zones,
        initial="UTC",
        help_text=_("The schedule keeps to this zone's clock."),
    )

    @classmethod
    def of(cls, enterprise: Enterprise) -> dict[str, Any]:
        return {name: getattr(enterprise, name) for name in EnterpriseForm.base_fields}


class NewEnterpriseForm(EnterpriseForm):
    slug = forms.CharField(
        label=_("Enterprise slug"),
        max_length=100,
        help_text=_("As in github.com/enterprises/SLUG."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    token = forms.CharField(
        label=_("Token for GitHub Enterprise Cloud"),
        required=False,
        strip=True,
        widget=TokenInput,
        help_text=_(
            "A classic token of an enterprise owner with the scope read:enterprise. "
            "You can also save it later."
        ),
    )
    field_order = [  # noqa: RUF012 - Django's own attribute
        "slug",
        "name",
        "api_url",
        "billing_model",
        "time_zone",
        "token",
    ]


class CloudForm(EnterpriseForm):
    """The cloud side: settings, and a token that is only ever written."""

    token = forms.CharField(
        label=_("Token for GitHub Enterprise Cloud"),
        required=False,
        strip=True,
        widget=TokenInput,
        help_text=_(
            "A classic token of an enterprise owner with the scope read:enterprise. "
            "It is stored encrypted and never shown again."
        ),
    )


class KeptChoice(forms.ChoiceField):
    """A choice that stays as it is where it is not posted at all."""

    def validate(self, value: Any) -> None:
        if value:
            super().validate(value)


class InstanceForm(forms.Form):
    """How an instance is reached. ``settings`` are the values that ``instance_edit`` takes."""

    SETTINGS: ClassVar[tuple[str, ...]] = (
        "source",
        "url",
        "enterprise_slug",
        "proxy",
        "ca_bundle",
        "plain_http_confirmed",
        "guard_share",
        "keep_logins",
    )

    source = KeptChoice(
        label=_("Source"),
        choices=Source.choices,
        initial=Source.SITE_ADMIN_REPORT,
        help_text=_(
            "Compared below. A change ends an active run and throws a held result away; the first "
            "result then replaces what the former source gave, and waits until you apply it."
        ),
    )
    url = forms.CharField(
        label=_("Address"),
        max_length=300,
        required=False,
        help_text=_("Only if it is not https:// and the host name."),
    )
    username = forms.CharField(
        label=_("Username"),
        max_length=150,
        required=False,
        help_text=_("The login of the site administrator who made the token."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    token = forms.CharField(
        label=_("Token"),
        required=False,
        strip=True,
        widget=TokenInput,
        help_text=_(
            "A classic token with the scope site_admin. "
            "It is stored encrypted and never shown again."
        ),
    )
    enterprise_slug = forms.CharField(
        label=_("Slug on the instance"),
        max_length=100,
        required=False,
        help_text=_(
            "Only if the instance's own enterprise account has another slug than the enterprise here: "
            "as in https://HOST/enterprises/SLUG. The link to its License page and the comparison "
            "with SCIM need it."
        ),
    )
    proxy = forms.CharField(
        label=_("Proxy"), max_length=300, required=False, help_text=_("As http://HOST:PORT.")
    )
    ca_bundle = forms.CharField(
        label=_("Certificate authority (PEM)"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_("Only if the instance's certificate is signed by your own authority."),
    )
    plain_http_confirmed = forms.BooleanField(
        label=_("Send the token over plain HTTP"),
        required=False,
        help_text=_("For an address with http:// only. Anybody on the way can read the token."),
    )
    guard_share = forms.IntegerField(
        # xgettext:no-python-format
        label=_("Hold a result that loses more than … % of the accounts"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=_("Empty: the share that the general settings have for the enterprise."),
    )
    keep_logins = forms.BooleanField(
        label=_("Also keep logins and last activity"),
        required=False,
        help_text=_(
            "For the work-list and the reclaim planner. Where it is off, they are not kept; switching"
            " it off erases them at once, and cancels what is being read."
        ),
    )

    @classmethod
    def of(cls, instance: ServerInstance) -> dict[str, Any]:
        return {name: getattr(instance, name) for name in cls.SETTINGS}

    @property
    def settings(self) -> dict[str, Any]:
        values = {name: self.cleaned_data[name] for name in self.SETTINGS}
        return values if values["source"] else {n: v for n, v in values.items() if n != "source"}

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if self._new_username(values) and not values.get("token"):
            self.add_error("token", _("A username is saved together with its token: enter both."))
        return values

    def _new_username(self, values: dict[str, Any]) -> bool:
        return bool(values.get("username")) and values["username"] != self.initial.get("username")


class ScheduleForm(forms.Form):
    """When an instance is synced."""

    rhythm = forms.ChoiceField(label=_("Rhythm"), choices=Rhythm.choices)
    schedule_weekday = forms.TypedChoiceField(
        label=_("Weekday"),
        choices=list(WEEKDAYS.items()),
        coerce=int,
        help_text=_("Of a weekly rhythm."),
    )
    schedule_time = forms.TimeField(
        label=_("Time"),
        help_text=_("By the clock of the enterprise's time zone, such as 08:00."),
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )

    @classmethod
    def of(cls, instance: ServerInstance) -> dict[str, Any]:
        return {name: getattr(instance, name) for name in cls.base_fields}


class NewInstanceForm(InstanceForm):
    host_name = forms.CharField(
        label=_("Host name"),
        max_length=253,
        help_text=_("GitHub's name of the instance, as in HOST:ID."),
        widget=forms.TextInput(
            attrs={"list": "host-names", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    field_order = ["host_name"]  # noqa: RUF012 - Django's own attribute


class ProfileForm(_UserForm):
    """A person's own settings; nothing chosen means the browser's language and the console's zone."""

    language = forms.ChoiceField(label=_("Language"), required=False)
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)

    class Meta:
        model = User
        fields: ClassVar[list[str]] = ["language", "time_zone", "theme"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choices("language", [("", _("As the browser says")), *settings.LANGUAGES])
        self._choices(
            "time_zone", [("", _("As this console: %s") % settings.TIME_ZONE), *time_zones()]
        )

    def _choices(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = choices
