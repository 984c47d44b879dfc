from __future__ import annotations

from dataclasses import asdict
from typing import Any

import idna
import pytest
import requests

from sandbox.generate import generate_world
from sandbox.people import IDNA_DOMAINS
from sandbox.server import serve
from sandbox.world import ODDITIES, World
from tests.sandbox import naive

IDENTITIES = """query($after: String) { enterprise(slug: "acme") {
  ownerInfo { samlIdentityProvider { externalIdentities(first: 100, after: $after) {
    nodes { user { login }
      samlIdentity { nameId username emails { value } attributes { name value } }
      scimIdentity { username emails { value } } }
    pageInfo { endCursor hasNextPage } } } } } }"""


def test_the_same_seed_gives_the_same_world() -> None:
    assert asdict(generate_world(3)) == asdict(generate_world(3))
    assert asdict(generate_world(3)) != asdict(generate_world(4))


def test_an_instance_has_as_many_accounts_as_asked_for() -> None:
    world = generate_world(1, cloud=50, instances={"a.example.com": 200, "b.example.com": 7})
    assert {host: len(i.users) for host, i in world.instances.items()} == {
        "a.example.com": 200,
        "b.example.com": 7,
    }


def test_a_world_has_every_kind_of_account() -> None:
    world = generate_world(1, cloud=400, instances={"a.example.com": 400, "b.example.com": 300})
    users = [user for i in world.instances.values() for user in i.users.values()]
    assert any(user.suspended for user in users)
    assert any(user.dormant for user in users)
    assert any(user.never_signed_in for user in users)
    assert any(not user.email for user in users)
    assert any(user.login == "scim-admin" for user in users)
    assert any(user.email != user.email.strip() for user in users)
    assert any(not user.email.isascii() for user in users)
    assert any("xn--" in user.email for user in users)
    assert any("+ghes@" in user.email for user in users)
    assert any(user.login.startswith("robot-") for user in users)
    assert any(user.person_by_identity not in {"", user.person} for user in users)
    assert world.invitations
    assert {subscriber.counts for subscriber in world.subscribers} == {True, False}
    gone = [set(i.seen) - set(i.users) for i in world.instances.values()]
    new = [set(i.users) - set(i.seen) for i in world.instances.values()]
    assert all(gone)
    assert all(new)


def test_the_a_labels_are_those_of_uts_46() -> None:
    for domain, a_labels in IDNA_DOMAINS.items():
        assert idna.encode(domain, uts46=True, transitional=False).decode() == a_labels


@pytest.mark.parametrize("seed", range(4))
def test_the_answer_is_what_a_naive_match_finds_in_the_served_data(seed: int) -> None:
    sizes = {"ghes1.example.com": 150, "ghes2.example.com": 120, "other.example.org": 40}
    world = generate_world(
        seed, cloud=240, instances=sizes, unread={"far.example.net": 30}, oddities=ODDITIES
    )
    accounts, rows, identities = _everything(world)
    hosts = list(world.instances)
    assert naive.persons(accounts, rows, {}, hosts) == world.expected_persons()
    assert naive.persons(accounts, rows, identities, hosts) == world.expected_persons(
        identities=True
    )


def test_the_answer_without_those_who_never_signed_in_agrees_too() -> None:
    world = generate_world(8, oddities=ODDITIES)
    accounts, rows, _ = _everything(world)
    signed_in = {
        f"{instance.host_name}:{user.id}"
        for instance in world.read_instances()
        for user in instance.users.values()
        if not user.never_signed_in
    }
    assert set(accounts) - signed_in
    found = naive.persons(
        {account: email for account, email in accounts.items() if account in signed_in},
        rows,
        {},
        list(world.instances),
    )
    assert found == world.expected_persons(exclude_never_signed_in=True)


def test_identities_join_persons_that_the_report_leaves_apart() -> None:
    world = generate_world(1)
    assert len(world.expected_persons(identities=True)) < len(world.expected_persons())


def _everything(
    world: World,
) -> tuple[dict[str, str], list[dict[str, Any]], dict[str, list[list[str]]]]:
    accounts: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    identities: dict[str, list[list[str]]] = {}
    with serve(world) as fleet, requests.Session() as session:
        for host, site in fleet.instances.items():
            report = session.get(
                f"{site.url}/stafftools/reports/all_users.csv", auth=(site.username, site.token)
            )
            accounts |= naive.accounts_of(host, report.content)
        session.headers["Authorization"] = f"Bearer {fleet.ghec.token}"
        url: str | None = f"{fleet.ghec.url}/enterprises/acme/consumed-licenses?per_page=100"
        while url:
            answer = session.get(url)
            rows += answer.json()["users"]
            url = answer.links.get("next", {}).get("url")
        after = None
        while True:
            body = {"query": IDENTITIES, "variables": {"after": after}}
            answer = session.post(f"{fleet.ghec.url}/graphql", json=body)
            owner = answer.json()["data"]["enterprise"]["ownerInfo"]
            page = owner["samlIdentityProvider"]["externalIdentities"]
            identities |= {node["user"]["login"]: _values(node) for node in page["nodes"]}
            if not page["pageInfo"]["hasNextPage"]:
                return accounts, rows, identities
            after = page["pageInfo"]["endCursor"]


def _values(node: dict[str, Any]) -> list[list[str]]:
    saml, scim = node["samlIdentity"], node["scimIdentity"] or {"username": None, "emails": []}
    named = [(item["name"].rpartition("/")[2], item["value"]) for item in saml["attributes"]]
    return [
        [value for name, value in named if name == "name"],
        [value for name, value in named if name == "emailaddress"],
        [saml["username"] or "", scim["username"] or ""],
        [saml["nameId"] or ""],
        [item["value"] for item in [*saml["emails"], *scim["emails"]]],
    ]
