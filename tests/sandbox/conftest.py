"""A small fleet for each test, and clients that carry its tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from sandbox.world import World

HOST = "ghes1.example.com"
REPORT = "/stafftools/reports/all_users.csv"


@pytest.fixture
def world() -> World:
    return generate_world(7, cloud=130, instances={HOST: 60, "ghes2.example.com": 30}, oddities=())


@pytest.fixture
def fleet(world: World) -> Iterator[Fleet]:
    with serve(world) as fleet:
        yield fleet


@pytest.fixture
def cloud(fleet: Fleet) -> Iterator[requests.Session]:
    """A session with GHEC's token."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {fleet.ghec.token}"
        yield session


@pytest.fixture
def licenses(fleet: Fleet, cloud: requests.Session) -> Callable[..., requests.Response]:
    """Ask for a page of consumed licenses."""

    def get(**query: Any) -> requests.Response:
        url = f"{fleet.ghec.url}/enterprises/acme/consumed-licenses"
        return cloud.get(url, params=query, timeout=5)

    return get


@pytest.fixture
def report(fleet: Fleet) -> Callable[..., requests.Response]:
    """Ask an instance for its report."""

    def get(host: str = HOST, **options: Any) -> requests.Response:
        site = fleet.instances[host]
        asked: dict[str, Any] = {"auth": (site.username, site.token), "timeout": 5} | options
        return requests.get(site.url + REPORT, **asked)

    return get


@pytest.fixture
def graphql(fleet: Fleet, cloud: requests.Session) -> Callable[..., Any]:
    """Run a GraphQL query and give the whole answer."""

    def post(query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        return cloud.post(f"{fleet.ghec.url}/graphql", json=body, timeout=5).json()

    return post
