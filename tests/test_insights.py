"""Each insight is a page, an operation of the API, a file by all three ways, and a page of the docs."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from django.conf import settings
from django.core.management import load_command_class

from tests.api.v1.conftest import operations
from tests.api.v1.test_pages import page_names


class Insight(NamedTuple):
    """``page`` and ``file`` are names of addresses, ``reads`` and ``downloads`` operations.

    ``export`` is a word of ``manage.py export``; ``told`` a file of the documentation and its heading.
    """

    page: str
    reads: str
    file: str
    downloads: str
    export: str
    told: tuple[str, str]


INSIGHTS = [
    Insight(
        *("duplicates", "list_duplicates", "duplicates_csv", "download_duplicates", "duplicates"),
        ("insights.md", "## Work-list"),
    ),
    Insight(
        *("changes", "list_changes", "compare_csv", "download_changes", "changes"),
        ("insights.md", "## What changed"),
    ),
    Insight(
        *("forecast", "get_forecast", "trend_csv", "download_trend", "trend"),
        ("insights.md", "## Trend"),
    ),
    Insight(
        *("alerts", "list_alert_history", "alert_history_csv", "download_alert_history", "alerts"),
        ("alerts.md", "## The history"),
    ),
    Insight(
        *("digest", "get_digest", "licensing_csv", "download_report", "report"),  # it attaches that
        ("alerts.md", "## The digest"),
    ),
    Insight(
        *("reclaim", "list_candidates", "reclaim_csv", "download_candidates", "reclaim"),
        ("insights.md", "## Reclaim planner"),
    ),
    Insight(
        *("allocation", "get_allocation", "allocation_csv", "download_allocation", "allocation"),
        ("insights.md", "## Allocation"),
    ),
]


@pytest.mark.parametrize("insight", INSIGHTS, ids=lambda insight: insight.page)
def test_an_insight_can_be_had_in_every_way(insight: Insight) -> None:
    known = {operation["operationId"] for _, _, operation in operations()}
    assert {insight.page, insight.file} <= set(page_names())
    assert {insight.reads, insight.downloads} <= known
    parser = load_command_class("enterprise", "export").create_parser("manage.py", "export")
    assert insight.export in str(parser.format_usage() + parser.format_help())
    name, heading = insight.told
    text = (settings.BASE_DIR / "docs" / name).read_text(encoding="utf-8")
    assert f"\n{heading}" in text
