"""From an empty console to the first sync: what comes next, where on GitHub it is made, and its test."""

from __future__ import annotations

from typing import NamedTuple

from enterprise.access import Access
from enterprise.github_pages import (
    CLOUD_SCOPE,
    SERVER_SCOPE,
    GitHubPage,
    cloud_web,
    new_token,
)
from enterprise.models import Source
from enterprise.selectors.connect import CloudLine
from enterprise.selectors.connect_page import FirstSteps, InstanceBox, first_steps


class FirstHour(NamedTuple):
    """``now`` names the first step that is not done; ``box`` is the instance that it is about."""

    steps: FirstSteps
    now: str
    box: InstanceBox | None
    cloud_token: GitHubPage
    server_token: GitHubPage | None  # where the source needs a token of the instance


def first_hour(access: Access, cloud: CloudLine, boxes: list[InstanceBox]) -> FirstHour | None:
    """None for who may not change anything, and once everything is done."""
    steps = first_steps(cloud, boxes)
    if steps.done or not access.may_change:
        return None
    now = next(name for name, done in steps._asdict().items() if not done)
    # The one that is furthest: what is enabled there is the next step's to build on.
    box = max(
        boxes,
        key=lambda box: (box.instance.license_sync_enabled, box.instance.connect_enabled),
        default=None,
    )
    server_token = None
    if box is not None and box.instance.source == Source.SITE_ADMIN_REPORT:
        server_token = new_token(box.instance.url, SERVER_SCOPE)
    web = cloud_web(access.enterprise.api_url)
    return FirstHour(steps, now, box, new_token(web, CLOUD_SCOPE), server_token)
