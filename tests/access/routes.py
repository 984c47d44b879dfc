"""Every address of the console, found where Django finds it: in the URL resolver."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver

from enterprise.api.v1 import api
from tests.access.table import CATCH_ALL, OPERATIONS

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\{(\w+)\}")


class Route(NamedTuple):
    """``key`` is its line in the table; ``pattern`` its path, with ``<type:name>`` or ``{name}``."""

    key: str
    pattern: str

    @property
    def parameters(self) -> list[str]:
        return [plain or braced for plain, braced in _PARAMETER.findall(self.pattern)]

    def address(self, places: dict[str, str]) -> str:
        """The path with its parameters filled in; a test fails with what to add for an unknown one."""
        for name in self.parameters:
            assert name in places, (
                f"{self.key} has a parameter <{name}> that no test knows: give it a value in"
                " tests/access/world.py (PLACES, and a row it stands for in populate)"
            )
        return _PARAMETER.sub(lambda m: places[m[1] or m[2]], "/" + self.pattern)


class Operation(NamedTuple):
    """What can be asked of an API: a method at an address."""

    key: str
    method: str
    route: Route


@cache
def _described() -> dict[str, Any]:
    description: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))
    return description["paths"]


def _walk(
    patterns: list[URLPattern | URLResolver], start: str = "", namespace: str = ""
) -> Iterator[Route]:
    for each in patterns:
        pattern = start + str(each.pattern)
        if isinstance(each, URLResolver):
            inner = f"{each.namespace}:" if each.namespace else namespace
            yield from _walk(each.url_patterns, pattern, inner)
        else:
            yield Route(namespace + each.name if each.name else pattern, pattern)


@cache
def all_routes() -> list[Route]:
    """All routes but those that only say that an API knows no such address."""
    found = _walk(get_resolver().url_patterns)
    return [route for route in found if route.key not in CATCH_ALL]


def pages() -> list[Route]:
    """Routes that are not operations of an API."""
    described = {_in_braces(path) for path in _described()}
    return [
        route
        for route in all_routes()
        if _in_braces("/" + route.pattern) not in described and not _by_token(route)
    ]


def operations() -> list[Operation]:
    """What the OpenAPI description of ``/api/v1`` lists, GitHub's ``/api/v3``, and ``/metrics``."""
    ours = [
        Operation(operation["operationId"], method.upper(), Route(key=path, pattern=path[1:]))
        for path, methods in _described().items()
        for method, operation in methods.items()
    ]
    others = [Operation(route.key, "GET", route) for route in all_routes() if _by_token(route)]
    return ours + others


def _by_token(route: Route) -> bool:
    of_github = route.pattern == "api/v3" or route.pattern.startswith("api/v3/")
    return of_github or route.key in OPERATIONS


def _in_braces(pattern: str) -> str:
    return _PARAMETER.sub("{}", pattern)
