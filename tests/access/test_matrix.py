"""Every page and every operation of the APIs, asked for as everybody.

Who comes in, from whom a page is hidden, who is to sign in first, and which token is answered: compared
with ``tests/access/table.py``, which has a line for each, and with ``enterprise.access.MATRIX``.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import resolve
from django.views.generic import RedirectView

from enterprise.access import MATRIX, Permission
from enterprise.models import ApiToken, Role
from tests.access.routes import Operation, Route, all_routes, operations, pages
from tests.access.table import CATCH_ALL, CONFIRMED, OPERATIONS, PAGES, UNCONFIRMED, Needs
from tests.access.world import OF_THE_OTHER, PLACES, World, drain
from tests.api.v1.conftest import BODIES
from tests.views.conftest import HTMX

pytestmark = pytest.mark.django_db


# --- Pages ------------------------------------------------------------------------------------------

IN, HIDDEN, SIGN_IN = "let in", "hidden (404)", "sent to sign in"
ROLES = {
    "owner": Role.OWNER,
    "billing manager": Role.BILLING_MANAGER,
    "auditor": Role.AUDITOR,
}
METHODS = ("GET", "POST")


def outcome(response: Any) -> str:
    if response.status_code == 404:
        return HIDDEN
    assert response.status_code < 500, response.content
    return SIGN_IN if response.get("Location", "").startswith("/accounts/login/?next=") else IN


def ask(client: Client, method: str, address: str) -> str:
    """What comes of a request, undone afterwards."""
    cookies = client.cookies.copy()
    with transaction.atomic():
        found = outcome(drain(client.generic(method, address)))
        transaction.set_rollback(True)
    client.cookies = cookies
    return found


def expected(needs: Needs | Permission, who: str, method: str) -> str:
    if needs is Needs.NOTHING:
        return IN
    if needs is Needs.PROVIDER:
        return HIDDEN
    if who in ("signed out", "revoked token", "token"):
        return SIGN_IN
    if needs is Needs.OWNER_ANYWHERE:
        return IN if who in ("owner", "other enterprise's owner") else HIDDEN
    if needs is Needs.SIGN_IN:
        return IN
    if needs is Needs.ONESELF:
        return HIDDEN
    wanted = {needs} if method == "GET" else {needs, Permission.CHANGE}
    return IN if who in ROLES and wanted <= MATRIX[ROLES[who]] else HIDDEN


def entry(route: Route) -> Needs | Permission:
    assert route.key in PAGES, (
        f"The route {route.key!r} ({route.pattern}) has no line in tests/access/table.py. Add"
        f' "{route.key}": … to PAGES there, with what it needs: REPORTS, SETTINGS or CHANGE as its'
        " @enterprise_view says; SIGN_IN, NOTHING or OWNER_ANYWHERE if it is of no enterprise. If it"
        " answers by token only, add it to OPERATIONS instead, with the scopes."
    )
    return PAGES[route.key]


@pytest.mark.parametrize("route", pages(), ids=lambda route: route.key)
def test_a_page_lets_in_whom_the_matrix_does(world: World, route: Route) -> None:
    needs = entry(route)
    address = route.address(PLACES)
    everybody = {
        **world.people,
        "revoked token": world.dead_tokens["revoked token"],
        "token": world.tokens["admin:enterprise"],
    }
    if isinstance(needs, Needs) and needs is not Needs.OWNER_ANYWHERE:
        everybody = {who: everybody[who] for who in ("stranger", "signed out", "token")}
    wrong = {}
    for who, client in everybody.items():
        for method in METHODS:
            found, right = ask(client, method, address), expected(needs, who, method)
            if found != right:
                wrong[f"{method} {address} as {who}"] = f"{found}, but by the table: {right}"
    assert wrong == {}


OF_SIGNED_IN = [
    route for route in pages() if PAGES.get(route.key) not in (Needs.NOTHING, Needs.PROVIDER)
]


@pytest.mark.parametrize("route", OF_SIGNED_IN, ids=lambda route: route.key)
def test_an_owner_who_signed_in_long_ago_confirms_it_where_credentials_are(
    world: World, route: Route
) -> None:
    for method in ("GET", "POST"):
        with transaction.atomic():
            response = drain(world.stale_owner.generic(method, route.address(PLACES)))
            transaction.set_rollback(True)
        confirms = response.get("Location", "").startswith("/accounts/reauthenticate/?next=")
        assert confirms == (route.key in CONFIRMED), method


def layers(view: Any) -> Iterator[Any]:
    """A view and all that decorates it, and the functions of its module that it calls."""
    waiting, seen = [view], set()
    while waiting:
        each = waiting.pop()
        if not inspect.isfunction(each) or each in seen:
            continue
        seen.add(each)
        yield each
        waiting.append(getattr(each, "__wrapped__", None))
        waiting += [each.__globals__.get(name) for name in each.__code__.co_names]


def changes_something(route: Route) -> bool:
    """Whether the page looks at what was sent. Pages of others may: each is decided by name."""
    view = resolve(route.address(PLACES)).func
    if getattr(view, "view_class", None) is RedirectView or route.key.startswith("api-v1:"):
        return False
    if not inspect.unwrap(view).__module__.startswith("enterprise.views"):
        return True
    return any(
        "POST" in (*each.__code__.co_names, *each.__code__.co_consts)
        for each in layers(view)
        if each.__module__.startswith("enterprise.views")
    )


@pytest.mark.parametrize("route", pages(), ids=lambda route: route.key)
def test_a_page_that_changes_something_is_confirmed_or_says_why_not(route: Route) -> None:
    decided = (route.key in CONFIRMED) + (route.key in UNCONFIRMED)
    assert decided == 1 or (decided == 0 and not changes_something(route)), (
        f"{route.key} changes something: put @confirmed below its @enterprise_view and a line into"
        " CONFIRMED (tests/access/table.py), or a line with the reason into UNCONFIRMED"
        if decided == 0
        else f"{route.key} is in both tables"
    )


@pytest.mark.parametrize(
    "route",
    [route for route in pages() if {*route.parameters} & {*OF_THE_OTHER}],
    ids=lambda route: route.key,
)
def test_a_page_shows_and_changes_nothing_of_another_enterprise(world: World, route: Route) -> None:
    """Each number in an address, one after another, is of a row of the other enterprise.

    An address that only does something leads a GET back to its page, whatever it names.
    """
    entry(route)
    for name in {*route.parameters} & {*OF_THE_OTHER}:
        address = route.address({**PLACES, name: OF_THE_OTHER[name]})
        for method in ("GET", "POST"):
            with transaction.atomic():
                response = drain(world.people["owner"].generic(method, address, headers=HTMX))
                transaction.set_rollback(True)
            led_back = method == "GET" and response.status_code in (204, 302)
            assert led_back or response.status_code == 404, (method, address)


def test_the_tables_hold_no_line_of_a_route_that_is_gone() -> None:
    assert {*PAGES} == {route.key for route in pages()}
    keys = {operation.key for operation in operations()}
    assert {*OPERATIONS} == keys


def test_nothing_is_left_out_but_what_an_api_does_not_know() -> None:
    """So that a page cannot hide behind a catch-all."""
    assert len(all_routes()) > 100
    assert not {route.key for route in all_routes()} & CATCH_ALL


# --- Operations of the APIs -------------------------------------------------------------------------

# Bodies that are well-formed, for operations that would refuse any other before they look who asks.
every_operation = pytest.mark.parametrize(
    "operation", operations(), ids=[operation.key for operation in operations()]
)


def status_of(client: Client, operation: Operation, places: dict[str, str] = PLACES) -> int:
    """The status that comes of it, undone afterwards."""
    with transaction.atomic():
        response = drain(
            client.generic(
                operation.method,
                operation.route.address(places),
                json.dumps(BODIES.get(operation.key, {})),
                content_type="application/json",
            )
        )
        transaction.set_rollback(True)
    assert response.status_code < 500, response.content
    return response.status_code


def scopes_of(operation: Operation) -> frozenset[str]:
    assert operation.key in OPERATIONS, (
        f"{operation.method} /{operation.route.pattern} has no line in tests/access/table.py. Add"
        f' "{operation.key}": … to OPERATIONS there, with the scopes of which a token needs one (READ,'
        " ADMIN, UPLOAD or ANY)."
    )
    return OPERATIONS[operation.key]


@every_operation
def test_an_operation_answers_a_token_with_one_of_its_scopes(
    world: World, operation: Operation
) -> None:
    scopes = scopes_of(operation)
    refused = 404 if operation.route.pattern.startswith("api/v3") else 403
    for scope in ApiToken.Scope:
        status = status_of(world.tokens[scope], operation)
        if scope in scopes:
            assert status not in (401, 403, 404), f"{scope} is in the table, but gets {status}"
        else:
            assert status == refused, f"{scope} is not in the table, but gets {status}"


@every_operation
def test_no_operation_answers_without_a_live_token(world: World, operation: Operation) -> None:
    scopes_of(operation)
    for who, client in {**world.people, **world.dead_tokens}.items():
        assert status_of(client, operation) == 401, who


@every_operation
def test_no_operation_answers_another_enterprises_token(world: World, operation: Operation) -> None:
    scopes_of(operation)
    if operation.route.parameters:
        assert status_of(world.other_token, operation) == 404


@pytest.mark.parametrize(
    "operation",
    [each for each in operations() if {*each.route.parameters} & {*OF_THE_OTHER}],
    ids=lambda operation: operation.key,
)
def test_no_operation_reads_or_changes_a_row_of_another_enterprise(
    world: World, operation: Operation
) -> None:
    scopes_of(operation)
    for name in {*operation.route.parameters} & {*OF_THE_OTHER}:
        if operation.key == "set_member":
            continue  # anybody's user name may be given a role: that is how people are added
        places = {**PLACES, name: OF_THE_OTHER[name]}
        assert status_of(world.tokens["admin:enterprise"], operation, places) == 404, name
