"""Who signs in by a provider confirms there who they are, by a proof made now, and by nothing else."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
from django.test import Client

from enterprise.models import Enterprise, User
from tests.single_sign_on.browsing import Corp, is_in, led_to, saml_sign_in
from tests.single_sign_on.saml_provider import SamlProvider

pytestmark = pytest.mark.django_db

PAGE = "/enterprises/acme/settings/tokens/new"
LONG_AGO = 3600  # seconds


def owner_tells(corp: Corp, *, sub: str = "1", **claims: Any) -> None:
    corp.tell(sub, preferred_username=f"mona{sub}", groups=["licsync-owners"], **claims)


def grow_old(client: Client) -> None:
    """The session's last proof was long ago."""
    session = client.session
    session["account_authentication_methods"][-1]["at"] = time.time() - LONG_AGO
    session.save()


def way_to_confirm(client: Client, page: str = PAGE) -> str:
    """Where a page leads that wants a confirmation."""
    first: str = client.get(page)["Location"]
    return str(client.get(first)["Location"] if "/accounts/reauthenticate/" in first else first)


@pytest.fixture
def mona(acme: Enterprise, corp: Corp) -> Client:
    """An owner by her group, who signed in at the provider and here long ago."""
    owner_tells(corp, auth_time=int(time.time()) - LONG_AGO)
    client = Client()
    corp.sign_in(client, "1")
    grow_old(client)
    return client


def test_a_sign_in_is_as_old_as_the_proof_at_the_provider(acme: Enterprise, corp: Corp) -> None:
    for auth_time, status in ((int(time.time()), 200), (int(time.time()) - LONG_AGO, 302)):
        owner_tells(corp, auth_time=auth_time)
        client = Client()
        corp.sign_in(client, "1")
        assert client.get("/enterprises/acme").status_code == 200
        assert client.get(PAGE).status_code == status


def test_where_the_provider_does_not_say_when_only_a_confirmation_counts(
    acme: Enterprise, corp: Corp
) -> None:
    owner_tells(corp, auth_time=None)
    client = Client()
    corp.sign_in(client, "1")
    assert client.get(PAGE).status_code == 302
    assert corp.sign_in(client, "1", way_to_confirm(client))["Location"] == PAGE
    assert client.get(PAGE).status_code == 200


def test_the_provider_is_asked_for_a_proof_made_now_and_it_leads_back(
    mona: Client, corp: Corp
) -> None:
    way = way_to_confirm(mona)
    assert way.startswith("/settings/sign-in/corp/confirm?next=")
    asked = led_to(mona.get(way))
    assert "prompt=login" in asked
    assert "max_age=0" in asked
    session = mona.session.session_key
    owner_tells(corp, auth_time=int(time.time()))
    assert corp.sign_in(mona, "1", way)["Location"] == PAGE
    assert mona.get(PAGE).status_code == 200
    assert mona.session.session_key == session


def test_an_answer_by_an_old_sign_in_confirms_nothing(mona: Client, corp: Corp) -> None:
    """Whoever sits at somebody's browser can leave out of the address that it is to ask anew."""
    response = corp.sign_in(mona, "1", way_to_confirm(mona))
    assert response.status_code == 403
    assert "did not ask who you are" in response.content.decode()
    assert mona.get(PAGE).status_code == 302
    # Nor does signing in once more, without being asked for a proof.
    corp.sign_in(mona, "1")
    assert mona.get(PAGE).status_code == 302


def test_somebody_elses_proof_confirms_nothing(mona: Client, corp: Corp) -> None:
    owner_tells(corp, sub="2", auth_time=int(time.time()))
    corp.sign_in(Client(), "2")
    response = corp.sign_in(mona, "2", way_to_confirm(mona))
    assert response.status_code == 403
    assert "somebody else" in response.content.decode()
    assert mona.session["_auth_user_id"] == str(User.objects.get(username="mona1").pk)
    assert mona.get(PAGE).status_code == 302


@pytest.mark.parametrize(
    "page",
    ["/accounts/password/set/", "/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_second_proof_is_added_without_the_first(mona: Client, page: str, method: str) -> None:
    """By which everything else could be confirmed."""
    response = mona.generic(method, page)
    where = response["Location"]
    if "reauthenticate" in where:
        where = mona.get(where)["Location"]
    assert where.startswith("/settings/sign-in/corp/confirm?next=")


def test_nobody_who_is_signed_out_confirms(acme: Enterprise, corp: Corp) -> None:
    way = "/settings/sign-in/corp/confirm"
    assert Client().get(way)["Location"].startswith("/accounts/login/?next=")


# --- SAML ------------------------------------------------------------------------------------------


@pytest.fixture
def by_saml(acme: Enterprise, legacy: SamlProvider) -> Client:
    legacy.signed_in_at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=LONG_AGO)
    client = Client()
    saml_sign_in(client)
    assert is_in(client)
    return client


def test_saml_tells_how_old_the_proof_is(by_saml: Client, legacy: SamlProvider) -> None:
    assert by_saml.get(PAGE).status_code == 302
    legacy.signed_in_at = dt.datetime.now(dt.UTC)
    fresh = Client()
    saml_sign_in(fresh)
    assert fresh.get(PAGE).status_code == 200


def test_saml_asks_anew_and_leads_back(by_saml: Client, legacy: SamlProvider) -> None:
    session = by_saml.session.session_key
    assert saml_sign_in(by_saml, way_to_confirm(by_saml))["Location"] == PAGE
    assert by_saml.get(PAGE).status_code == 200
    assert by_saml.session.session_key == session


def test_a_saml_provider_that_did_not_ask_confirms_nothing(
    by_saml: Client, legacy: SamlProvider
) -> None:
    legacy.skips_it = True
    response = saml_sign_in(by_saml, way_to_confirm(by_saml))
    assert response.status_code == 403
    assert by_saml.get(PAGE).status_code == 302


def test_a_saml_proof_of_somebody_else_confirms_nothing(
    by_saml: Client, legacy: SamlProvider
) -> None:
    legacy.name_id = "hubot-1"
    saml_sign_in(Client())
    assert saml_sign_in(by_saml, way_to_confirm(by_saml)).status_code == 403
    assert by_saml.get(PAGE).status_code == 302


def test_a_request_without_a_host_is_no_error(legacy: SamlProvider) -> None:
    """HTTP/1.0 may leave it out, and so does the test's client."""
    assert "HTTP_HOST" not in Client().get("/help/tokens").request
    for path in ("login/", "metadata/"):
        assert Client().get(f"/accounts/saml/legacy/{path}").status_code in (200, 302)


def test_the_cookie_that_leads_to_an_answer_is_no_scripts_business(legacy: SamlProvider) -> None:
    client = Client()
    client.post("/accounts/saml/legacy/acs/", {"SAMLResponse": "x"})
    assert client.cookies["saml-acs-session"]["httponly"]


def test_a_message_from_elsewhere_ends_no_session(by_saml: Client) -> None:
    for query in ("", "?SAMLRequest=x", "?SAMLResponse=x&RelayState=https://evil.example"):
        assert by_saml.get(f"/accounts/saml/legacy/sls/{query}").status_code == 404
    assert is_in(by_saml)
