"""GHEC over GraphQL: linked identities, verified domains, the cloud's copy of an instance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from enterprise.emails import normalize_domain
from enterprise.faults import Fault
from enterprise.records import ExternalIdentity, ServerAccount, VerifiedDomain
from enterprise.sources.graphql import Node, Place, connection, pages
from enterprise.sources.http import Client
from enterprise.sources.values import text_of

# What keeps the token out of one organization says nothing about the others.
_NOT_OURS = ("forbidden", "not_found", "sso_required", "ip_allow_list", "missing_scope")

# Indexes of ExternalIdentity.attribute (domain.md section 3, "Matching").
CLAIM_NAME, CLAIM_EMAIL, USERNAME, NAME_ID, EMAILS = range(5)

_IDENTITIES = """
externalIdentities(first: $first, after: $after) {
  pageInfo { hasNextPage endCursor }
  nodes {
    user { login }
    samlIdentity { nameId username emails { value } attributes { name value } }
    scimIdentity { username emails { value } }
  }
}
"""
_ENTERPRISE_IDENTITIES = """
query($slug: String!, $first: Int!, $after: String) {
  enterprise(slug: $slug) { ownerInfo { %s { %s } } }
}
"""
_ORGANIZATIONS = """
query($slug: String!, $first: Int!, $after: String) {
  enterprise(slug: $slug) {
    organizations(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { login }
    }
  }
}
"""
_ORGANIZATION_IDENTITIES = """
query($login: String!, $first: Int!, $after: String) {
  organization(login: $login) { samlIdentityProvider { %s } }
}
"""
_DOMAINS = """
query($slug: String!, $first: Int!, $after: String) {
  enterprise(slug: $slug) {
    ownerInfo {
      domains(first: $first, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { domain punycodeEncodedDomain isVerified isApproved }
      }
    }
  }
}
"""
_INSTALLATIONS = """
query($slug: String!, $first: Int!, $after: String) {
  enterprise(slug: $slug) {
    ownerInfo {
      enterpriseServerInstallations(first: $first, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id hostName isConnected
          userAccounts(first: 1) { totalCount }
          userAccountsUploads(first: 20, orderBy: {field: CREATED_AT, direction: DESC}) {
            nodes { syncState createdAt }
          }
        }
      }
    }
  }
}
"""
_USER_ACCOUNTS = """
query($id: ID!, $first: Int!, $after: String) {
  node(id: $id) {
    ... on EnterpriseServerInstallation {
      userAccounts(first: $first, after: $after) {
        totalCount
        pageInfo { hasNextPage endCursor }
        nodes {
          login remoteUserId
          emails(first: 100) { nodes { email isPrimary } }
        }
      }
    }
  }
}
"""


class Installation(NamedTuple):
    """An instance as GHEC knows it (GitHub's schema: EnterpriseServerInstallation).

    ``upload_state`` of the newest upload is PENDING, SUCCESS, FAILURE, or ``""`` without one;
    ``uploaded_at`` is its time as GitHub gives it; ``taken_in_at`` that of the newest SUCCESS, which
    is what the accounts are as of, ``""`` where none is among the newest twenty.
    """

    id: str
    host_name: str
    connected: bool
    accounts: int
    upload_state: str
    uploaded_at: str
    taken_in_at: str


def read_identities(
    client: Client,
    *,
    slug: str,
    on_unreadable: Callable[[str], None] = lambda organization: None,
) -> Iterator[ExternalIdentity]:
    """Yield the linked SAML and SCIM values of the enterprise and of its organizations.

    Identities without a user are ignored. An organization whose identities the token may not read
    is skipped and told to ``on_unreadable`` by its login.
    """
    for provider in ("samlIdentityProvider", "oidcProvider"):
        query = _ENTERPRISE_IDENTITIES % (provider, _IDENTITIES)
        own = ("enterprise", "ownerInfo", provider, "externalIdentities")
        for node in connection(client, query, {"slug": slug}, own):
            yield from identities_of(node)
    query = _ORGANIZATION_IDENTITIES % _IDENTITIES
    saml = ("organization", "samlIdentityProvider", "externalIdentities")
    for organization in connection(
        client, _ORGANIZATIONS, {"slug": slug}, ("enterprise", "organizations")
    ):
        login = text_of(organization.get("login"))
        try:
            for node in connection(client, query, {"login": login}, saml):
                yield from identities_of(node)
        except Fault as fault:
            if fault.code not in _NOT_OURS:
                raise
            on_unreadable(login)


def identities_of(node: Node) -> Iterator[ExternalIdentity]:
    """Yield each distinct value of one external identity, none without a user."""
    login = text_of((node.get("user") or {}).get("login"))
    if not login:
        return
    saml, scim = node.get("samlIdentity") or {}, node.get("scimIdentity") or {}
    values: list[tuple[int, object]] = [
        (_ATTRIBUTES.get(_short(text_of(entry.get("name"))), -1), entry.get("value"))
        for entry in saml.get("attributes") or []
    ]
    values += [(USERNAME, saml.get("username")), (USERNAME, scim.get("username"))]
    values.append((NAME_ID, saml.get("nameId")))
    for identity in (saml, scim):
        values += [(EMAILS, entry.get("value")) for entry in identity.get("emails") or []]
    known = ((attribute, text_of(value)) for attribute, value in values if attribute >= 0)
    for attribute, text in dict.fromkeys(known):
        if text:
            yield ExternalIdentity(login, attribute, text)


_ATTRIBUTES = {
    "claims/name": CLAIM_NAME,
    "claims/emailaddress": CLAIM_EMAIL,
    "username": USERNAME,
    "nameid": NAME_ID,
    "emails": EMAILS,
}


def _short(name: str) -> str:
    """Give the part of an attribute's name that identifies it: ``…/claims/name``, ``username``."""
    return "/".join(name.lower().split("/")[-2:]) if "/claims/" in name.lower() else name.lower()


def read_domains(client: Client, slug: str) -> list[VerifiedDomain]:
    """Read the enterprise's domains, verified and approved ones."""
    path = ("enterprise", "ownerInfo", "domains")
    domains = []
    for node in connection(client, _DOMAINS, {"slug": slug}, path):
        name = text_of(node.get("punycodeEncodedDomain")) or text_of(node.get("domain"))
        # The schema calls it a URI: it may come with a scheme.
        name = name.rpartition("://")[2].partition("/")[0]
        if name:
            verified, approved = bool(node.get("isVerified")), bool(node.get("isApproved"))
            domains.append(VerifiedDomain(normalize_domain(name), verified, approved))
    return domains


def read_installations(client: Client, slug: str) -> list[Installation]:
    """Read the instances that GHEC has users of, each with its newest upload."""
    path = ("enterprise", "ownerInfo", "enterpriseServerInstallations")
    installations = []
    for node in connection(client, _INSTALLATIONS, {"slug": slug}, path):
        listed = (node.get("userAccountsUploads") or {}).get("nodes") or []
        uploads = [
            (text_of(upload.get("syncState")), text_of(upload.get("createdAt")))
            for upload in listed
            if upload
        ]
        state, uploaded_at = uploads[0] if uploads else ("", "")
        installations.append(
            Installation(
                id=text_of(node.get("id")),
                host_name=text_of(node.get("hostName")).lower(),
                connected=bool(node.get("isConnected")),
                accounts=(node.get("userAccounts") or {}).get("totalCount") or 0,
                upload_state=state,
                uploaded_at=uploaded_at,
                taken_in_at=next((at for state, at in uploads if state == "SUCCESS"), ""),
            )
        )
    return installations


def read_cloud_copy(
    client: Client,
    installation: Installation,
    *,
    start: Place = Place(),  # noqa: B008 - immutable
    seen: set[int] | None = None,
) -> Iterator[tuple[list[ServerAccount], Place]]:
    """Yield the users of an instance as GHEC received them (domain.md section 6, "Cloud's copy").

    Page by page, each with the place after it; a later walk goes on from there, if it is told the
    user IDs ``seen`` before. GHEC does not tell who is suspended, so nobody is. Raises Fault
    ``invalid_user_id`` or ``duplicate_user`` (user_id), ``inconsistent_walk`` where the count does
    not fit or GitHub does not know the place any more.
    """
    seen = set() if seen is None else seen
    walk = pages(
        client,
        _USER_ACCOUNTS,
        {"id": installation.id},
        ("node", "userAccounts"),
        whole=True,
        start=start,
    )
    try:
        for nodes, place in walk:
            yield [_copied(node, seen) for node in nodes], place
            start = Place()
    except Fault as fault:
        if start.after and fault.code == "graphql_failed" and not fault.retry:
            raise Fault("inconsistent_walk", retry=True) from None
        raise


def _copied(node: Node, seen: set[int]) -> ServerAccount:
    user_id = node.get("remoteUserId")
    if not isinstance(user_id, int) or user_id < 0:
        raise Fault("invalid_user_id", line=len(seen) + 1)
    if user_id in seen:
        raise Fault("duplicate_user", user_id=user_id, line=len(seen) + 1)
    seen.add(user_id)
    emails = [entry for entry in (node.get("emails") or {}).get("nodes") or [] if entry]
    primary = [text_of(entry.get("email")) for entry in emails if entry.get("isPrimary")]
    others = [text_of(entry.get("email")) for entry in emails if not entry.get("isPrimary")]
    excluded = "scim_admin" if node.get("login") == "scim-admin" else ""
    return ServerAccount(
        user_id,
        primary[0] if primary else "",
        tuple(email for email in others if email),
        excluded=excluded,
    )
