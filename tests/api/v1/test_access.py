"""Who may do what, operation by operation."""

from __future__ import annotations

import re
from typing import Any

import pytest

from enterprise.models import Enterprise, ServerInstance
from tests.api.conftest import Api, make_token
from tests.api.v1.conftest import BODIES, HOST, operations, problem
from tests.factories import EnterpriseFactory

pytestmark = pytest.mark.django_db

PLACES = {"slug": "acme", "host": HOST, "name": "excluded", "username": "mona"}
EVERY_SCOPE = ("read:enterprise", "write:server_usage", "admin:enterprise")

every_operation = pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        pytest.param(method, re.sub(r"\{(\w+)\}", lambda m: PLACES.get(m[1], "1"), path), operation)
        for method, path, operation in operations()
    ],
    ids=[operation["operationId"] for _, _, operation in operations()],
)


def call(client: Api, method: str, path: str, operation: dict[str, Any]) -> Any:
    body = None if method == "GET" else BODIES.get(operation["operationId"], {})
    return getattr(client, method.lower())(path, body, content_type="application/json")


def scopes_of(operation: dict[str, Any]) -> set[str]:
    return {scope for each in operation["security"] for scope in each["Token"]}


@every_operation
def test_no_operation_answers_without_a_token(
    enterprise: Enterprise, method: str, path: str, operation: dict[str, Any]
) -> None:
    response = call(Api(), method, path, operation)
    assert problem(response) == (401, "bad_credentials")
    assert response["WWW-Authenticate"] == "Bearer"


@every_operation
def test_no_operation_answers_a_token_without_its_scope(
    enterprise: Enterprise, method: str, path: str, operation: dict[str, Any]
) -> None:
    others = {*EVERY_SCOPE, "read:metrics"} - scopes_of(operation)
    response = call(Api(make_token(enterprise, *others)), method, path, operation)
    assert problem(response) == (403, "missing_scope")


@every_operation
def test_no_operation_answers_a_token_of_another_enterprise(
    enterprise: Enterprise,
    instance: ServerInstance,
    method: str,
    path: str,
    operation: dict[str, Any],
) -> None:
    other = EnterpriseFactory(slug="other")
    response = call(Api(make_token(other, *EVERY_SCOPE)), method, path, operation)
    assert problem(response) == (404, "not_found")


@every_operation
def test_whoever_may_change_things_is_an_admin(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    if operation["operationId"] == "add_server_usage":
        assert scopes_of(operation) == {"write:server_usage", "admin:enterprise"}
    elif method == "GET":
        assert "admin:enterprise" in scopes_of(operation)
    else:
        assert scopes_of(operation) == {"admin:enterprise"}


def test_what_is_not_there_is_a_problem_too(enterprise: Enterprise) -> None:
    assert problem(Api().get("/api/v1/nothing")) == (404, "not_found")
    assert (
        Api().get("/api/v1/enterprises/acme/totals", headers={"Cookie": "x=1"}).status_code == 401
    )


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "/totals", {"GET"}), ("PUT", "/alerts", {"GET", "POST"})],
)
def test_a_method_that_an_address_does_not_take_is_a_problem_too(
    enterprise: Enterprise, method: str, path: str, allowed: set[str]
) -> None:
    response = Api(make_token(enterprise, "admin:enterprise")).generic(
        method, f"/api/v1/enterprises/acme{path}"
    )
    assert problem(response) == (405, "method_not_allowed")
    assert set(response["Allow"].split(", ")) == allowed
