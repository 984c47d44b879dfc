"""Whatever the console answers carries every header: pages, APIs, files, errors, redirects, sign-in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import transaction
from django.test import Client

from tests.access.routes import Operation, Route, operations, pages
from tests.access.world import PLACES, World, drain
from tests.api.v1.conftest import BODIES
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


def hold(response: Any, *, personal: bool = True) -> None:
    """The headers of an answer; ``personal`` is whatever no cache may keep."""
    policy = response["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for directive in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert directive in policy
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]
    assert "Server" not in response
    if personal:
        caching = response["Cache-Control"]
        assert "public" not in caching
        assert any(word in caching for word in ("no-store", "private", "no-cache")), caching
    for name, cookie in response.cookies.items():
        if cookie.value:
            assert cookie["httponly"], name
            assert cookie["samesite"] in ("Lax", "Strict"), name


def ask(client: Client, method: str, address: str, **more: Any) -> Any:
    cookies = client.cookies.copy()
    with transaction.atomic():
        response = drain(client.generic(method, address, **more))
        transaction.set_rollback(True)
    client.cookies = cookies
    return response


@pytest.mark.parametrize("route", pages(), ids=lambda route: route.key)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
def test_a_page_its_redirects_and_refusals(world: World, route: Route, method: str) -> None:
    for who in ("owner", "auditor", "stranger", "signed out"):
        hold(ask(world.people[who], method, route.address(PLACES)))
    hold(ask(world.stale_owner, method, route.address(PLACES)))


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.key)
def test_an_operation_whoever_asks(world: World, operation: Operation) -> None:
    body = json.dumps(BODIES.get(operation.key, {}))
    clients = [*world.tokens.values(), *world.dead_tokens.values(), Client()]
    for client in clients:
        for data in (body, "{"):
            address = operation.route.address(PLACES)
            more: Any = {"data": data, "content_type": "application/json"}
            hold(ask(client, operation.method, address, **more))


@pytest.mark.parametrize(
    "path", ["/static/licsync.css", "/static/licsync.js", "/static/favicon.svg"]
)
def test_a_static_file(path: str) -> None:
    response = drain(Client().get(path))
    assert response.status_code == 200
    hold(response, personal=False)


@pytest.mark.parametrize("path", ["/static/nothing.js", "/nowhere", "/api/v1/nowhere", "/api/v3/x"])
def test_what_is_not_there(path: str) -> None:
    response = Client().get(path)
    assert response.status_code in (401, 404)
    hold(response)


def test_a_forged_host_and_a_forged_form(world: World) -> None:
    response = Client().get("/", headers={"host": "evil.example"})
    assert response.status_code == 400
    hold(response)
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "x"})
    assert response.status_code == 403
    hold(response)


@pytest.mark.parametrize(
    ("error", "status"),
    [(SuspiciousOperation, 400), (PermissionDenied, 403), (RuntimeError, 500), (KeyError, 500)],
)
@pytest.mark.parametrize("path", ["/help/tokens", "/api/v3/meta"])
def test_a_failure(
    world: World, error: type[Exception], status: int, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error("a secret")

    monkeypatch.setattr("django.core.handlers.base.BaseHandler.resolve_request", fail)
    client = Client(raise_request_exception=False)
    client.cookies = world.people["owner"].cookies.copy()
    response = client.get(path)
    assert response.status_code == status
    assert b"a secret" not in response.content
    assert b"Traceback" not in response.content
    hold(response)


def test_signing_in_and_its_cookies_over_tls(settings: Any) -> None:
    """As ``licsync.settings`` has them where the public address begins with https."""
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_SSL_REDIRECT = True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.LANGUAGE_COOKIE_SECURE = True
    user = UserFactory()
    client = Client()
    plain = client.get("/accounts/login/")
    assert (plain.status_code, plain["Location"][:8]) == (301, "https://")
    hold(plain, personal=False)
    sent = {"login": user.username, "password": PASSWORD}
    for response in (
        client.get("/accounts/login/", secure=True),
        client.post("/accounts/login/", sent, secure=True),
        client.post("/i18n/setlang/", {"language": "de"}, secure=True),
        client.get("/settings/profile", secure=True),
    ):
        hold(response)
        assert response["Strict-Transport-Security"].startswith("max-age=31536000")
        for name, cookie in response.cookies.items():
            assert cookie["secure"], name
            assert not cookie["domain"], name
    assert {*client.cookies} >= {"licsync_session", "licsync_csrf", "licsync_language"}
