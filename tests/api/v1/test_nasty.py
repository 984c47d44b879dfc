"""Whatever a client sends, the answer is as described, and never that the console failed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from enterprise.models import ServerInstance, Snapshot
from tests.api.v1.conftest import HOST, V1, operations, problem
from tests.api.v1.test_access import BODIES, PLACES

pytestmark = pytest.mark.django_db

TEXTS = ["", "0", "-1", "1", "NaN", "1e9", str(2**63), str(10**40), "\0", "a\0b", "%", "'", '"']
TEXTS += [
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "x" * 5000,
    "null",
    "£",
]
TEXTS += ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z"]
VALUES: list[Any] = [None, True, 0, -1, 2**63, 10**40, 1.5, [], {}, [None], *TEXTS]
VALUES += [text for half in ("\ud800", "a\0b") for text in (half, [half], {half: half})]


def requests_of(path: str, operation: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """(address, body), each with one nasty value, in every place that takes one."""
    good = dict(PLACES, host=HOST)

    def address(**places: str) -> str:
        values = {**good, **places}
        return re.sub(r"\{(\w+)\}", lambda m: quote(values.get(m[1], "1"), safe=""), path)

    body = BODIES.get(operation["operationId"])
    for parameter in operation["parameters"]:
        name = parameter["name"]
        for text in TEXTS:
            if parameter["in"] == "path":
                if text and name != "slug":
                    yield address(**{name: text}), body
            elif parameter["in"] == "query":
                yield f"{address()}?{name}={quote(text, safe='')}", body
    if body is not None:
        for value in VALUES:
            yield address(), value
            yield from ((address(), {**body, member: value}) for member in body)


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [pytest.param(*each, id=each[2]["operationId"]) for each in operations()],
)
def test_nothing_makes_the_console_fail(
    admin: V1,
    counted: Snapshot,
    instance: ServerInstance,
    method: str,
    path: str,
    operation: dict[str, Any],
) -> None:
    for address, body in requests_of(path, operation):
        # What a path with a slash in it leads to may be another operation: described there.
        response = Client.generic(
            admin,
            method,
            address,
            b"" if body is None else json.dumps(body),
            content_type="application/json",
        )
        assert response.status_code < 500, (address, body)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_what_a_database_cannot_store_is_refused_in_a_list_too(admin: V1, text: str) -> None:
    response = admin.send("POST", "/digest/send", {"people": [text]})
    assert problem(response) == (422, "invalid_parameters")
