"""Single sign-on by a real identity provider on loopback: who comes in, with which role, and who not."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Any

import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from enterprise.models import AuditEvent, Enterprise, Membership, Role, User
from enterprise.services.audit import SYSTEM
from enterprise.services.members import member_set
from tests.single_sign_on.browsing import (
    Corp,
    asked_of,
    configure,
    is_in,
    post_answer,
    roles,
    saml_sign_in,
)
from tests.single_sign_on.saml_provider import SamlProvider, request_in

pytestmark = pytest.mark.django_db


def test_somebody_in_a_group_gets_an_account_and_its_role(acme: Enterprise, corp: Corp) -> None:
    corp.tell("1", preferred_username="mona", email="mona@x.example", groups=["licsync-auditors"])
    client = Client()
    assert corp.sign_in(client, "1")["Location"] == "/"
    assert is_in(client)
    assert roles("mona") == [Role.AUDITOR]
    assert client.get("/enterprises/acme").status_code == 200
    assert AuditEvent.objects.filter(action="member.set", actor="Corp", target="mona").exists()


def test_of_several_groups_the_one_with_the_most_rights_counts(
    acme: Enterprise, corp: Corp
) -> None:
    corp.tell("1", preferred_username="mona", groups=["licsync-auditors", "licsync-owners", "x"])
    corp.sign_in(Client(), "1")
    assert roles("mona") == [Role.OWNER]


@pytest.mark.parametrize("groups", [[], ["others"], None, "licsync-owner", [{"name": 1}]])
def test_somebody_in_no_group_gets_no_account(acme: Enterprise, corp: Corp, groups: Any) -> None:
    corp.tell("1", preferred_username="mona", groups=groups)
    client = Client()
    response = corp.sign_in(client, "1")
    assert "No role here" in response.content.decode()
    assert not is_in(client)
    assert not User.objects.filter(username="mona").exists()


def test_the_role_changes_and_goes_with_the_group_at_the_next_sign_in(
    acme: Enterprise, corp: Corp
) -> None:
    for groups, expected in (
        (["licsync-owners"], [Role.OWNER]),
        (["licsync-billing_managers"], [Role.BILLING_MANAGER]),
        ([], []),
        (["licsync-auditors"], [Role.AUDITOR]),
    ):
        corp.tell("1", preferred_username="mona", groups=groups)
        corp.sign_in(Client(), "1")
        assert roles("mona") == expected


def test_the_last_owner_stays_though_the_group_is_gone(acme: Enterprise, corp: Corp) -> None:
    corp.tell("1", preferred_username="mona", groups=["licsync-owners"])
    corp.sign_in(Client(), "1")
    Membership.objects.filter(user__username="owen").delete()
    corp.tell("1", preferred_username="mona", groups=[])
    corp.sign_in(Client(), "1")
    assert roles("mona") == [Role.OWNER]
    assert AuditEvent.objects.filter(action="member.kept", target="mona").exists()


def test_a_role_given_by_hand_stays_as_it_is(acme: Enterprise, corp: Corp) -> None:
    corp.tell("1", preferred_username="mona", groups=["licsync-auditors"])
    corp.sign_in(Client(), "1")
    mona = User.objects.get(username="mona")
    member_set(enterprise=acme, user=mona, role=Role.BILLING_MANAGER, actor=SYSTEM)
    for groups in (["licsync-owners"], []):
        corp.tell("1", preferred_username="mona", groups=groups)
        corp.sign_in(Client(), "1")
        assert roles("mona") == [Role.BILLING_MANAGER]


def test_a_name_that_exists_here_is_not_taken_over(acme: Enterprise, corp: Corp) -> None:
    owen = User.objects.get(username="owen")
    corp.tell("1", preferred_username="OWEN", email=owen.email, groups=["licsync-auditors"])
    client = Client()
    corp.sign_in(client, "1")
    assert client.session["_auth_user_id"] != str(owen.pk)
    assert roles("owen") == [Role.OWNER]
    assert roles("owen-2") == [Role.AUDITOR]


def test_nothing_of_the_claims_is_kept(acme: Enterprise, corp: Corp) -> None:
    corp.tell("1", preferred_username="mona", name="Mona Lisa", groups=["licsync-auditors"])
    for _ in range(2):
        corp.sign_in(Client(), "1")
    assert [account.extra_data for account in SocialAccount.objects.all()] == [{}]
    assert not EmailAddress.objects.exists()


def test_a_password_is_no_way_around_the_provider(acme: Enterprise, corp: Corp) -> None:
    corp.tell("1", preferred_username="mona", groups=["licsync-auditors"])
    corp.sign_in(Client(), "1")
    mona = User.objects.get(username="mona")
    mona.set_password("correct horse battery")
    mona.save()
    client = Client()
    response = client.post(
        "/accounts/login/", {"login": "mona", "password": "correct horse battery"}, follow=True
    )
    assert not is_in(client)
    assert "Sign in there" in response.content.decode()


@pytest.mark.parametrize("change", ["state=forged", "code=forged"])
def test_an_answer_that_was_not_asked_for_lets_nobody_in(
    acme: Enterprise, corp: Corp, change: str
) -> None:
    corp.tell("1", preferred_username="mona", groups=["licsync-owners"])
    client = Client()
    asked = client.get("/accounts/oidc/corp/login/")["Location"]
    told = requests.post(asked, data={"sub": "1"}, timeout=10, allow_redirects=False)
    back = told.headers["Location"].removeprefix("http://testserver")
    name = change.partition("=")[0]
    response = client.get(re.sub(rf"{name}=[^&]+", change, back))
    assert not is_in(client)
    assert response.status_code in (200, 401, 403)
    # Nor does an answer that another browser asked for.
    other = Client()
    other.get(back)
    assert not is_in(other)


def test_of_the_query_only_the_way_back_is_used(acme: Enterprise, corp: Corp) -> None:
    query = "process=connect&scope=admin&auth_params=redirect_uri%3Dhttps://evil.example"
    asked = Client().get(f"/accounts/oidc/corp/login/?{query}")["Location"]
    assert "evil" not in asked
    assert "admin" not in asked
    assert corp.sign_in(Client(), "1", f"/accounts/oidc/corp/login/?{query}").status_code == 200
    assert not SocialAccount.objects.exists()


def test_a_provider_that_cannot_be_reached_is_told(acme: Enterprise, settings: Any) -> None:
    entry = {"id": "corp", "name": "Corp", "protocol": "openid_connect", "client_id": "x"}
    configure(settings, {**entry, "issuer": "http://127.0.0.1:9", "client_secret": "hush"})
    response = Client().get("/accounts/oidc/corp/login/")
    assert response.status_code == 502
    assert "Sign-in failed" in response.content.decode()


def test_a_way_back_to_elsewhere_is_not_followed(acme: Enterprise, corp: Corp) -> None:
    corp.tell("1", preferred_username="mona", groups=["licsync-owners"])
    path = "/accounts/oidc/corp/login/?next=https://evil.example/"
    assert corp.sign_in(Client(), "1", path)["Location"] == "/"


# --- SAML ------------------------------------------------------------------------------------------


def test_saml_gives_the_role_of_the_group_and_takes_it_away(
    acme: Enterprise, legacy: SamlProvider
) -> None:
    client = Client()
    saml_sign_in(client)
    assert is_in(client)
    membership = Membership.objects.exclude(user__username="owen").get()
    assert membership.role == Role.OWNER
    legacy.groups = ["others"]
    saml_sign_in(Client())
    assert not Membership.objects.exclude(user__username="owen").exists()


def test_an_assertion_counts_once(acme: Enterprise, legacy: SamlProvider) -> None:
    first = Client()
    answer = legacy.answer(request_in(asked_of(first)))
    post_answer(first, answer)
    assert is_in(first)
    post_answer(again := Client(), answer)
    assert not is_in(again)


def unsigned(legacy: SamlProvider, request: bytes) -> str:
    return legacy.answer(request, signed=False)


def of_another_key(legacy: SamlProvider, request: bytes) -> str:
    return SamlProvider().answer(request)


def for_somebody_else(legacy: SamlProvider, request: bytes) -> str:
    answer = b64decode(legacy.answer(request)).replace(b"mona-1", b"mona-2")
    return b64encode(answer).decode()


def with_an_xml_bomb(legacy: SamlProvider, request: bytes) -> str:
    entities = '<!ENTITY l0 "ha">'
    for n in range(1, 10):
        entities += f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">'
    answer = b64decode(legacy.answer(request)).decode().replace("mona-1", "&l9;")
    return b64encode(f"<!DOCTYPE x [{entities}]>{answer}".encode()).decode()


def with_a_file(legacy: SamlProvider, request: bytes) -> str:
    answer = b64decode(legacy.answer(request)).decode().replace("mona-1", "&f;")
    entity = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    return b64encode(f"{entity}{answer}".encode()).decode()


def garbage(legacy: SamlProvider, request: bytes) -> str:
    return "%%%"


@pytest.mark.parametrize(
    "forge",
    [unsigned, of_another_key, for_somebody_else, with_an_xml_bomb, with_a_file, garbage],
)
def test_a_forged_or_hostile_answer_lets_nobody_in(
    acme: Enterprise, legacy: SamlProvider, forge: Any
) -> None:
    client = Client()
    response = post_answer(client, forge(legacy, request_in(asked_of(client))))
    assert "Sign-in failed" in response.content.decode()
    assert b"root:" not in response.content
    assert not is_in(client)
