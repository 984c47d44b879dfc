"""GHEC's GraphQL over the world, executed against the published schema excerpt.

Nodes are plain mappings; a value that is a function is a field with arguments, which graphql-core
calls.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from sandbox.faults import Fault
from sandbox.nodes import (
    account_node,
    domain_node,
    identity_node,
    installation_node,
    upload_node,
)
from sandbox.paging import Info, Node, Pages, refuse
from sandbox.site import Access
from sandbox.world import GhesInstance, World

SCHEMA = build_schema((Path(__file__).parent / "contracts" / "ghec-enterprise.graphql").read_text())
OWNER_SCOPES = frozenset({"admin:enterprise", "read:enterprise"})


def execute(
    world: World,
    query: str,
    variables: dict[str, Any],
    access: Access,
    *,
    refusal: str = "",
    fault: Fault | None = None,
) -> Node | None:
    """The answer to a query, as GitHub words it: ``data``, perhaps ``errors``; its status is 200.

    ``refusal`` is why the token may not see the enterprise. None stands for a 502.
    """
    document, errors = _prepared(query)
    if document is None:
        return {"errors": [_error(problem) for problem in errors]}
    view = _View(world, access, refusal, fault)
    result = execute_sync(SCHEMA, document, view.query(), variable_values=variables)
    if view.pages.too_large:
        return None
    answer: Node = {"data": result.data}
    if result.errors:
        answer["errors"] = [_error(problem) for problem in result.errors]
    return answer


@lru_cache(maxsize=64)
def _prepared(query: str) -> tuple[DocumentNode | None, list[GraphQLError]]:
    try:
        document = parse(query)
    except GraphQLError as problem:
        return None, [problem]
    errors = validate(SCHEMA, document)
    return (None if errors else document), errors


def _error(problem: GraphQLError) -> Node:
    # GitHub puts the type beside the message, not into the extensions.
    given = problem.formatted
    extensions = dict(given.get("extensions") or {})
    kind = extensions.pop("type", None)
    answer: Node = {"type": kind} if kind else {}
    answer |= {name: given[name] for name in ("path", "locations") if name in given}
    if extensions:
        answer["extensions"] = extensions
    return answer | {"message": given["message"]}


class _View:
    """What one token sees of the world in one query."""

    def __init__(self, world: World, access: Access, refusal: str, fault: Fault | None) -> None:
        self.world = world
        self.access = access
        self.refusal = refusal
        self.kind = fault.kind if fault else ""
        self.pages = Pages(fault)

    def query(self) -> Node:
        return {
            "enterprise": self._enterprise_by_slug,
            "organization": self._organization_by_login,
            "node": self._node,
            "rateLimit": {
                "cost": 1,
                "limit": 5000,
                "remaining": 4999,
                "resetAt": "2030-01-01T00:00:00Z",
                "used": 1,
            },
        }

    def _enterprise_by_slug(self, _info: Info, slug: str, **_arguments: object) -> Node:
        if self.refusal:
            raise refuse("FORBIDDEN", self.refusal, saml_failure=self.access.sso_required)
        if not self.world.is_called(slug):
            raise refuse(
                "NOT_FOUND", f"Could not resolve to a Business with the URL slug of '{slug}'."
            )
        return self._enterprise()

    def _organization_by_login(self, _info: Info, login: str) -> Node:
        if self.refusal:
            raise refuse("FORBIDDEN", self.refusal, saml_failure=self.access.sso_required)
        if login not in self.world.organizations:
            raise refuse(
                "NOT_FOUND", f"Could not resolve to an Organization with the login of '{login}'."
            )
        return self._organization(login)

    def _node(self, info: Info, **arguments: str) -> Node:
        wanted = arguments["id"]
        for node in (
            self._enterprise(),
            self._provider("Enterprise", ""),
            *map(self._organization, self.world.organizations),
            *(self._provider("Organization", login) for login in self.world.organizations),
            *(self._installation(instance) for instance in self.world.instances.values()),
        ):
            if node["id"] == wanted:
                owned = node["__typename"] in {
                    "EnterpriseServerInstallation",
                    "EnterpriseIdentityProvider",
                    "OIDCProvider",
                }
                if not owned or self._owner_info(info):
                    return node
        raise refuse("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'.")

    def _enterprise(self) -> Node:
        consumed = len(self.world.cloud)
        purchased = self.world.purchased or 0
        return {
            "__typename": "Enterprise",
            "id": f"E_{self.world.slug}",
            "slug": self.world.slug,
            "name": self.world.name,
            "ownerInfo": self._owner_info,
            "billingInfo": {
                "allLicensableUsersCount": consumed,
                "totalLicenses": purchased,
                "totalAvailableLicenses": purchased - consumed,
            },
            "organizations": self.pages.field(
                "organizations", self.world.organizations, self._organization
            ),
        }

    def _owner_info(self, _info: Info) -> Node | None:
        scopes = self.access.scopes
        if not scopes & OWNER_SCOPES:
            raise refuse(
                "INSUFFICIENT_SCOPES",
                "Your token has not been granted the required scopes to execute this query. The "
                "'ownerInfo' field requires one of the following scopes: ['read:enterprise'], but "
                f"your token has only been granted the: {sorted(scopes)} scopes.",
            )
        if not self.access.owner:
            return None
        provider = self.world.identity_provider
        saml = self._provider("Enterprise", "") if provider == "saml" else None
        return {
            "domains": self._domains,
            "enterpriseServerInstallations": self._installations,
            "samlIdentityProvider": saml,
            "oidcProvider": self._provider("OIDC", "") if provider == "oidc" else None,
        }

    def _domains(self, info: Info, **arguments: Any) -> Node:
        domains = [
            domain
            for domain in self.world.domains
            if arguments.get("isVerified") in {None, domain.verified}
            and arguments.get("isApproved") in {None, domain.approved}
        ]
        return self.pages.field("domains", domains, domain_node)(info, **arguments)

    def _installations(self, info: Info, **arguments: Any) -> Node:
        every = not arguments.get("connectedOnly")
        shown = [i for i in self.world.instances.values() if i.connected or every]
        connection = self.pages.field("enterpriseServerInstallations", shown, self._installation)
        return connection(info, **arguments)

    def _installation(self, instance: GhesInstance) -> Node:
        node = installation_node(instance)
        accounts = list(instance.seen.values())
        if self.kind == "empty":
            accounts = []
        elif self.kind == "halved":
            accounts = accounts[::2]
        elif self.kind == "duplicate_ids":
            accounts += accounts[:1]
        sign = -1 if self.kind == "negative_ids" else 1
        return node | {
            "userAccounts": self.pages.field(
                "userAccounts",
                accounts,
                lambda account: account_node(account, node, self.pages.field, sign=sign),
            ),
            "userAccountsUploads": self.pages.field(
                "userAccountsUploads", instance.uploads, lambda upload: upload_node(upload, node)
            ),
        }

    def _organization(self, login: str) -> Node:
        own = self.world.identity_provider == "organizations"
        return {
            "__typename": "Organization",
            "id": f"O_{login}",
            "login": login,
            "samlIdentityProvider": self._provider("Organization", login) if own else None,
        }

    def _provider(self, kind: str, organization: str) -> Node:
        def identities(info: Info, **arguments: Any) -> Node:
            users = [
                user
                for user in self.world.cloud
                if user.identity is not None
                and user.identity.organization in {"", organization}
                and arguments.get("login") in {None, user.login}
                and arguments.get("userName") in {None, user.identity.username}
            ]
            return self.pages.field("externalIdentities", users, identity_node)(info, **arguments)

        name = "OIDCProvider" if kind == "OIDC" else f"{kind}IdentityProvider"
        return {
            "__typename": name,
            "id": f"{name}_{organization or self.world.slug}",
            "issuer": "https://idp.example.com/",
            "ssoUrl": "https://idp.example.com/sso",
            "providerType": "AAD",
            "externalIdentities": identities,
        }
