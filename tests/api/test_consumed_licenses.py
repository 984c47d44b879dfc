"""The list of persons: its rows, its pages, and that a walk sees one snapshot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
import time_machine
from django.utils import timezone
from jsonschema import Draft4Validator

from enterprise.models import CloudState, Enterprise
from enterprise.records import CloudRow
from enterprise.services.cloud_rows import row_matching
from enterprise.sources.ghec_rows import row_of
from tests.api.conftest import LICENSES, STATUS, Api, error, links, logins, make_token
from tests.factories import EnterpriseFactory, ServerInstanceFactory, SyncRunFactory
from tests.reports.ledger import apply_rows, count, member, members

CONTRACTS = Path(__file__).parents[2] / "sandbox" / "contracts"


def schema(file: str, path: str) -> dict[str, Any]:
    """The schema of a success, with OpenAPI's ``nullable`` in the words of JSON Schema."""
    document = json.loads((CONTRACTS / file).read_text())
    answer = document["paths"][path]["get"]["responses"]["200"]
    translated: dict[str, Any] = _nullable(answer["content"]["application/json"]["schema"])
    return translated


def _nullable(value: Any) -> Any:
    if isinstance(value, list):
        return [_nullable(each) for each in value]
    if not isinstance(value, dict):
        return value
    translated = {name: _nullable(each) for name, each in value.items()}
    if translated.pop("nullable", False):
        translated["type"] = [translated["type"], "null"]
    return translated


def everybody() -> list[CloudRow]:
    """One row of each kind that counts, with what is rare."""
    return [
        member("mona", two_factor=True, license_type="visual studio subscription"),
        member("hubot", name="", saml_name_id="", two_factor=None),
        CloudRow(pending_invites=("acme",)),
        CloudRow(
            visual_studio_user=True,
            visual_studio_status="Matched",
            visual_studio_email="vs@example.com",
            license_type="Visual Studio subscription",
        ),
        CloudRow(server_user=True, server_user_ids=("ghes9.example.com:5",)),
    ]


# --- Rows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("basis", ["console", "github"])
def test_answers_are_as_githubs_schema_says(enterprise: Enterprise, api: Api, basis: str) -> None:
    count(enterprise, everybody())
    body = api.get(LICENSES, {"basis": basis}).json()
    wanted = schema("ghec-licensing.openapi.json", "/enterprises/{enterprise}/consumed-licenses")
    Draft4Validator(wanted).validate(body)
    named = set(wanted["properties"]["users"]["items"]["properties"])
    assert all(named <= set(user) for user in body["users"])


def test_the_license_type_is_in_githubs_words(enterprise: Enterprise, api: Api) -> None:
    count(enterprise, everybody())
    users = api.get(LICENSES).json()["users"]
    assert {user["license_type"] for user in users} == {"enterprise", "visual studio subscription"}


def test_totals_are_ours_and_githubs_stands_in_a_header(enterprise: Enterprise, api: Api) -> None:
    snapshot = count(enterprise, everybody())
    response = api.get(LICENSES)
    body = response.json()
    assert list(body) == ["total_seats_consumed", "total_seats_purchased", "users"]
    assert body["total_seats_consumed"] == len(body["users"]) == 4
    assert body["total_seats_purchased"] == 500
    assert response["X-Licsync-GitHub-Total"] == "5"
    assert response["X-Licsync-Snapshot"] == str(snapshot.pk)
    assert response["X-Licsync-As-Of"] == f"{snapshot.taken_at:%Y-%m-%dT%H:%M:%SZ}"


def test_a_purchase_that_is_not_known_is_left_out(enterprise: Enterprise, api: Api) -> None:
    apply_rows(enterprise, members(1), purchased=None)
    assert "total_seats_purchased" not in api.get(LICENSES, {"basis": "github"}).json()


def test_github_as_basis_gives_its_own_rows_and_totals(enterprise: Enterprise, api: Api) -> None:
    count(enterprise, everybody())
    CloudState.objects.update(total=5000)
    response = api.get(LICENSES, {"basis": "github"})
    body = response.json()
    assert body["total_seats_consumed"] == 5000
    assert len(body["users"]) == 5
    assert response["X-Licsync-GitHub-Total"] == "5000"


@pytest.mark.parametrize(
    "emails",
    [
        {"enterprise_server_emails": ["b@corp.example", "a@corp.example"]},
        {"enterprise_server_emails": ["b@corp.example"], "enterprise_server_primary_emails": []},
        {
            "enterprise_server_emails": ["b@corp.example", "a@corp.example"],
            "enterprise_server_primary_emails": ["a@corp.example"],
        },
    ],
)
def test_github_as_basis_gives_its_own_lists_of_emails(
    enterprise: Enterprise, api: Api, emails: dict[str, list[str]]
) -> None:
    apply_rows(enterprise, [row_of({"github_com_login": "mona", **emails})])
    (user,) = api.get(LICENSES, {"basis": "github"}).json()["users"]
    given = {name: value for name, value in user.items() if name.endswith("_emails")}
    assert given == {"github_com_verified_domain_emails": [], **emails}


def test_an_email_proves_whose_it_is_in_either_list(enterprise: Enterprise) -> None:
    def emails_of(**emails: list[str]) -> list[str]:
        names = {f"enterprise_server_{name}": value for name, value in emails.items()}
        found: list[str] = orjson.loads(row_matching(row_of(names)))[5]
        return found

    assert emails_of(emails=["b@x.io", "a@x.io"], primary_emails=["a@x.io"]) == ["a@x.io", "b@x.io"]
    assert emails_of(emails=["b@x.io"]) == emails_of(primary_emails=["b@x.io"]) == ["b@x.io"]


def test_an_unknown_basis_is_invalid(enterprise: Enterprise, api: Api) -> None:
    assert error(api.get(LICENSES, {"basis": "guess"})) == (422, "Validation Failed")


@pytest.mark.parametrize("basis", ["console", "github"])
def test_before_the_first_count_there_is_no_zero(api: Api, basis: str) -> None:
    status, message = error(api.get(LICENSES, {"basis": basis}))
    assert status == 409
    assert message.startswith("Nothing has been counted yet")


# --- Pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ({}, 30),
        ({"per_page": "7"}, 7),
        ({"per_page": "100"}, 100),
        ({"per_page": "101"}, 100),
        ({"per_page": "9" * 40}, 30),
        ({"per_page": "0"}, 30),
        ({"per_page": "-5"}, 30),
        ({"per_page": "x"}, 30),
        ({"per_page": ""}, 30),
        ({"per_page": "٣"}, 30),
    ],
)
def test_a_page_is_as_large_as_github_makes_it(
    enterprise: Enterprise, api: Api, asked: dict[str, str], rows: int
) -> None:
    count(enterprise, members(130))
    assert len(logins(api.get(LICENSES, asked))) == rows


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "1"])
def test_what_is_no_page_is_the_first(enterprise: Enterprise, api: Api, page: str) -> None:
    count(enterprise, members(40))
    assert logins(api.get(LICENSES, {"page": page}))[0] == "person00000"


@pytest.mark.parametrize("page", ["3", "1000000", "9" * 18])
def test_beyond_the_last_page_there_is_nobody(enterprise: Enterprise, api: Api, page: str) -> None:
    count(enterprise, members(40))
    response = api.get(LICENSES, {"page": page})
    assert logins(response) == []
    assert parse_qs(urlsplit(links(response)["prev"]).query)["page"] == ["2"]
    assert "next" not in links(response)


def test_links_are_absolute_in_githubs_order_and_name_the_snapshot(
    enterprise: Enterprise, api: Api
) -> None:
    snapshot = count(enterprise, members(40))
    first = api.get(LICENSES, {"per_page": 10})
    base = f"http://testserver{LICENSES}?per_page=10"
    assert first["Link"] == (
        f'<{base}&page=2&snapshot={snapshot.pk}>; rel="next", '
        f'<{base}&page=4&snapshot={snapshot.pk}>; rel="last"'
    )
    middle, last = (api.get(LICENSES, {"per_page": 10, "page": page}) for page in (2, 4))
    assert list(links(middle)) == ["prev", "next", "last", "first"]
    assert list(links(last)) == ["prev", "first"]


def test_one_page_has_no_links(enterprise: Enterprise, api: Api) -> None:
    count(enterprise, members(30))
    assert "Link" not in api.get(LICENSES).headers


@pytest.mark.parametrize("basis", ["console", "github"])
@pytest.mark.parametrize("per_page", [1, 7, 30, 100])
def test_a_walk_by_links_meets_everybody_once(
    enterprise: Enterprise, api: Api, basis: str, per_page: int
) -> None:
    count(enterprise, members(101))
    response = api.get(LICENSES, {"per_page": per_page, "basis": basis})
    met = logins(response)
    while "next" in links(response):
        response = api.get(links(response)["next"])
        met += logins(response)
    assert met == [f"person{n:05}" for n in range(101)]


# --- One snapshot --------------------------------------------------------------------------------


def test_links_lead_through_one_snapshot_though_a_sync_lands_in_between(
    enterprise: Enterprise, api: Api
) -> None:
    count(enterprise, members(250))
    response = api.get(LICENSES, {"per_page": 100})
    met = logins(response)
    count(enterprise, members(250, start=120))
    while "next" in links(response):
        response = api.get(links(response)["next"])
        met += logins(response)
    assert met == [f"person{n:05}" for n in range(250)]


def test_counted_pages_are_of_one_snapshot_though_a_sync_lands_in_between(
    enterprise: Enterprise, api: Api
) -> None:
    count(enterprise, members(250))
    met = logins(api.get(LICENSES, {"per_page": 100}))
    count(enterprise, members(250, start=120))
    for page in (2, 3):
        met += logins(api.get(LICENSES, {"per_page": 100, "page": page}))
    assert met == [f"person{n:05}" for n in range(250)]
    assert logins(api.get(LICENSES))[0] == "person00120"


def test_a_full_only_page_holds_the_snapshot_for_the_page_that_a_counter_asks_next(
    enterprise: Enterprise, api: Api
) -> None:
    count(enterprise, members(30))
    api.get(LICENSES)
    count(enterprise, members(60, start=20))
    assert logins(api.get(LICENSES, {"page": 2})) == []


def test_after_fifteen_minutes_counted_pages_are_of_the_newest_snapshot(
    enterprise: Enterprise, api: Api
) -> None:
    count(enterprise, members(60))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        api.get(LICENSES)
        count(enterprise, members(60, start=60))
        clock.shift(14 * 60)
        assert logins(api.get(LICENSES, {"page": 2}))[0] == "person00030"
        clock.shift(2 * 60)
        assert logins(api.get(LICENSES, {"page": 2}))[0] == "person00090"


def test_walks_of_other_tokens_and_page_sizes_do_not_meet(enterprise: Enterprise, api: Api) -> None:
    old = count(enterprise, members(60))
    api.get(LICENSES, {"per_page": 30})
    new = count(enterprise, members(60, start=60))
    other = Api(make_token(enterprise, name="other"))
    other.get(LICENSES, {"per_page": 30})

    def seen(client: Api, per_page: int) -> str:
        query = {"per_page": per_page, "page": 2}
        return client.get(LICENSES, query)["X-Licsync-Snapshot"]

    assert seen(api, 30) == str(old.pk)
    assert seen(other, 30) == str(new.pk)
    assert seen(api, 20) == str(new.pk)


def test_a_short_page_1_is_the_beginning_of_a_walk_too(enterprise: Enterprise, api: Api) -> None:
    count(enterprise, members(60))
    api.get(LICENSES)
    fewer = count(enterprise, members(10))
    assert len(logins(api.get(LICENSES))) == 10
    second = api.get(LICENSES, {"page": 2})
    assert second["X-Licsync-Snapshot"] == str(fewer.pk)
    assert logins(second) == []


@pytest.mark.parametrize("snapshot", ["0", "x", "", "999999", "9" * 18, "9" * 40])
def test_a_snapshot_that_does_not_exist_is_not_found(
    enterprise: Enterprise, api: Api, snapshot: str
) -> None:
    count(enterprise, members(1))
    assert error(api.get(LICENSES, {"snapshot": snapshot})) == (404, "Not Found")


def test_another_enterprises_snapshot_is_not_found(enterprise: Enterprise, api: Api) -> None:
    count(enterprise, members(1))
    foreign = count(EnterpriseFactory(slug="other"), members(1))
    assert api.get(LICENSES, {"snapshot": foreign.pk}).status_code == 404


@pytest.mark.parametrize("by_link", [True, False])
def test_a_walk_through_githubs_list_breaks_off_where_the_list_was_read_anew(
    enterprise: Enterprise, api: Api, by_link: bool
) -> None:
    apply_rows(enterprise, members(60))
    first = api.get(LICENSES, {"basis": "github"})
    apply_rows(enterprise, members(60, start=20))
    query = {"basis": "github", "page": 2}
    second = api.get(links(first)["next"]) if by_link else api.get(LICENSES, query)
    assert error(second) == (409, "GitHub's list was read anew. Start again at page 1.")


@pytest.mark.parametrize("basis", ["console", "github"])
def test_no_page_number_is_too_large(enterprise: Enterprise, api: Api, basis: str) -> None:
    apply_rows(enterprise, members(3))
    count(enterprise, members(3))
    assert logins(api.get(LICENSES, {"basis": basis, "page": "9" * 18})) == []


# --- Sync status ---------------------------------------------------------------------------------


def test_the_sync_status_tells_this_consoles_last_run(enterprise: Enterprise, api: Api) -> None:
    good, bad, held, new = (
        ServerInstanceFactory(enterprise=enterprise, host_name=f"ghes{n}.example.com")
        for n in range(4)
    )
    good.server_id = "4b8ed2e4-server-id-of-github"
    good.save()
    SyncRunFactory(instance=good, failed=True)
    run = SyncRunFactory(instance=good, succeeded=True)
    SyncRunFactory(instance=good, running=True)
    SyncRunFactory(instance=bad, failed=True)
    SyncRunFactory(instance=held, held=True)
    response = api.get(STATUS, headers={"Accept-Language": "de"})
    Draft4Validator(
        schema("ghec-licensing.openapi.json", "/enterprises/{enterprise}/license-sync-status")
    ).validate(response.json())
    told = {one["hostname"]: one for one in response.json()["server_instances"]}
    assert told[good.host_name] == {
        "server_id": good.server_id,
        "hostname": good.host_name,
        "last_sync": {
            "date": f"{run.finished_at:%Y-%m-%dT%H:%M:%SZ}",
            "status": "success",
            "error": "",
        },
    }
    assert told[bad.host_name]["last_sync"]["status"] == "failure"
    assert told[bad.host_name]["last_sync"]["error"].startswith("The server refused the token.")
    assert told[held.host_name]["last_sync"]["error"].startswith("Held: of 120 applied accounts")
    assert told[new.host_name]["last_sync"] == {"date": "", "status": "", "error": ""}
    again = {one["hostname"]: one for one in api.get(STATUS).json()["server_instances"]}
    assert again[new.host_name]["server_id"] == told[new.host_name]["server_id"] != ""


@pytest.mark.parametrize("path", ["/meta", "/rate_limit"])
def test_what_every_server_tells_is_as_githubs_schema_says(api: Api, path: str) -> None:
    body = api.get(f"/api/v3{path}").json()
    Draft4Validator(schema("ghes-3.19.openapi.json", path)).validate(body)
