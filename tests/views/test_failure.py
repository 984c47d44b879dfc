"""An error that no view has caught, on pages and in the API."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import psycopg.errors
import pytest
from django.db import OperationalError, connection
from django.test import Client

from enterprise.models import Enterprise, ServerInstance
from tests.api.conftest import make_token
from tests.conftest import JsonLines
from tests.views.counted import text_of

pytestmark = pytest.mark.django_db(transaction=True)  # as it is outside of a test

ENABLE = "/enterprises/acme/settings/connect/instances/{}/enable"


def sqlite_full() -> Exception:
    cause = sqlite3.OperationalError()
    cause.sqlite_errorcode = sqlite3.SQLITE_FULL
    return cause


def nothing_is_written(cause: Exception | None) -> Any:
    """Every write fails as Django would tell it, for as long as the context lasts."""

    def execute(go_on: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            raise OperationalError from cause
        return go_on(sql, *rest)

    return connection.execute_wrapper(execute)


@pytest.fixture(params=[sqlite_full, psycopg.errors.DiskFull])
def full_disk(request: pytest.FixtureRequest, acme: Enterprise, owner: Client) -> Iterator[None]:
    owner.raise_request_exception = False
    with nothing_is_written(request.param()):
        yield


@pytest.fixture
def token(acme: Enterprise) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token(acme, 'admin:enterprise', 'read:enterprise')}"}


def test_with_a_full_disk_a_change_is_refused_with_what_to_do(
    instance: ServerInstance, owner: Client, full_disk: None
) -> None:
    response = owner.post(ENABLE.format(instance.pk))
    assert response.status_code == 507
    assert "no disk space left" in response.content.decode()


def test_with_a_full_disk_the_api_refuses_a_change_with_a_problem(
    instance: ServerInstance, token: dict[str, str], full_disk: None
) -> None:
    address = "/api/v1/enterprises/acme/instances/ghes1.example.com"
    change = {"connect_enabled": True}
    client = Client(raise_request_exception=False)
    response = client.patch(address, change, "application/json", headers=token)
    assert (response.status_code, response.json()["code"]) == (507, "disk_full")


@pytest.mark.parametrize("page", ["", "/settings/connect", "/licensing", "/runs"])
def test_with_a_full_disk_pages_can_be_read(owner: Client, full_disk: None, page: str) -> None:
    assert owner.get(f"/enterprises/acme{page}").status_code == 200


@pytest.mark.parametrize("path", ["v1/enterprises/acme/runs", "v3/rate_limit"])
def test_with_a_full_disk_the_apis_can_be_read(
    token: dict[str, str], full_disk: None, path: str
) -> None:
    assert Client().get(f"/api/{path}", headers=token).status_code == 200


def test_any_other_error_is_an_error_of_the_console(
    instance: ServerInstance, owner: Client
) -> None:
    owner.raise_request_exception = False
    with nothing_is_written(None):
        response = owner.post(ENABLE.format(instance.pk))
    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()


def test_its_page_names_the_request_as_the_log_does(
    instance: ServerInstance, owner: Client, json_lines: JsonLines
) -> None:
    owner.raise_request_exception = False
    with json_lines("django.request") as lines, nothing_is_written(None):
        response = owner.post(ENABLE.format(instance.pk))
    request_id = response.headers["X-Request-ID"]
    assert request_id in text_of(response)
    (line,) = lines
    assert (line["request_id"], line["level"]) == (request_id, "error")
    assert "OperationalError" in line["exception"]


def test_its_page_needs_neither_the_database_nor_a_session(owner: Client) -> None:
    def nothing_is_read(*_args: Any) -> Any:
        raise OperationalError

    owner.raise_request_exception = False
    with connection.execute_wrapper(nothing_is_read):
        response = owner.get("/enterprises/acme")
    assert response.status_code == 500
    assert response.headers["X-Request-ID"] in text_of(response)
