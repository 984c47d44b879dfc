"""The pages of Insights have one frame: a tab, and a navigation at the side."""

from __future__ import annotations

import pytest
from django.test import Client

PAGE = "/enterprises/acme/insights/duplicates"


def test_the_tab_leads_to_the_work_list_and_is_the_current_one_there(owner: Client) -> None:
    html = owner.get(PAGE).content.decode()
    assert f'href="{PAGE}"' in owner.get("/enterprises/acme").content.decode()
    assert html.count('aria-current="page"') == 3  # the tab, the entry at the side, the breadcrumb
    assert "GitHub Connect" not in html.split('class="side-nav"')[1].split("</nav>")[0]


@pytest.mark.parametrize("who", ["owner", "billing_manager", "auditor"])
def test_whoever_may_see_reports_may_see_insights(who: str, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue(who).get(PAGE).status_code == 200


def test_a_stranger_is_told_nothing(stranger: Client) -> None:
    assert stranger.get(PAGE).status_code == 404
