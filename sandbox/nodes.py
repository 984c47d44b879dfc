"""The GraphQL nodes of single things: fields as published, without what pages."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from sandbox.world import CloudUser, Domain, GhesInstance, SeenUser, Upload

Node = dict[str, Any]


def domain_node(domain: Domain) -> Node:
    return {
        "id": f"DO_{domain.ascii}",
        "domain": domain.domain,
        "punycodeEncodedDomain": domain.ascii,
        "isVerified": domain.verified,
        "isApproved": domain.approved,
    }


def installation_node(instance: GhesInstance) -> Node:
    return {
        "__typename": "EnterpriseServerInstallation",
        "id": f"ESI_{instance.server_id}",
        "hostName": instance.host_name,
        "customerName": instance.customer_name,
        "isConnected": instance.connected,
        "createdAt": instance.created_at,
        "updatedAt": instance.last_sync_date or instance.created_at,
    }


def upload_node(upload: Upload, installation: Node) -> Node:
    return {
        "id": f"ESU_{upload.name}",
        "name": upload.name,
        "syncState": upload.sync_state,
        "createdAt": upload.created_at,
        "updatedAt": upload.created_at,
        "enterpriseServerInstallation": installation,
    }


def account_node(
    account: SeenUser, installation: Node, connection: Callable[..., Any], *, sign: int = 1
) -> Node:
    """A user account as GHEC received it; ``connection`` makes the field of its e-mails."""
    node: Node = {
        "id": f"ESA_{installation['id']}_{account.id}",
        "login": account.login,
        "remoteUserId": sign * account.id,
        "remoteCreatedAt": account.created_at,
        "createdAt": account.created_at,
        "updatedAt": account.created_at,
        "isSiteAdmin": account.site_admin,
        "profileName": None,
        "enterpriseServerInstallation": installation,
    }

    def email_node(numbered: tuple[int, str]) -> Node:
        number, email = numbered
        return {
            "id": f"ESE_{node['id']}_{number}",
            "email": email,
            "isPrimary": number == 0,
            "createdAt": account.created_at,
            "updatedAt": account.created_at,
            "userAccount": node,
        }

    node["emails"] = connection("emails", list(enumerate(account.emails)), email_node)
    return node


def identity_node(user: CloudUser) -> Node:
    identity = user.identity
    if identity is None:
        raise ValueError("a cloud account without an identity has no node")
    guid = str(uuid.uuid5(uuid.NAMESPACE_DNS, user.login))
    return {
        "__typename": "ExternalIdentity",
        "id": f"EI_{guid}",
        "guid": guid,
        "user": {
            "__typename": "User",
            "id": f"U_{user.login}",
            "login": user.login,
            "name": user.name or None,
            "organizationVerifiedDomainEmails": lambda _info, login: list(user.verified_emails),
        },
        "samlIdentity": {
            "nameId": identity.name_id or None,
            "username": identity.username or None,
            "emails": [{"value": email, "primary": None} for email in identity.emails],
            "attributes": [{"name": name, "value": value} for name, value in identity.attributes],
            "groups": [],
        },
        "scimIdentity": {
            "username": identity.scim_username or None,
            "emails": [
                {"value": email, "primary": number == 0, "type": "work"}
                for number, email in enumerate(identity.scim_emails)
            ],
            "groups": [],
        }
        if identity.scim_username or identity.scim_emails
        else None,
    }
