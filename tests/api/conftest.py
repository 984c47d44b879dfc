"""An enterprise with a token, and a client that speaks as an SDK does: by ``Authorization`` alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from enterprise.api import limits
from enterprise.models import Enterprise
from enterprise.services.audit import SYSTEM
from enterprise.services.tokens import token_make
from tests.factories import EnterpriseFactory

LICENSES = "/api/v3/enterprises/acme/consumed-licenses"
STATUS = "/api/v3/enterprises/acme/license-sync-status"


@pytest.fixture
def enterprise(db: None) -> Enterprise:
    return EnterpriseFactory(slug="acme")


def make_token(enterprise: Enterprise, *scopes: str, name: str = "reports") -> str:
    scopes = scopes or ("read:enterprise",)
    return token_make(enterprise=enterprise, actor=SYSTEM, name=name, scopes=list(scopes))[1]


@pytest.fixture
def token(enterprise: Enterprise) -> str:
    return make_token(enterprise)


class Api(Client):
    """Requests with a token; headers are given as keywords of ``headers=``."""

    def __init__(self, token: str = "", scheme: str = "Bearer") -> None:
        super().__init__(headers={"Authorization": f"{scheme} {token}"} if token else None)


@pytest.fixture
def api(token: str) -> Api:
    return Api(token)


@pytest.fixture(autouse=True)
def _nothing_remembered(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("enterprise.api.v3.counter", limits.Counter())
    cache.clear()
    yield
    cache.clear()


def logins(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [user["github_com_login"] for user in response.json()["users"]]


def links(response: HttpResponse) -> dict[str, str]:
    """The addresses of ``Link`` by relation, in its order."""
    parts = [part.split("; ") for part in response.headers.get("Link", "").split(", ") if part]
    return {relation[5:-1]: address[1:-1] for address, relation in parts}


def error(response: Any) -> tuple[int, str]:
    """(status, message) of an answer that is GitHub's Basic Error and nothing else."""
    assert response["Content-Type"] == "application/json; charset=utf-8"
    body = json.loads(response.content)
    assert body["status"] == str(response.status_code)
    assert body["documentation_url"].startswith("https://docs.github.com/")
    return response.status_code, body["message"]
