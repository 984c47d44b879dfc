"""An enterprise with one instance that may be uploaded to, and files of both formats."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from enterprise.models import Enterprise, ServerInstance
from enterprise.services.audit import SYSTEM
from enterprise.services.tokens import token_make
from tests.factories import CloudStateFactory, EnterpriseFactory, ServerInstanceFactory

HOST = "ghes1.example.com"
SERVER_ID = "6c1a2b3c-0000-4000-8000-000000000001"
UPLOAD = "/api/v1/enterprises/acme/server-usage"
EXPORTED = "2026-10-05T02:00:00Z"
HEADER = (
    "created_at,id,login,email,role,suspended?,last_logged_ip,repos,ssh_keys,org_memberships,"
    "dormant?,last_active,raw_login,2fa_enabled?\n"
)


@pytest.fixture
def enterprise(db: None) -> Enterprise:
    cache.clear()
    enterprise = EnterpriseFactory(slug="acme")
    CloudStateFactory(enterprise=enterprise)
    return enterprise


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    return ServerInstanceFactory(
        enterprise=enterprise, host_name=HOST, source="upload", connect_enabled=True
    )


def token_client(enterprise: Enterprise, *scopes: str) -> Client:
    """A client with a token of its own, that speaks by ``Authorization`` alone."""
    scopes = scopes or ("write:server_usage",)
    _token, value = token_make(
        enterprise=enterprise, actor=SYSTEM, name="-".join(scopes), scopes=list(scopes)
    )
    return Client(headers={"Authorization": f"Bearer {value}"})


@pytest.fixture
def job(enterprise: Enterprise, instance: ServerInstance) -> Client:
    """The cron job of an isolated instance."""
    return token_client(enterprise)


def user(user_id: int, *emails: str, **more: Any) -> dict[str, Any]:
    """A user of ``licsync.server-usage/1``; the first e-mail is the primary one."""
    return {
        "user_id": user_id,
        "emails": [{"email": email, "primary": not n} for n, email in enumerate(emails)],
        "suspended": False,
        "dormant": False,
        "never_signed_in": None,
        "excluded": None,
        **more,
    }


def usage(*users: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "format": "licsync.server-usage/1",
        "server_id": "",
        "host_name": HOST,
        "version": "3.19.1",
        "http_only": False,
        "exported_at": EXPORTED,
        "users": list(users),
        **more,
    }


def users(count: int, first: int = 1) -> list[dict[str, Any]]:
    return [user(n, f"user{n}@example.com") for n in range(first, first + count)]


def body(document: Any) -> bytes:
    return json.dumps(document, indent=1).encode()


def line(user_id: int, email: str, *, suspended: bool = False, dormant: bool = False) -> str:
    """A line of ``all_users.csv``."""
    return (
        f"2021-01-01,{user_id},user{user_id},{email},user,{str(suspended).lower()},10.0.0.1,0,0,0,"
        f"{str(dormant).lower()},2026-10-01,,false\n"
    )


def send(client: Client, content: bytes, query: str = "", **headers: str) -> Any:
    """POST a body as ``curl --data-binary`` does, with the content type that curl gives it."""
    return client.post(
        UPLOAD + query,
        content,
        content_type="application/x-www-form-urlencoded",
        headers=headers or None,
    )
