"""The consumed-license report to take away."""

from __future__ import annotations

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from enterprise.access import Access, Permission, enterprise_view
from enterprise.downloads import report_download
from enterprise.models import Snapshot
from enterprise.selectors.licenses import snapshot_get, snapshot_latest
from enterprise.views.shell import whole_number


@enterprise_view(Permission.SEE_REPORTS)
def licensing_csv(request: HttpRequest, access: Access) -> HttpResponseBase:
    """The report as of the newest snapshot, or of ``?as_of=ID``.

    ``?headers=snake_case`` gives GitHub's older headers, ``?bom=1`` a UTF-8 mark for spreadsheets.
    Before the first count there is no file: an empty one would say that nobody consumes a license.
    """
    snapshot = _snapshot(request, access)
    if snapshot is None:
        return render(request, "nothing_counted.html", {"access": access}, status=409)
    return report_download(
        request,
        access,
        snapshot,
        snake_case=request.GET.get("headers") == "snake_case",
        utf8_mark=request.GET.get("bom") == "1",
    )


def _snapshot(request: HttpRequest, access: Access) -> Snapshot | None:
    as_of = request.GET.get("as_of")
    if as_of is None:
        return snapshot_latest(access.enterprise)
    number = whole_number(as_of)
    snapshot = None if number is None else snapshot_get(access.enterprise, number)
    if snapshot is None:
        raise Http404
    return snapshot
