"""``/styleguide``: each component in each state, to look at and to be checked by the browser tests.

For owners of any enterprise, and for anybody while debugging. What it shows is made up.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from enterprise.github_pages import CLOUD_SCOPE, GITHUB, new_token
from enterprise.models import DeliveryState, Role, RunPhase, RunState, SyncRun, User
from enterprise.selectors.run_progress import Step
from enterprise.templatetags.console import STATES, THEMES


class SampleForm(forms.Form):
    host_name = forms.CharField(
        label=gettext_lazy("Host name"),
        help_text=gettext_lazy("GitHub's name of the instance, as in HOST:ID."),
    )
    source = forms.ChoiceField(
        label=gettext_lazy("Source"),
        choices=[("report", gettext_lazy("Site-admin report")), ("upload", gettext_lazy("Upload"))],
        widget=forms.Select,
    )
    rhythm = forms.ChoiceField(
        label=gettext_lazy("Rhythm"),
        choices=[("weekly", gettext_lazy("Weekly")), ("daily", gettext_lazy("Daily"))],
        widget=forms.RadioSelect,
    )
    notes = forms.CharField(
        label=gettext_lazy("Certificate authority (PEM)"), required=False, widget=forms.Textarea
    )
    confirm = forms.BooleanField(
        label=gettext_lazy("Send the token over plain HTTP"),
        help_text=gettext_lazy("Anybody on the way can read it."),
    )


class SampleChoices(forms.Form):
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles"), choices=Role, widget=forms.CheckboxSelectMultiple
    )


def styleguide(request: HttpRequest) -> HttpResponse:
    """The components. ``?theme=`` shows them in another theme than the viewer's own."""
    if not settings.DEBUG:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not _owns_an_enterprise(request):
            raise Http404
    theme = request.GET.get("theme")
    if theme is not None and theme not in THEMES:
        raise Http404
    messages.success(request, _("Saved."))
    return render(request, "styleguide/styleguide.html", {"theme": theme, **_samples()})


def _owns_an_enterprise(request: HttpRequest) -> bool:
    user = request.user
    return isinstance(user, User) and user.memberships.filter(role=Role.OWNER).exists()


def _samples() -> dict[str, Any]:
    now = timezone.now()
    labels = {
        **dict(DeliveryState.choices),
        **dict(RunState.choices),
        "ok": _("Up to date"),
        "enabled": _("Enabled"),
        "disabled": _("Disabled"),
        "off": _("Off"),
        "failing": _("Failing"),
        "overdue": _("Overdue"),
        "never_synced": _("Never synced"),
        "unknown": _("Unknown"),
    }
    return {
        "tabs": [
            {"key": "overview", "label": _("Overview"), "icon": "organization", "url": "#"},
            {
                "key": "licensing",
                "label": _("Licensing"),
                "icon": "law",
                "url": "#",
                "count": 12480,
            },
            {"key": "runs", "label": _("Runs"), "icon": "sync", "url": "#"},
            {"key": "settings", "label": _("Settings"), "icon": "gear", "url": "#"},
        ],
        "tab": "settings",
        "side_nav": [
            {
                "label": _("Settings"),
                "links": [
                    {"key": "connect", "label": "GitHub Connect", "icon": "server", "url": "#"},
                    {"key": "cloud", "label": _("Cloud"), "icon": "cloud", "url": "#"},
                    {
                        "key": "people",
                        "label": _("People"),
                        "icon": "people",
                        "url": "#",
                        "count": 4,
                    },
                ],
            }
        ],
        "side": "connect",
        "states": [(state, labels[state]) for state in STATES],
        "themes": THEMES,
        "switch": [
            {
                "value": "enabled",
                "label": _("Enabled"),
                "description": _("Reads users every week and on demand."),
            },
            {
                "value": "disabled",
                "label": _("Disabled"),
                "description": _("Keeps the last data, marked as of its date."),
            },
        ],
        "runs": [
            SyncRun(
                pk=pk,
                state=RunState.RUNNING,
                phase=RunPhase.READING,
                done=3200,
                expected=expected,
                rate=410,
                lease_until=now + timedelta(seconds=settings.LICSYNC_LEASE_SECONDS),
                tries=pk - 1,
                attempt=pk,
            )
            for pk, expected in ((1, 4800), (2, None))
        ],
        "steps": [
            Step(RunPhase.LICENSES, "done", 204),
            Step(RunPhase.SYNC_STATUS, "done", 0.2),
            Step(RunPhase.IDENTITIES, "current", 8),
            Step(RunPhase.CHECKING, "coming", None),
            Step(RunPhase.CHECKING, "ended", 3),
            Step(RunPhase.APPLYING, "left", None),
        ],
        "recently": now - timedelta(minutes=4),
        "soon": now + timedelta(days=3),
        "long_ago": now - timedelta(days=200),
        "form": SampleForm({"source": "report", "rhythm": "weekly", "host_name": ""}),
        "empty_form": SampleForm(auto_id="plain_%s"),
        "choices": SampleChoices({"roles": [Role.OWNER]}, auto_id="chosen_%s"),
        "no_choices": SampleChoices({}, auto_id="unchosen_%s"),
        "github_page": new_token(GITHUB, CLOUD_SCOPE),
        "persons": [
            ("octocat", "octocat@example.com", "Enterprise", 3),
            ("hubot", "hubot@example.com", "Visual Studio subscription", 1),
            (
                "ghes1.example.com:4711",
                "a-rather-long-address@department.example.com",
                "Enterprise",
                12,
            ),
        ],
    }
