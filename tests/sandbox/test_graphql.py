from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from sandbox.server import Fleet
from sandbox.site import Access
from sandbox.world import CloudUser, GhesInstance, Identity, Upload, World
from tests.sandbox.conftest import HOST

Ask = Callable[..., Any]

INSTALLATIONS = """query($first: Int!) { enterprise(slug: "acme") { ownerInfo {
  enterpriseServerInstallations(first: $first) { totalCount nodes {
    id hostName isConnected
    userAccounts(first: $first) { totalCount nodes { remoteUserId login
      emails(first: 10) { nodes { email isPrimary } } } pageInfo { hasNextPage endCursor } }
    userAccountsUploads(first: 1, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { name syncState createdAt } } } } } } }"""
ACCOUNTS = """query($id: ID!, $after: String) { node(id: $id) { ... on EnterpriseServerInstallation {
  userAccounts(first: 10, after: $after) { nodes { remoteUserId }
  pageInfo { hasNextPage endCursor } } } } }"""
OWNER = '{ enterprise(slug: "acme") { name ownerInfo { domains(first: 5) { totalCount } } } }'


def test_installations_hold_what_github_saw(world: World, graphql: Ask) -> None:
    answer = graphql(INSTALLATIONS, first=100)
    assert "errors" not in answer
    nodes = answer["data"]["enterprise"]["ownerInfo"]["enterpriseServerInstallations"]["nodes"]
    for node, instance in zip(nodes, world.instances.values(), strict=True):
        assert node["hostName"] == instance.host_name
        accounts = node["userAccounts"]["nodes"]
        assert {account["remoteUserId"] for account in accounts} == set(instance.seen)
        for account in accounts:
            emails = [email["email"] for email in account["emails"]["nodes"]]
            assert tuple(emails) == instance.seen[account["remoteUserId"]].emails
            primary = [email["isPrimary"] for email in account["emails"]["nodes"]]
            assert primary == [True, *[False] * (len(primary) - 1)][: len(primary)]


def test_the_newest_upload_comes_first_when_asked_for(world: World, graphql: Ask) -> None:
    world.instances[HOST].uploads.append(Upload("newest", "PENDING", "2026-12-01T00:00:00Z"))
    info = graphql(INSTALLATIONS, first=1)["data"]["enterprise"]["ownerInfo"]
    uploads = info["enterpriseServerInstallations"]["nodes"][0]["userAccountsUploads"]["nodes"]
    assert [upload["name"] for upload in uploads] == ["newest"]


def test_a_connection_is_walked_by_cursors(world: World, graphql: Ask) -> None:
    info = graphql(INSTALLATIONS, first=1)["data"]["enterprise"]["ownerInfo"]
    node_id = info["enterpriseServerInstallations"]["nodes"][0]["id"]
    seen: list[int] = []
    after = None
    while True:
        page = graphql(ACCOUNTS, id=node_id, after=after)["data"]["node"]["userAccounts"]
        seen += [account["remoteUserId"] for account in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == list(world.instances[HOST].seen)


@pytest.mark.parametrize(
    ("first", "kind"),
    [("", "MISSING_PAGINATION_BOUNDARIES"), ("(first: 101)", "EXCESSIVE_PAGINATION")],
)
def test_a_connection_wants_its_bounds(graphql: Ask, first: str, kind: str) -> None:
    answer = graphql(OWNER.replace("(first: 5)", first))
    assert answer["errors"][0]["type"] == kind
    assert answer["data"]["enterprise"]["ownerInfo"] is None


def test_a_field_that_is_not_in_the_schema_is_an_error(graphql: Ask) -> None:
    answer = graphql('{ enterprise(slug: "acme") { secrets } }')
    assert "data" not in answer
    assert "secrets" in answer["errors"][0]["message"]
    assert "errors" in graphql("{ not graphql")


def test_another_enterprise_is_not_found(graphql: Ask) -> None:
    answer = graphql(OWNER.replace("acme", "other"))
    assert answer["data"]["enterprise"] is None
    assert answer["errors"][0]["type"] == "NOT_FOUND"


def test_a_missing_scope_leaves_owner_info_null_with_an_error(fleet: Fleet, graphql: Ask) -> None:
    fleet.ghec.tokens[fleet.ghec.token] = Access(scopes=frozenset({"repo"}))
    answer = graphql(OWNER)
    assert answer["data"]["enterprise"] == {"name": "Acme", "ownerInfo": None}
    assert answer["errors"][0]["type"] == "INSUFFICIENT_SCOPES"
    assert answer["errors"][0]["path"] == ["enterprise", "ownerInfo"]


def test_who_is_no_owner_sees_null_without_an_error(fleet: Fleet, graphql: Ask) -> None:
    fleet.ghec.access.owner = False
    assert graphql(OWNER) == {"data": {"enterprise": {"name": "Acme", "ownerInfo": None}}}


def test_single_sign_on_and_ip_allow_lists_are_told(fleet: Fleet, graphql: Ask) -> None:
    fleet.ghec.access.sso_required = True
    answer = graphql(OWNER)
    assert answer["errors"][0]["type"] == "FORBIDDEN"
    assert answer["errors"][0]["extensions"] == {"saml_failure": True}
    fleet.ghec.access.sso_required = False
    fleet.ghec.access.ip_blocked = True
    assert "IP allow list" in graphql(OWNER)["errors"][0]["message"]


@pytest.mark.parametrize("provider", ["saml", "oidc"])
def test_identities_are_with_the_enterprises_provider(
    world: World, graphql: Ask, provider: str
) -> None:
    world.identity_provider = provider
    identities = """externalIdentities(first: 100) { nodes { user { login }
      samlIdentity { nameId attributes { name value } }
      scimIdentity { username emails { value } } } }"""
    info = graphql(
        '{ enterprise(slug: "acme") { ownerInfo { samlIdentityProvider { %s } '  # noqa: UP031
        "oidcProvider { %s } } } }" % (identities, identities)
    )["data"]["enterprise"]["ownerInfo"]
    names = {"saml": "samlIdentityProvider", "oidc": "oidcProvider"}
    nodes = info.pop(names[provider])["externalIdentities"]["nodes"]
    assert [*info.values()] == [None]
    by_login = {user.login: user.identity for user in world.cloud if user.identity}
    assert {node["user"]["login"] for node in nodes} == set(by_login)
    for node in nodes:
        assert node["samlIdentity"]["nameId"] == by_login[node["user"]["login"]].name_id


def test_identities_may_be_with_the_organizations(world: World, graphql: Ask) -> None:
    world.identity_provider = "organizations"
    world.cloud[:] = [
        CloudUser("mona", identity=Identity(name_id="m", organization="acme-apps")),
        CloudUser("hubot", identity=Identity(name_id="h", organization="acme-ops")),
    ]
    query = """{ enterprise(slug: "acme") { organizations(first: 10) { nodes { login
      samlIdentityProvider { externalIdentities(first: 10) { nodes { user { login } } } } } } } }"""
    nodes = graphql(query)["data"]["enterprise"]["organizations"]["nodes"]
    assert {
        node["login"]: [
            identity["user"]["login"]
            for identity in node["samlIdentityProvider"]["externalIdentities"]["nodes"]
        ]
        for node in nodes
    } == {"acme-apps": ["mona"], "acme-ops": ["hubot"]}


def test_domains_can_be_asked_for_by_state(graphql: Ask) -> None:
    query = """{ enterprise(slug: "acme") { ownerInfo { domains(first: 10, isVerified: false) {
      nodes { domain punycodeEncodedDomain isVerified isApproved } } } } }"""
    nodes = graphql(query)["data"]["enterprise"]["ownerInfo"]["domains"]["nodes"]
    assert [node["isApproved"] for node in nodes] == [True]


def test_disconnected_installations_are_left_out_when_asked(world: World, graphql: Ask) -> None:
    world.add(GhesInstance("old.example.com", "old", connected=False))
    query = """{ enterprise(slug: "acme") { ownerInfo {
      all: enterpriseServerInstallations(first: 10) { totalCount }
      now: enterpriseServerInstallations(first: 10, connectedOnly: true) { totalCount } } } }"""
    info = graphql(query)["data"]["enterprise"]["ownerInfo"]
    assert (info["all"]["totalCount"], info["now"]["totalCount"]) == (3, 2)


def test_a_body_that_is_no_query_is_refused(fleet: Fleet, cloud: requests.Session) -> None:
    answer = cloud.post(f"{fleet.ghec.url}/graphql", data="nonsense")
    assert (answer.status_code, answer.json()["message"]) == (400, "Problems parsing JSON")
