"""What an owner may enter on the pages of people, API tokens and the enterprise's own settings."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enterprise.forms import time_zones
from enterprise.models import ApiToken, BillingModel, Enterprise, Role
from enterprise.services.enterprises import (
    CLOUD_MAX_AGE_MOST,
    CLOUD_SCHEDULE,
    GUARD_MINIMUM_MOST,
    NAME_LENGTH,
    SEAT_PRICE_MOST,
)
from enterprise.services.members import EMAIL_LENGTH, USERNAME_LENGTH
from enterprise.services.single_sign_on import GROUP_LENGTH
from enterprise.services.tokens import NAME_LENGTH as TOKEN_NAME_LENGTH

ROLE_MEANINGS: dict[str, str | Promise] = {
    Role.OWNER: _("Changes everything, and sees everything."),
    Role.BILLING_MANAGER: _("Sees counts, reports and history, and downloads them."),
    Role.AUDITOR: _(
        "Sees what an owner sees, settings and audit log too, but changes nothing; e-mail addresses"
        " are masked."
    ),
}
SCOPE_MEANINGS: dict[str, str | Promise] = {
    ApiToken.Scope.READ_ENTERPRISE: _(
        "Consumed licenses and the state of license sync, as GitHub's own API serves them; history,"
        " runs, settings, people, tokens without their values, and the audit log. E-mail addresses"
        " are not masked."
    ),
    ApiToken.Scope.WRITE_SERVER_USAGE: _(
        "For a job that brings an instance's user list here. It sees no report."
    ),
    ApiToken.Scope.ADMIN_ENTERPRISE: _(
        "Includes all of the above. Give it only to what you would trust with your own password."
    ),
    ApiToken.Scope.READ_METRICS: _("For a monitoring system. It sees numbers, and no person."),
}


class MemberForm(forms.Form):
    username = forms.CharField(
        label=_("Username"),
        max_length=USERNAME_LENGTH,
        help_text=_("Of this console, not of GitHub. Somebody who has one already keeps it."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    email = forms.CharField(
        label=_("E-mail address"),
        max_length=EMAIL_LENGTH,
        required=False,
        help_text=_("For a new person, who may then sign in with it too."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label=_("Role"),
        choices=lambda: [
            (
                role.value,
                _("%(role)s: %(meaning)s")
                % {"role": role.label, "meaning": ROLE_MEANINGS[role.value]},
            )
            for role in Role
        ],
        initial=Role.AUDITOR,
        widget=forms.RadioSelect,
    )


EXPIRIES: dict[str, tuple[int | None, str | Promise]] = {
    "7": (7, _("In 7 days")),
    "30": (30, _("In 30 days")),
    "90": (90, _("In 90 days")),
    "365": (365, _("In a year")),
    "never": (None, _("Never")),
}


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=TOKEN_NAME_LENGTH,
        help_text=_("What the token is for; it stands in the audit log."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    expires = forms.ChoiceField(
        label=_("Expires"),
        choices=lambda: [(value, text) for value, (_days, text) in EXPIRIES.items()],
        initial="90",
        help_text=_("A token that expires does less harm when it leaks."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=ApiToken.Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one scope.")},
    )

    @property
    def expires_at(self) -> dt.datetime | None:
        days, _text = EXPIRIES[self.cleaned_data["expires"]]
        return None if days is None else timezone.now() + dt.timedelta(days=days)


class GroupRoleForm(forms.Form):
    provider = forms.ChoiceField(
        label=_("Identity provider"),
        choices=lambda: [
            (provider.id, provider.name)
            for provider in settings.LICSYNC_IDENTITY_PROVIDERS.values()
        ],
    )
    group = forms.CharField(
        label=_("Group"),
        max_length=GROUP_LENGTH,
        help_text=_("As the identity provider tells it: a name, or an id where it tells ids."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class EnterpriseSettingsForm(forms.Form):
    """The settings of an enterprise but for its address and token, which the cloud's page has."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_("As it shall be shown in this console."),
    )
    billing_model = forms.ChoiceField(
        label=_("Billing model"),
        choices=BillingModel.choices,
        help_text=_("With metered billing there are no purchased licenses to compare with."),
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zones,
        help_text=_("The schedule keeps to this zone's clock."),
    )
    exclude_never_signed_in = forms.TypedChoiceField(
        label=_("Accounts on servers that never signed in"),
        choices=[("no", _("Count")), ("yes", _("Do not count"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        help_text=_(
            "By GitHub's text an account on a server consumes a license once somebody has signed in."
            " A report tells that nobody has only by an empty last activity and IP address, so these"
            " accounts count unless you leave them out. A change is counted anew at once."
        ),
    )
    guard_share = forms.IntegerField(
        # xgettext:no-python-format
        label=_("Hold a result that loses more than … % of the accounts"),
        min_value=0,
        max_value=100,
        help_text=_(
            "A sync after which more of the applied accounts would be gone, consume no license any"
            " more or have another primary e-mail address is held: nothing changes until an owner"
            " has looked at it, and applies or discards it. So is a first read that lacks as much of"
            " the instance's own user total. An instance may have its own share."
        ),
    )
    guard_minimum = forms.IntegerField(
        label=_("Never hold for up to … accounts"),
        min_value=0,
        max_value=GUARD_MINIMUM_MOST,
        help_text=_("So many may always go, however few there are. The larger of the two counts."),
    )
    cloud_max_age_hours = forms.IntegerField(
        label=_("Read the cloud along with an instance if it is older than … hours"),
        min_value=1,
        max_value=CLOUD_MAX_AGE_MOST,
        help_text=_(
            "The cloud has its own weekly schedule. Beside it, each sync of an instance asks for"
            " one of the cloud if the last success is older than this."
        ),
    )
    schedule_weekday = forms.TypedChoiceField(
        label=_("Weekday"),
        required=False,
        coerce=int,
        empty_value=None,
        help_text=_("Of the cloud's own sync: at first, when its token was saved."),
    )
    schedule_time = forms.TimeField(
        label=_("Time"),
        required=False,
        help_text=_("By the clock of the enterprise's time zone, such as 08:00."),
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )
    renewal_on = forms.DateField(
        label=_("Renewal date"),
        required=False,
        help_text=_("The day until which licenses are bought. The forecast goes as far as this."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    seat_price = forms.DecimalField(
        label=_("Price of a license"),
        required=False,
        max_digits=12,
        decimal_places=2,
        min_value=0,
        max_value=SEAT_PRICE_MOST,
        help_text=_(
            "What one license costs for the time that you pay for. It is only multiplied: with what"
            " may be missing at the renewal, and in files for chargeback."
        ),
    )
    currency = forms.CharField(
        label=_("Currency"),
        required=False,
        max_length=3,
        help_text=_("Three letters by ISO 4217, such as USD or EUR."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        nothing_yet = [("", "—")] if self.initial.get("schedule_weekday") is None else []
        weekday = cast("forms.ChoiceField", self.fields["schedule_weekday"])
        weekday.choices = [*nothing_yet, *WEEKDAYS.items()]

    def clean(self) -> dict[str, Any]:
        """A weekday or time that is left empty stays as it is."""
        values: dict[str, Any] = super().clean() or {}
        return {n: v for n, v in values.items() if n not in CLOUD_SCHEDULE or v is not None}

    @classmethod
    def of(cls, enterprise: Enterprise) -> dict[str, Any]:
        values = {name: getattr(enterprise, name) for name in cls.base_fields}
        values["exclude_never_signed_in"] = "yes" if enterprise.exclude_never_signed_in else "no"
        return values
