"""How the API describes itself; and what of that counts as a breaking change."""

from __future__ import annotations

import copy
import html
import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.test import Client

from tests.api.v1.conftest import description, operations

ROOT = Path(__file__).resolve().parents[3]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = load("openapi")


def test_the_file_in_the_documentation_is_what_the_code_says() -> None:
    assert (ROOT / "docs" / "openapi.json").read_text() == script.as_text(description())


@pytest.mark.django_db
def test_it_is_served_and_readable_without_a_token(client: Client) -> None:
    served = client.get("/api/v1/openapi.json").json()
    assert served == description()
    assert served["openapi"] == "3.1.0"


def test_every_answer_that_is_not_empty_is_described() -> None:
    empty = [
        operation["operationId"]
        for _, _, operation in operations()
        if not operation["responses"].get("200", {"content": ...}).get("content")
    ]
    assert empty == []


@pytest.mark.django_db
def test_the_page_names_everything_and_loads_nothing_from_elsewhere(client: Client) -> None:
    response = client.get("/api/v1/docs")
    assert response.status_code == 200
    page = html.unescape(response.content.decode())
    for _, path, operation in operations():
        assert f"{path}</code>" in page
        assert operation["summary"] in page
    for name in description()["components"]["schemas"]:
        assert f'id="{name}"' in page
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert " style=" not in page
    assert "`" not in page


@pytest.mark.django_db
def test_the_address_of_the_api_leads_to_the_page(client: Client) -> None:
    assert client.get("/api/v1/").headers["Location"] == "/api/v1/docs"


def test_every_operation_says_what_it_is_who_may_and_how_it_fails() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len({*names}) == len(names)
    for _, path, operation in operations():
        assert operation["summary"], path
        assert operation["security"], path
        assert "application/problem+json" in operation["responses"]["default"]["content"]


# --- Breaking changes ----------------------------------------------------------------------------


def operation_of(description: dict[str, Any], name: str) -> dict[str, Any]:
    return next(
        operation
        for methods in description["paths"].values()
        for operation in methods.values()
        if operation["operationId"] == name
    )


def schema(description: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = description["components"]["schemas"][name]
    return found


def _drop_path(new: dict[str, Any]) -> None:
    del new["paths"]["/api/v1/enterprises/{slug}/totals"]


def _drop_scope(new: dict[str, Any]) -> None:
    operation_of(new, "get_totals")["security"].pop(0)


def _need_parameter(new: dict[str, Any]) -> None:
    operation_of(new, "list_runs")["parameters"][1]["required"] = True


def _drop_parameter(new: dict[str, Any]) -> None:
    parameters = operation_of(new, "list_runs")["parameters"]
    parameters[:] = [each for each in parameters if each["name"] != "kind"]


def _drop_value(new: dict[str, Any]) -> None:
    schema(new, "Role")["enum"].remove("auditor")


def _need_member(new: dict[str, Any]) -> None:
    schema(new, "Start")["required"].append("reason")


def _drop_member(new: dict[str, Any]) -> None:
    del schema(new, "PersonOut")["properties"]["key"]


def _make_nullable(new: dict[str, Any]) -> None:
    schema(new, "PersonOut")["properties"]["key"] = {
        "anyOf": [{"type": "string"}, {"type": "null"}]
    }


def _drop_status(new: dict[str, Any]) -> None:
    del operation_of(new, "start_runs")["responses"]["200"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_drop_path, "GET /api/v1/enterprises/{slug}/totals is gone"),
        (_drop_scope, "does not take the scope read:enterprise any more"),
        (_need_parameter, "/runs needs "),
        (_drop_parameter, "does not take kind any more"),
        (_drop_value, "does not take 'auditor' any more"),
        (_need_member, "its body needs reason"),
        (_drop_member, "lacks key"),
        (_make_nullable, "key may be null, string, not only string"),
        (_drop_status, "does not answer 200 any more"),
    ],
)
def test_what_takes_something_from_a_client_is_breaking(
    change: Callable[[dict[str, Any]], None], told: str
) -> None:
    new = copy.deepcopy(description())
    change(new)
    faults = list(script.breaking(description(), new))
    assert any(told in fault for fault in faults), faults
    new["info"]["version"] = "2"
    assert list(script.breaking(description(), new)) == []


def test_what_only_adds_is_not_breaking() -> None:
    new = json.loads(json.dumps(description()))
    schema(new, "PersonOut")["properties"]["score"] = {"type": "integer"}
    schema(new, "Role")["enum"].append("guest")
    schema(new, "Start")["properties"]["reason"] = {"type": "string"}
    new["paths"]["/api/v1/new"] = {}
    operation_of(new, "list_runs")["parameters"].append(
        {"in": "query", "name": "until", "required": False, "schema": {"type": "string"}}
    )
    assert list(script.breaking(description(), new)) == []
