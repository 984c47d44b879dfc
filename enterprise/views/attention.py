"""What of an enterprise somebody should look at, each with where to do so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from enterprise import wording
from enterprise.access import Access
from enterprise.models import EventKind, SyncRun
from enterprise.selectors.connect import CloudLine, GitHubState, InstanceState
from enterprise.selectors.connect_page import CLOUD, InstanceBox, domain_is_missing
from enterprise.selectors.failures import failures_count
from enterprise.selectors.licenses import Totals
from enterprise.selectors.webhooks import webhooks_disabled
from enterprise.templatetags.console import number

LICENSE_ENDS_SOON = dt.timedelta(days=30)


class Attention(NamedTuple):
    """One thing that somebody should look at. ``level`` is warning or error."""

    level: str
    about: str
    text: str
    url: str
    url_label: str


def attention(
    access: Access, boxes: list[InstanceBox], cloud: CloudLine, totals: Totals | None
) -> list[Attention]:
    """Licenses first, then the cloud, then each instance."""
    found = [*_of_licenses(access, totals), *_of_cloud(access, cloud)]
    for box in boxes:
        found += _of_instance(access, box)
    return [*found, *_of_telling(access)]


def _of_telling(access: Access) -> Iterator[Attention]:
    if not access.may_see_settings:
        return
    for webhook in webhooks_disabled(access.enterprise):
        url = reverse("webhook", args=[access.enterprise.slug, webhook.pk])
        text = _("This webhook failed for too long and was disabled: it is told of nothing.")
        yield _look("error", webhook.name, text, url)
    for kind, failed in failures_count(access.enterprise).items():
        if kind == EventKind.DIGEST:
            about, page = _("Digest"), "digest"
            text = ngettext(
                "%(n)s digest could not be delivered in the last 7 days.",
                "%(n)s digests could not be delivered in the last 7 days.",
                failed,
            )
        else:
            about, page = _("Alerts"), "alerts"
            text = ngettext(
                "%(n)s telling of an alert could not be delivered in the last 7 days.",
                "%(n)s tellings of alerts could not be delivered in the last 7 days.",
                failed,
            )
        url = reverse(page, args=[access.enterprise.slug])
        yield _look("error", about, text % {"n": number(failed)}, url)


def _of_licenses(access: Access, totals: Totals | None) -> Iterator[Attention]:
    if totals is None or totals.free is None or totals.free >= 0:
        return
    text = ngettext(
        "%(n)s license more is consumed than was purchased.",
        "%(n)s licenses more are consumed than were purchased.",
        -totals.free,
    )
    url = reverse("licensing", args=[access.enterprise.slug])
    yield _look("error", _("Licenses"), text % {"n": number(-totals.free)}, url)


def _of_cloud(access: Access, cloud: CloudLine) -> Iterator[Attention]:
    about = _("GitHub Enterprise Cloud")
    slug = access.enterprise.slug
    yield from _of_runs(slug, about, failed=cloud.failed, held=cloud.held)
    place = f"{reverse('connect', args=[slug])}#{CLOUD}"
    url = place if access.may_see_settings else reverse("licensing", args=[slug])
    for gap in cloud.state.gaps:
        yield _look("warning", about, wording.gap_sentence(gap), url)
    if domain_is_missing(cloud):
        text = _(
            "The enterprise has no verified domain: e-mail addresses stay hidden, "
            "and persons may count twice."
        )
        url = reverse("help_page", args=["domains"])
        yield Attention("warning", about, text, url, _("How to verify a domain"))


def _of_instance(access: Access, box: InstanceBox) -> Iterator[Attention]:
    host = box.instance.host_name
    slug = access.enterprise.slug
    if box.line.state != InstanceState.OFF:
        yield from _of_runs(slug, host, failed=box.failed, held=box.held)
        yield from _of_license(box)
    if box.line.state == InstanceState.OVERDUE:
        text = _("This console has not read it for longer than its rhythm.")
        yield _look("warning", host, text, f"{reverse('runs', args=[slug])}?instance={host}")
    github = {
        GitHubState.NEVER: _("GitHub says: GitHub Connect server usage never synced."),
        GitHubState.FAILED: _("GitHub says that its own last sync failed."),
        GitHubState.OVERDUE: _("GitHub's own last sync is older than 8 days."),
    }.get(box.line.github.state)
    if github is not None:
        yield _look("warning", host, github, box.line.license_url)


def _of_license(box: InstanceBox) -> Iterator[Attention]:
    """The instance's own license, as last read; of one that is off it may long be renewed."""
    ends = box.instance.license_expires_on
    today = timezone.localdate()
    if ends is None or ends - today > LICENSE_ENDS_SOON:
        return
    date = formats.date_format(ends)
    if ends < today:
        level, text = "error", _("Its license expired on %(date)s.")
    else:
        level, text = "warning", _("Its license expires on %(date)s.")
    yield _look(level, box.instance.host_name, text % {"date": date}, box.line.license_url)


def _of_runs(
    slug: str, about: str, *, failed: SyncRun | None, held: SyncRun | None
) -> Iterator[Attention]:
    for level, run in (("error", failed), ("warning", held)):
        if run is not None:
            text = wording.sentence(run.error_code, run.error_params)
            yield _look(level, about, text, reverse("run", args=[slug, run.pk]))


def _look(level: str, about: str, text: str, url: str) -> Attention:
    return Attention(level, about, text, url, _("Look at it"))
