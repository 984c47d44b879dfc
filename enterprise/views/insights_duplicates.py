"""The work-list: persons that are probably one, and what would make them one."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from enterprise.access import Access, Permission, enterprise_view
from enterprise.selectors.licenses import snapshot_latest
from enterprise.views import shell


@enterprise_view(Permission.SEE_REPORTS)
def duplicates(request: HttpRequest, access: Access) -> HttpResponse:
    context = {"snapshot": snapshot_latest(access.enterprise)}
    return shell.page(
        request,
        access,
        "enterprise/insights/duplicates.html",
        context,
        tab="insights",
        side="duplicates",
    )
