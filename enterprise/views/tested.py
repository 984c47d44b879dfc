"""What is told once a connection's settings are saved or tried, each finding with where it is mended."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from enterprise.github_pages import GitHubPage, cloud_page, server_page
from enterprise.models import Enterprise, ServerInstance, Source
from enterprise.selectors.connect_page import CLOUD
from enterprise.services.connection_test import (
    ConnectionTest,
    cloud_connection_test,
    connection_test,
)
from enterprise.views.connect import LEVELS, Told
from enterprise.wording import sentence


def cloud_tested(enterprise: Enterprise) -> Told:
    page_of = partial(cloud_page, enterprise.api_url, enterprise.slug)
    return _told(CLOUD, cloud_connection_test(enterprise=enterprise), page_of)


def instance_tested(instance: ServerInstance) -> Told:
    page_of = partial(server_page, instance.url)
    if instance.source == Source.CLOUD_COPY:
        page_of = partial(cloud_page, instance.enterprise.api_url, instance.enterprise.slug)
    return _told(f"instance-{instance.pk}", connection_test(instance=instance), page_of)


def _told(about: str, result: ConnectionTest, page_of: Callable[[str], GitHubPage | None]) -> Told:
    kind, text = "success", _("The connection works.")
    if not result.ok:
        kind, text = "error", _("The connection test failed.")
    elif any(finding.level == "warning" for finding in result.findings):
        kind, text = "warning", _("The connection works, with remarks.")
    findings = [(finding, page_of(finding.code)) for finding in result.findings]
    return Told(about, kind, text, result, findings)


def say_saved(request: HttpRequest, changed: Collection[str], *, new_token: bool) -> None:
    """That ``changed`` fields are saved, and whether the token went with them."""
    if "credentials" in changed and not new_token:
        text = _("Saved. The token was bound to the former address and is erased: enter it again.")
        messages.warning(request, text)
    else:
        messages.success(request, _("Saved."))


def say_test(request: HttpRequest, told: Told) -> None:
    """A test beside something else that was done: as a message on the page that comes next."""
    if told.test is None:
        return
    worst = [sentence(f.code, f.params) for f in told.test.findings if f.level != "ok"]
    messages.add_message(request, LEVELS[told.kind], " ".join([told.text, *worst]))
