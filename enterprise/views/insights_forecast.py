"""The trend and the forecast: the count over time, what is purchased, and what comes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from enterprise.access import Access, Permission, enterprise_view
from enterprise.counting.forecast import FEWEST_WEEKS
from enterprise.downloads import table_file
from enterprise.reports.tables import trend_table
from enterprise.selectors.outlook import (
    Span,
    high_water_of,
    outlook_of,
    points_of,
    points_shown,
)
from enterprise.views import shell
from enterprise.views.outlook_chart import outlook_chart


@enterprise_view(Permission.SEE_REPORTS)
def forecast(request: HttpRequest, access: Access) -> HttpResponse:
    """The last year by weeks, or all time by months with ``?span=all``."""
    enterprise = access.enterprise
    span: Span = "all" if request.GET.get("span") == "all" else "year"
    points = points_of(enterprise)
    outlook = outlook_of(enterprise, points)
    shown = points_shown(points, span, enterprise.zone)
    context = {
        "outlook": outlook,
        "chart": outlook_chart(shown, outlook) if outlook else None,
        "months": list(outlook.months()) if outlook else [],
        "points": shown[::-1],
        "span": span,
        "spans": [("year", _("The last year, by weeks")), ("all", _("All time, by months"))],
        "highest_ours": high_water_of(points, "console"),
        "highest_github": high_water_of(points, "github"),
        "fewest_weeks": FEWEST_WEEKS,
    }
    return shell.page(
        request,
        access,
        "enterprise/insights/forecast.html",
        context,
        tab="insights",
        side="forecast",
    )


@enterprise_view(Permission.SEE_REPORTS)
def trend_csv(request: HttpRequest, access: Access) -> HttpResponseBase:
    """Every snapshot's numbers."""
    return table_file(request, access, trend_table(access.enterprise))
