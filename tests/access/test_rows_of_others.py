"""No way to a row of another enterprise: by a query or a body, either (by a path: test_matrix).

What is asked for may be refused, or done without it; nothing of the other enterprise is in the answer.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction

from enterprise.models import AlertRule, Digest, SyncRun
from tests.access.routes import Operation, Route, all_routes, operations, pages
from tests.access.world import ACME, OF_THE_OTHER, OTHER, PLACES, World, drain
from tests.api.v1.conftest import BODIES

pytestmark = pytest.mark.django_db

# Parameters that name nothing of one enterprise, or that by which it is found.
NO_ROW = {
    "slug": "the enterprise itself: test_matrix asks as owners of another",
    "enterprise": "the enterprise itself: test_matrix asks by tokens of another",
    "name": "a list, the same in each enterprise",
    "page": "a page of help",
    "token": "a secret",
    "provider_id": "set up for the whole console",
    "organization_slug": "set up for the whole console",
    "organization": "any organization's name may be given a target",
}
QUERIES = (
    *(
        "as_of",
        "snapshot",
        "from",
        "to",
        "one",
        "other",
        "before",
        "after",
        "instance",
        "run",
        "pk",
    ),
    *("duplicate", "ticked", "number", "since", "seen", "q", "actor", "category", "host"),
)
MARKS = (
    *(OF_THE_OTHER["host"], OF_THE_OTHER["username"], "org-of-other", f"person{OTHER:06}"),
    f"Name {OTHER}",
)
VALUES = (str(OTHER), OF_THE_OTHER["host"])


def test_each_parameter_is_asked_for_with_a_row_of_another_or_names_none() -> None:
    known = OF_THE_OTHER.keys() | NO_ROW
    for route in [*all_routes(), *(each.route for each in operations())]:
        assert {*route.parameters} <= known, (
            f"{route.key} has a parameter that no test knows: give it a row of another enterprise in"
            " OF_THE_OTHER (tests/access/world.py), or say in NO_ROW why it names none"
        )


def tells_of_others(response: Any) -> list[str]:
    content = response.read_bytes if response.streaming else response.content
    said = content.decode()
    return [mark for mark in MARKS if mark in said]


@pytest.mark.parametrize("route", pages(), ids=lambda route: route.key)
def test_no_query_of_a_page_reads_of_another_enterprise(world: World, route: Route) -> None:
    for value in VALUES:
        with transaction.atomic():
            query = dict.fromkeys(QUERIES, value)
            every = [{name: value} for name in QUERIES]
            for asked in (query, *every):
                response = drain(world.people["owner"].get(route.address(PLACES), asked))
                assert response.status_code < 500, asked
                found = tells_of_others(response)
                # What was asked for may be repeated in a search box, not answered.
                assert found == [] or found == [value], asked
            transaction.set_rollback(True)


READS = [each for each in operations() if each.method == "GET"]


@pytest.mark.parametrize("operation", READS, ids=lambda operation: operation.key)
def test_no_query_of_an_operation_reads_of_another_enterprise(
    world: World, operation: Operation
) -> None:
    client = world.tokens["admin:enterprise"]
    for name in QUERIES:
        for value in VALUES:
            with transaction.atomic():
                response = drain(client.get(operation.route.address(PLACES), {name: value}))
                transaction.set_rollback(True)
            assert response.status_code < 500, (name, value)
            found = tells_of_others(response)
            assert found == [] or (found == [value] and response.status_code >= 400), (name, value)


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("add_alert", {"webhooks": [OTHER]}),
        ("change_alert", {"webhooks": [OTHER]}),
        ("add_alert", {"people": [OF_THE_OTHER["username"]]}),
        ("change_digest", {"rhythm": "weekly", "people": [OF_THE_OTHER["username"]]}),
        ("start_runs", {"target": OF_THE_OTHER["host"]}),
    ],
)
def test_no_body_names_a_row_of_another_enterprise(
    world: World, key: str, body: dict[str, Any]
) -> None:
    operation = next(each for each in operations() if each.key == key)
    runs = SyncRun.objects.count()
    with transaction.atomic():
        response = world.tokens["admin:enterprise"].generic(
            operation.method,
            operation.route.address(PLACES),
            json.dumps(BODIES.get(key, {}) | body),
            content_type="application/json",
        )
        assert response.status_code in (404, 409, 422), response.content
        assert not AlertRule.objects.filter(enterprise=ACME, webhooks=OTHER).exists()
        assert not AlertRule.objects.filter(enterprise=ACME, people=OTHER).exists()
        assert not Digest.objects.filter(enterprise=ACME, people=OTHER).exists()
        assert SyncRun.objects.count() == runs
        transaction.set_rollback(True)


def test_no_form_names_a_row_of_another_enterprise(world: World) -> None:
    owner = world.people["owner"]
    with transaction.atomic():
        alert = {"kind": "sync", "unit": "", "repeat_days": 7, "webhooks": [OTHER]}
        assert owner.post("/enterprises/acme/settings/alerts/new", alert).status_code == 422
        upload = {"instance": OTHER, "host": OF_THE_OTHER["host"]}
        owner.post("/enterprises/acme/settings/connect/upload", upload)
        assert not SyncRun.objects.filter(enterprise=OTHER, trigger="upload").exists()
        transaction.set_rollback(True)


def test_the_marks_are_what_the_other_enterprise_shows(world: World) -> None:
    """Or the tests above would prove nothing."""
    owner, shown = world.people["other enterprise's owner"], set()
    for path in ("settings/members", "settings/connect", "licensing", "insights/allocation"):
        shown |= {*tells_of_others(owner.get(f"/enterprises/other/{path}"))}
    assert len(shown) >= 4, shown
