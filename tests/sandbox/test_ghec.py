from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from sandbox.server import Fleet
from sandbox.site import Access
from sandbox.world import ODDITIES, GhesInstance, GhesUser, World
from tests.sandbox.conftest import HOST
from tests.sandbox.contracts import check

CONTRACT = "ghec-licensing.openapi.json"
LICENSES = "/enterprises/{enterprise}/consumed-licenses"
Ask = Callable[..., requests.Response]


def walk(licenses: Ask, **query: Any) -> list[dict[str, Any]]:
    answer = licenses(**query)
    rows: list[dict[str, Any]] = answer.json()["users"]
    while "next" in answer.links:
        url = answer.links["next"]["url"]
        answer = requests.get(url, headers=answer.request.headers, timeout=5)
        rows += answer.json()["users"]
    return rows


def test_every_path_keeps_the_contract(fleet: Fleet, cloud: requests.Session) -> None:
    for name in ("consumed-licenses", "license-sync-status", "visual-studio-subscriptions"):
        answer = cloud.get(f"{fleet.ghec.url}/enterprises/acme/{name}")
        assert answer.status_code == 200
        check(CONTRACT, "/enterprises/{enterprise}/" + name, answer.json())


def test_the_pages_together_list_everybody_once(world: World, licenses: Ask) -> None:
    rows = walk(licenses, per_page=40)
    assert rows == walk(licenses, per_page=100)
    assert licenses().json()["total_seats_consumed"] == len(rows)
    logins = [row["github_com_login"] for row in rows if row["github_com_user"]]
    assert logins == [user.login for user in world.cloud]
    listed = {item for row in rows for item in row["enterprise_server_user_ids"]}
    seen = {f"{i.host_name}:{n}" for i in world.instances.values() for n in i.seen}
    assert listed == seen
    assert sum(len(row["enterprise_server_user_ids"]) for row in rows) == len(seen)


def test_links_are_those_of_github(licenses: Ask) -> None:
    first = licenses(per_page=50)
    assert set(first.links) == {"next", "last"}
    assert first.links["next"]["url"].endswith("?per_page=50&page=2")
    middle = licenses(per_page=50, page=2)
    assert set(middle.links) == {"prev", "next", "last", "first"}
    last = requests.get(middle.links["last"]["url"], headers=middle.request.headers, timeout=5)
    assert set(last.links) == {"prev", "first"}


def test_pages_hold_thirty_rows_and_at_most_a_hundred(licenses: Ask) -> None:
    assert len(licenses().json()["users"]) == 30
    assert len(licenses(per_page=1000).json()["users"]) == 100
    assert licenses(page=1000).json()["users"] == []


def test_server_accounts_with_one_address_are_one_server_only_row(
    world: World, licenses: Ask
) -> None:
    for host in world.instances:
        world.instances[host].add(GhesUser(8000, "ops", "Ops@acme.example"), seen=True)
    row = next(r for r in walk(licenses) if f"{HOST}:8000" in r["enterprise_server_user_ids"])
    assert (row["github_com_user"], row["enterprise_server_user"]) == (False, True)
    assert row["enterprise_server_user_ids"] == [f"{HOST}:8000", "ghes2.example.com:8000"]
    assert row["total_user_accounts"] == 2


def test_what_changed_on_the_instance_is_not_seen_by_the_cloud(world: World, licenses: Ask) -> None:
    before = walk(licenses)
    world.instances[HOST].users.clear()
    assert walk(licenses) == before


def test_the_stated_total_may_differ_from_the_rows(world: World, licenses: Ask) -> None:
    rows = walk(licenses)
    world.stated_total_offset = 5
    assert licenses().json()["total_seats_consumed"] == len(rows) + 5


def test_oddities_are_mixed_in(world: World, licenses: Ask) -> None:
    plain = walk(licenses)
    world.oddities = ODDITIES
    odd = walk(licenses)
    assert len(odd) == len(plain)
    assert any(row["github_com_two_factor_auth"] == "" for row in odd)
    assert all("enterprise_server_primary_emails" in row for row in odd)
    assert any("enterprise_server_emails" not in row for row in odd)
    assert any("an_attribute_of_tomorrow" in row for row in odd)
    assert {row["license_type"].islower() for row in odd} == {True, False}
    hosts = {i.rpartition(":")[0] for row in odd for i in row["enterprise_server_user_ids"]}
    assert {"ghes1", HOST, HOST.upper()} <= hosts


def test_a_host_is_not_shortened_if_two_names_begin_alike(world: World, licenses: Ask) -> None:
    world.oddities = frozenset({"short_host"})
    world.add(GhesInstance("ghes1.example.org", "another", read_here=False))
    hosts = {i.rpartition(":")[0] for r in walk(licenses) for i in r["enterprise_server_user_ids"]}
    assert "ghes1" not in hosts
    assert "ghes2" in hosts


def test_githubs_own_syncs_are_told(fleet: Fleet, world: World, cloud: requests.Session) -> None:
    instance = world.instances[HOST]
    instance.last_sync_status, instance.last_sync_error = "error", "connection lost"
    answer = cloud.get(f"{fleet.ghec.url}/enterprises/acme/license-sync-status").json()
    assert answer["server_instances"][0] == {
        "server_id": instance.server_id,
        "hostname": HOST,
        "last_sync": {
            "date": instance.last_sync_date,
            "status": "error",
            "error": "connection lost",
        },
    }


def test_scopes_and_limits_are_in_the_headers(licenses: Ask) -> None:
    headers = licenses().headers
    assert headers["X-OAuth-Scopes"] == "read:enterprise"
    assert "read:enterprise" in headers["X-Accepted-OAuth-Scopes"]
    assert int(headers["X-RateLimit-Remaining"]) > 0
    assert headers["X-GitHub-Request-Id"]


def test_a_wrong_token_is_bad_credentials(fleet: Fleet) -> None:
    url = f"{fleet.ghec.url}/enterprises/acme/consumed-licenses"
    answer = requests.get(url, headers={"Authorization": "Bearer wrong"}, timeout=5)
    assert answer.status_code == 401
    assert answer.json()["message"] == "Bad credentials"
    assert answer.json()["status"] == "401"
    assert requests.get(url, timeout=5).status_code == 401


@pytest.mark.parametrize(
    ("access", "status", "words"),
    [
        (Access(scopes=frozenset({"repo"})), 403, "scope"),
        (Access(scopes=frozenset({"read:enterprise"}), owner=False), 404, "Not Found"),
        (Access(scopes=frozenset({"read:enterprise"}), sso_required=True), 403, "SAML"),
        (Access(scopes=frozenset({"read:enterprise"}), ip_blocked=True), 403, "IP allow list"),
    ],
)
def test_a_weak_token_is_told_why(
    fleet: Fleet, licenses: Ask, access: Access, status: int, words: str
) -> None:
    fleet.ghec.tokens[fleet.ghec.token] = access
    answer = licenses()
    assert answer.status_code == status
    assert words in answer.json()["message"]
    assert ("X-GitHub-SSO" in answer.headers) == access.sso_required
    assert answer.headers["X-OAuth-Scopes"] == ", ".join(access.scopes)


def test_another_enterprise_is_not_found(fleet: Fleet, cloud: requests.Session) -> None:
    answer = cloud.get(f"{fleet.ghec.url}/enterprises/other/consumed-licenses")
    assert (answer.status_code, answer.json()["status"]) == (404, "404")


def test_the_rate_limit_ends(fleet: Fleet, licenses: Ask) -> None:
    fleet.ghec.remaining = 1
    assert licenses().status_code == 200
    answer = licenses()
    assert answer.status_code == 403
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert int(answer.headers["X-RateLimit-Reset"]) > 0


def test_an_unchanged_page_is_not_sent_again(licenses: Ask, cloud: requests.Session) -> None:
    cloud.headers["If-None-Match"] = licenses().headers["ETag"]
    assert licenses().status_code == 304
    assert licenses(page=2).status_code == 200
