"""The overview of an enterprise: the two totals, its instances, what needs attention, the trend."""

from __future__ import annotations

import datetime as dt

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from enterprise.access import Access, Permission, enterprise_view
from enterprise.selectors.connect import cloud_line
from enterprise.selectors.connect_page import instance_boxes
from enterprise.selectors.history import weekly_snapshots
from enterprise.selectors.licenses import recount_is_pending, snapshot_latest, totals_of
from enterprise.views import shell
from enterprise.views.attention import attention
from enterprise.views.first_hour import first_hour
from enterprise.views.trend import trend_of

YEAR = dt.timedelta(days=365)


@enterprise_view(Permission.SEE_REPORTS)
def overview(request: HttpRequest, access: Access) -> HttpResponse:
    snapshot = snapshot_latest(access.enterprise)
    totals = totals_of(snapshot) if snapshot else None
    boxes = instance_boxes(access.enterprise)
    cloud = cloud_line(access.enterprise)
    weeks = weekly_snapshots(access.enterprise, since=timezone.now() - YEAR)
    context = {
        "totals": totals,
        "boxes": boxes,
        "cloud": cloud,
        "guide": first_hour(access, cloud, boxes),
        "attention": attention(access, boxes, cloud, totals),
        "weeks": list(reversed(weeks)),
        "trend": trend_of(weeks),
        "recount_pending": recount_is_pending(access.enterprise),
    }
    return shell.page(request, access, "enterprise/overview.html", context, tab="overview")


@enterprise_view(Permission.SEE_REPORTS)
def recount_state(request: HttpRequest, access: Access) -> HttpResponse:
    """Whether a recount is pending, for the line that says so; its end ends the polling."""
    pending = recount_is_pending(access.enterprise)
    context = {"recount_pending": pending, "recounted": not pending}
    return shell.partial(
        request,
        access,
        "enterprise/_recount.html",
        context,
        status=200 if pending else shell.POLL_ENDED,
    )
