from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest
import requests

from sandbox.report import HEADER
from sandbox.server import Fleet
from sandbox.site import Access
from sandbox.world import GhesUser, World
from tests.sandbox.conftest import HOST, REPORT
from tests.sandbox.contracts import check

CONTRACT = "ghes-3.19.openapi.json"
Ask = Callable[..., requests.Response]


def get(fleet: Fleet, path: str, *, token: str | None = "", **options: object) -> requests.Response:
    site = fleet.instances[HOST]
    headers = {} if token is None else {"Authorization": f"token {token or site.token}"}
    return requests.get(site.url + path, headers=headers, timeout=5, **options)  # type: ignore[arg-type]


def test_the_report_has_a_line_for_every_user(world: World, report: Ask) -> None:
    answer = report()
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert tuple(rows[0]) == HEADER
    users = world.instances[HOST].users
    assert {int(row["id"]): row["email"] for row in rows} == {i: u.email for i, u in users.items()}
    assert all(json.loads(row["raw_login"])["login"] == row["login"] for row in rows)


def test_the_report_follows_the_world(world: World, report: Ask) -> None:
    before = report().content
    assert report().content == before
    world.instances[HOST].add(GhesUser(9000, "late", "late@acme.example"))
    assert b"late@acme.example" in report().content
    world.instances[HOST].users[9000].suspended = True
    assert b"late@acme.example,user,true" in report().content


def test_the_report_is_made_first(fleet: Fleet, report: Ask) -> None:
    fleet.instances[HOST].preparing = 2
    assert [report().status_code for _ in range(6)] == [202, 202, 200, 202, 202, 200]


@pytest.mark.parametrize("refusal", [401, 403, 404])
def test_a_wrong_token_gets_no_report(fleet: Fleet, report: Ask, refusal: int) -> None:
    fleet.instances[HOST].refusal = refusal
    answer = report(auth=("licsync", "wrong"))
    assert answer.status_code == refusal
    assert answer.headers["Content-Type"].startswith("text/html")
    assert report(auth=None).status_code == refusal


@pytest.mark.parametrize("refusal", ["html", "redirect"])
def test_a_wrong_token_may_get_the_sign_in_page(fleet: Fleet, report: Ask, refusal: str) -> None:
    fleet.instances[HOST].refusal = refusal
    answer = report(auth=("licsync", "wrong"))
    assert answer.status_code == 200
    assert "Sign in" in answer.text
    assert bool(answer.history) == (refusal == "redirect")


def test_a_token_without_site_admin_gets_no_report(fleet: Fleet, report: Ask) -> None:
    fleet.instances[HOST].tokens["weak"] = Access(scopes=frozenset({"repo"}))
    assert report(auth=("licsync", "weak")).status_code == 401
    assert get(fleet, "/api/v3/enterprise/settings/license", token="weak").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/meta",
        "/enterprise/settings/license",
        "/enterprise/stats/users",
        "/users",
        "/scim/v2/enterprises/{enterprise}/Users",
    ],
)
def test_answers_keep_the_contract(fleet: Fleet, path: str) -> None:
    answer = get(fleet, "/api/v3" + path.format(enterprise="acme"))
    assert answer.status_code == 200
    check(CONTRACT, path, answer.json())


def test_a_single_user_keeps_the_contract(fleet: Fleet, world: World) -> None:
    login = list(world.instances[HOST].users.values())[5].login
    check(CONTRACT, "/users/{username}", get(fleet, f"/api/v3/users/{login.upper()}").json())
    missing = get(fleet, "/api/v3/users/no-such-user")
    check(CONTRACT, "/users/{username}", missing.json(), status=404)
    assert missing.status_code == 404


def test_meta_needs_no_token_outside_private_mode(fleet: Fleet) -> None:
    assert get(fleet, "/api/v3/meta", token=None).json()["installed_version"].startswith("3.")
    fleet.instances[HOST].private_mode = True
    assert get(fleet, "/api/v3/meta", token=None).status_code == 401
    assert get(fleet, "/api/v3/meta", token="wrong").json()["message"] == "Bad credentials"


def test_rate_limits_are_off_by_default(fleet: Fleet) -> None:
    answer = get(fleet, "/api/v3/rate_limit")
    assert answer.status_code == 404
    assert answer.json()["message"] == "Rate limiting is not enabled."
    assert "X-RateLimit-Limit" not in answer.headers
    fleet.instances[HOST].rate_limiting = True
    check(CONTRACT, "/rate_limit", get(fleet, "/api/v3/rate_limit").json())


def test_seats_may_be_unlimited(fleet: Fleet, world: World) -> None:
    world.instances[HOST].seats = "unlimited"
    answer = get(fleet, "/api/v3/enterprise/settings/license").json()
    assert (answer["seats"], answer["seats_available"]) == ("unlimited", "unlimited")
    check(CONTRACT, "/enterprise/settings/license", answer)


def test_user_totals_are_those_of_the_world(fleet: Fleet, world: World) -> None:
    users = world.instances[HOST].users.values()
    totals = get(fleet, "/api/v3/enterprise/stats/users").json()
    assert totals["total_users"] == len(users)
    assert totals["suspended_users"] == sum(user.suspended for user in users)


def test_users_are_paged_by_id(fleet: Fleet, world: World) -> None:
    seen: list[int] = []
    url = "/api/v3/users?per_page=25"
    while url:
        answer = get(fleet, url)
        seen += [user["id"] for user in answer.json()]
        url = answer.links.get("next", {}).get("url", "").removeprefix(fleet.instances[HOST].url)
    assert seen == sorted(world.instances[HOST].users)


def test_scim_pages_and_filters(fleet: Fleet) -> None:
    url = "/api/v3/scim/v2/enterprises/acme/Users"
    first = get(fleet, url, params={"count": 2}).json()
    second = get(fleet, url, params={"count": 2, "startIndex": 3}).json()
    assert len(first["Resources"]) == len(second["Resources"]) == 2
    assert first["Resources"][0]["id"] != second["Resources"][0]["id"]
    name = first["Resources"][1]["userName"]
    found = get(fleet, url, params={"filter": f'userName eq "{name}"'}).json()
    assert [user["userName"] for user in found["Resources"]] == [name]
    assert get(fleet, url, params={"filter": "anything"}).status_code == 400


def test_an_unchanged_answer_is_not_sent_again(fleet: Fleet) -> None:
    site = fleet.instances[HOST]
    tag = get(fleet, "/api/v3/meta").headers["ETag"]
    again = requests.get(f"{site.url}/api/v3/meta", headers={"If-None-Match": tag}, timeout=5)
    assert (again.status_code, again.content) == (304, b"")


def test_the_log_tells_what_was_asked(fleet: Fleet, report: Ask) -> None:
    report()
    report()
    site = fleet.instances[HOST]
    assert site.count(REPORT) == 2
    assert site.requests[0] == ("GET", REPORT, "")
