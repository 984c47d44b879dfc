"""Every page, looked at as an attacker would: scripts, forged forms, ways elsewhere, forged hosts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from tests.access.routes import Route, pages
from tests.access.world import PLACES, World, drain

pytestmark = pytest.mark.django_db

EVIL = "evil.example"
every_page = pytest.mark.parametrize(
    "route",
    pages(),
    ids=lambda route: route.key,
)


def get(client: Client, address: str, **more: Any) -> Any:
    with transaction.atomic():
        response = drain(client.get(address, **more))
        transaction.set_rollback(True)
    return response


@every_page
def test_nothing_stands_inline(world: World, route: Route) -> None:
    for who in ("owner", "signed out"):
        response = get(world.people[who], route.address(PLACES))
        if response["Content-Type"].startswith("text/html") and not response.streaming:
            hold_inline(response.content.decode())


def hold_inline(page: str) -> None:
    """No style, handler or script stands in the page, but for data and what has the answer's nonce."""
    assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", page)
    assert "<style" not in page
    for attributes in re.findall(r"<script\b([^>]*)>", page):
        assert re.search(r"\bsrc=|\bnonce=|application/json", attributes), attributes
    assert "javascript:" not in page


@every_page
def test_a_form_of_another_site_changes_nothing(world: World, route: Route) -> None:
    """A browser that sends the session, but not the token of the form."""
    if route.key == "saml_acs":
        return  # comes from the provider's site; its signature is the proof
    forged = Client(enforce_csrf_checks=True)
    forged.cookies = world.people["owner"].cookies.copy()
    with transaction.atomic():
        response = forged.post(route.address(PLACES), {"next": "/"})
        transaction.set_rollback(True)
    assert response.status_code in (403, 404, 405), response.status_code


@every_page
@pytest.mark.parametrize("way", [f"https://{EVIL}/", f"//{EVIL}/", f"/\\{EVIL}/"])
def test_no_page_leads_elsewhere(world: World, route: Route, way: str) -> None:
    for who in ("owner", "signed out"):
        for method in ("get", "post"):
            client = world.people[who]
            cookies = client.cookies.copy()
            with transaction.atomic():
                ask = getattr(client, method)
                address = route.address(PLACES)
                response = drain(ask(address, {"next": way, "language": "en"}))
                transaction.set_rollback(True)
            client.cookies = cookies
            where = response.get("Location", "").partition("?")[0]
            assert EVIL not in where, (who, method)


def test_a_forged_host_is_refused(world: World) -> None:
    for header in (EVIL, f"127.0.0.1.{EVIL}", f"{EVIL}:8000", "127.0.0.1@" + EVIL):
        response = world.people["owner"].get("/", headers={"host": header})
        assert response.status_code == 400
        assert EVIL.encode() not in response.content


def test_a_token_in_an_address_opens_nothing(world: World) -> None:
    token = world.tokens["admin:enterprise"].defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    for name in ("access_token", "token", "api_key", "authorization"):
        for path in ("/api/v1/enterprises/acme/totals", "/api/v3/meta", "/enterprises/acme"):
            response = Client().get(path, {name: token})
            assert response.status_code in (302, 401), path
