"""The page of API tokens: who sees it, making one, its value shown once, revoking."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from enterprise.models import ApiToken, Enterprise
from enterprise.services.audit import Actor
from enterprise.services.tokens import token_check, token_make
from tests.factories import EnterpriseFactory, ago

PAGE = "/enterprises/acme/settings/tokens"
NEW = {"name": "Export", "scopes": ["read:enterprise"], "expires": "30"}
MONA = Actor("mona", "user")
pytestmark = pytest.mark.django_db


def make(enterprise: Enterprise, name: str = "Export", **fields: object) -> tuple[ApiToken, str]:
    token, value = token_make(
        enterprise=enterprise, actor=MONA, name=name, scopes=["read:enterprise"]
    )
    ApiToken.objects.filter(pk=token.pk).update(**fields)
    return token, value


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("owner", 200),
        ("auditor", 200),
        ("billing_manager", 404),
        ("stranger", 404),
        ("signed_out", 302),
    ],
)
def test_owners_and_auditors_see_the_list(
    cast: Callable[[str], Client], who: str, status: int
) -> None:
    assert cast(who).get(PAGE).status_code == status


@pytest.mark.parametrize("who", ["auditor", "billing_manager", "stranger"])
def test_only_owners_make_and_revoke(
    cast: Callable[[str], Client], acme: Enterprise, who: str
) -> None:
    token, value = make(acme)
    client = cast(who)
    for path in (f"{PAGE}/new", f"{PAGE}/{token.pk}/revoke"):
        assert client.get(path).status_code == 404
        assert client.post(path, NEW).status_code == 404
    assert ApiToken.objects.count() == 1
    assert token_check(value)


def test_the_value_is_shown_once_and_works(acme: Enterprise, owner: Client) -> None:
    response = owner.post(f"{PAGE}/new", NEW)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    (value,) = set(re.findall(r"lsc_[\w-]{30,}", response.content.decode()))
    token = token_check(value)
    assert token is not None
    assert (token.name, token.scopes, token.created_by) == ("Export", ["read:enterprise"], "mona")
    assert token.expires_at is not None
    assert 29 <= (token.expires_at - timezone.now()).days <= 30
    html = owner.get(PAGE).content.decode()
    assert value not in html
    assert f"{value[:8]}…" in html


def test_a_token_may_never_expire(acme: Enterprise, owner: Client) -> None:
    owner.post(f"{PAGE}/new", {**NEW, "expires": "never"})
    assert ApiToken.objects.get().expires_at is None
    assert "Never expires" in owner.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "Taken"}, "There is already a token with the name Taken."),
        ({"scopes": []}, "Choose at least one scope."),
        ({"scopes": ["site_admin"]}, "site_admin is not one of the available choices"),
        ({"expires": "999"}, "999 is not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_and_no_token_is_made(
    acme: Enterprise, owner: Client, wrong: dict[str, object], sentence: str
) -> None:
    make(acme, "Taken")
    response = owner.post(f"{PAGE}/new", {**NEW, **wrong})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert "lsc_" not in response.content.decode()
    assert ApiToken.objects.count() == 1


def test_the_list_says_what_is_known_of_each(acme: Enterprise, owner: Client) -> None:
    make(acme, "Used", last_used_at=ago(minutes=3))
    make(acme, "Old", expires_at=ago(days=1))
    html = owner.get(PAGE).content.decode()
    assert "Last used:" in html
    assert "3 minutes ago" in html
    assert "Never used" in html
    assert "Expired on" in html


def test_revoking_asks_first_and_then_revokes(acme: Enterprise, owner: Client) -> None:
    token, value = make(acme)
    assert "Revoke Export?" in owner.get(f"{PAGE}/{token.pk}/revoke").content.decode()
    assert token_check(value)
    assert owner.post(f"{PAGE}/{token.pk}/revoke").headers["Location"] == PAGE
    assert token_check(value) is None
    assert "No API tokens yet" in owner.get(PAGE).content.decode()
    assert owner.post(f"{PAGE}/{token.pk}/revoke").status_code == 404


def test_a_token_of_another_enterprise_is_not_found(owner: Client) -> None:
    token, value = make(EnterpriseFactory(slug="other"))
    assert owner.post(f"{PAGE}/{token.pk}/revoke").status_code == 404
    assert token_check(value)


def test_an_auditor_reads_without_buttons(acme: Enterprise, auditor: Client) -> None:
    token_make(
        enterprise=acme,
        actor=Actor("mona@example.com", "user"),
        name="Export",
        scopes=["read:metrics"],
    )
    html = auditor.get(PAGE).content.decode()
    assert "New token" not in html
    assert "Revoke" not in html
    assert "m•••@example.com" in html
    assert "mona@example.com" not in html


def test_many_tokens_are_shown_in_pages(acme: Enterprise, owner: Client) -> None:
    for number in range(40):
        make(acme, f"token{number:02}")
    first = owner.get(PAGE).content.decode()
    assert "token10" in first
    assert "token09" not in first
    (following,) = re.findall(r'href="(\?before=\d+)"', first)
    assert "token09" in owner.get(PAGE + following).content.decode()
