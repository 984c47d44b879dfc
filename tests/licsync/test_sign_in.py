import time

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.usersessions.models import UserSession
from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import NoReverseMatch, reverse

from enterprise.services.audit import SYSTEM
from enterprise.services.key_rotation import keys_rotate

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture
def mona():
    return get_user_model().objects.create_user("mona", "mona@example.com", PASSWORD)


@pytest.mark.parametrize("login", ["mona", "MONA", "mona@example.com", "Mona@Example.com"])
def test_a_person_signs_in_by_name_or_address_in_any_case(client, mona, login):
    response = client.post("/accounts/login/", {"login": login, "password": PASSWORD})
    assert response.status_code == 302
    assert client.session["_auth_user_id"] == str(mona.pk)


@pytest.mark.parametrize("login", ["mona", "nobody"])
def test_a_wrong_password_and_a_wrong_name_look_alike(client, mona, login):
    response = client.post("/accounts/login/", {"login": login, "password": "wrong"})
    assert response.status_code == 200
    assert response.context["form"].non_field_errors() or response.context["form"].errors
    assert "_auth_user_id" not in client.session


def test_a_person_who_left_does_not_get_in(client, mona):
    mona.is_active = False
    mona.save()
    client.post("/accounts/login/", {"login": "mona", "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_guessing_is_stopped_also_for_the_right_password(client, mona):
    for _ in range(6):
        client.post("/accounts/login/", {"login": "mona", "password": "wrong"})
    client.post("/accounts/login/", {"login": "mona", "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_nobody_makes_an_account_for_themselves(client):
    with pytest.raises(NoReverseMatch):
        reverse("account_signup")
    assert client.get("/accounts/signup/").status_code == 404


def test_a_page_to_return_to_must_be_ours(client, mona):
    response = client.post(
        "/accounts/login/?next=https://evil.example.com/", {"login": "mona", "password": PASSWORD}
    )
    assert response["Location"] == "/"


# --- Second factors, sessions, confirming ----------------------------------------------------------


def sign_in(client, **fields):
    return client.post("/accounts/login/", {"login": "mona", "password": PASSWORD, **fields})


def code(secret):
    return format_hotp_value(hotp_value(secret, yield_hotp_counters_from_time().__next__()))


@pytest.fixture
def secret(mona):
    """Mona has an authenticator app and recovery codes."""
    secret = generate_totp_secret()
    TOTP.activate(mona, secret)
    RecoveryCodes.activate(mona)
    return secret


def test_the_password_alone_lets_nobody_in_who_has_a_second_factor(client, secret):
    assert sign_in(client)["Location"] == "/accounts/2fa/authenticate/"
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert "_auth_user_id" not in client.session
    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    assert "_auth_user_id" in client.session


def test_a_recovery_code_lets_in_once(mona, secret):
    recovery = RecoveryCodes(Authenticator.objects.get(type="recovery_codes"))
    first = recovery.get_unused_codes()[0]
    for expected in (True, False):
        client = Client()
        sign_in(client)
        client.post("/accounts/2fa/authenticate/", {"code": first})
        assert ("_auth_user_id" in client.session) is expected


def test_the_seeds_are_encrypted_at_rest(secret):
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    codes = RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes()
    assert not any(each in kept for each in codes)


def test_where_the_key_is_lost_no_code_is_right_and_the_app_can_be_deactivated(
    client, mona, secret, settings
):
    settings.LICSYNC_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    sign_in(client)
    answer = client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    assert answer.context["form"].errors == {"code": ["Incorrect code or unknown key."]}
    assert "_auth_user_id" not in client.session
    client.force_login(mona)
    assert client.get("/accounts/2fa/").status_code == 200
    client.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists()


def test_a_person_ends_their_other_sessions(mona):
    here, elsewhere = Client(), Client()
    sign_in(here)
    sign_in(elsewhere)
    page = here.get("/accounts/sessions/").content.decode()
    assert page.count("<td>127.0.0.1") == 2
    here.post("/accounts/sessions/")
    assert here.get("/settings/profile").status_code == 200
    assert elsewhere.get("/settings/profile").status_code == 302


def test_a_person_ends_one_of_their_sessions(mona):
    here, elsewhere, further, stranger = Client(), Client(), Client(), Client()
    for client in (here, elsewhere, further):
        sign_in(client)
    stranger.force_login(get_user_model().objects.create_user("hubot"))
    own, ended, _ = UserSession.objects.filter(user=mona).order_by("pk")
    end = f"/accounts/sessions/{ended.pk}/end/"
    assert end in here.get("/accounts/sessions/").content.decode()
    assert stranger.post(end).status_code == 404
    assert here.post(f"/accounts/sessions/{own.pk}/end/").status_code == 404  # "Sign out" does that
    here.get(end)
    assert elsewhere.get("/settings/profile").status_code == 200
    here.post(end)
    assert elsewhere.get("/settings/profile").status_code == 302
    assert further.get("/settings/profile").status_code == 200
    assert here.get("/settings/profile").status_code == 200


@pytest.mark.parametrize(
    "page",
    [
        "/accounts/2fa/totp/deactivate/",
        "/accounts/2fa/recovery-codes/",
        "/accounts/2fa/recovery-codes/download/",
        "/accounts/2fa/recovery-codes/generate/",
        "/accounts/2fa/webauthn/add/",
    ],
)
def test_second_factors_are_shown_and_changed_by_who_confirms(client, mona, secret, page):
    sign_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    assert client.get(page).status_code == 200
    with time_machine.travel(time.time() + settings.SUDO_SECONDS + 1, tick=False):
        assert client.get(page)["Location"].startswith("/accounts/reauthenticate/?next=")


@pytest.mark.parametrize("page", ["", "download/"])
def test_who_has_codes_that_cannot_be_read_is_told_and_gets_new_ones(
    client, mona, secret, page, settings
):
    sign_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    settings.LICSYNC_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    told = client.get(f"/accounts/2fa/recovery-codes/{page}", follow=True)
    assert told.redirect_chain == [("/accounts/2fa/recovery-codes/generate/", 302)]
    assert "Your recovery codes cannot be read" in told.content.decode()
    assert client.post("/accounts/2fa/recovery-codes/generate/").status_code == 302
    assert client.get(f"/accounts/2fa/recovery-codes/{page}").status_code == 200


def test_who_came_by_a_link_sets_a_password_before_confirming_anything(client):
    """However long ago: there is nothing else yet to confirm by."""
    client.force_login(get_user_model().objects.create_user("nina"))
    with time_machine.travel(time.time() + settings.SUDO_SECONDS + 1, tick=False):
        new = "/enterprises/new"
        asked = client.get(client.get(new)["Location"])["Location"]
        assert asked == "/accounts/password/set/?next=%2Fenterprises%2Fnew"
        assert client.get(asked).status_code == 200
        twice = {"password1": PASSWORD, "password2": PASSWORD}
        client.post("/accounts/password/set/", twice)
        assert client.get(new).status_code == 302
        client.post(f"/accounts/reauthenticate/?next={new}", {"password": PASSWORD})
        assert client.get(new).status_code == 200


def test_who_signed_in_a_while_ago_confirms_by_password_and_goes_on(client, mona):
    sign_in(client)
    new = "/enterprises/new"
    assert client.get(new).status_code == 200
    with time_machine.travel(time.time() + settings.SUDO_SECONDS + 1, tick=False):
        asked = client.get(new)
        assert asked["Location"] == "/accounts/reauthenticate/?next=%2Fenterprises%2Fnew"
        client.post("/accounts/reauthenticate/", {"password": "wrong", "next": new})
        assert client.get(new).status_code == 302
        assert client.post(asked["Location"], {"password": PASSWORD, "next": new}).url == new
        assert client.get(new).status_code == 200


def test_what_was_sent_is_not_kept_while_it_is_confirmed(client, mona):
    sign_in(client)
    with time_machine.travel(time.time() + settings.SUDO_SECONDS + 1, tick=False):
        client.post("/enterprises/new", {"slug": "acme", "token": "ghp_secret"})
        assert "ghp_secret" not in str(dict(client.session.items()))


def test_the_session_gets_a_new_name_at_sign_in(client, mona):
    """A session that an attacker planted before is worth nothing after (fixation)."""
    client.get("/accounts/login/")
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    client.cookies["licsync_session"] = before
    sign_in(client)
    assert client.cookies["licsync_session"].value != before
    assert not Session.objects.filter(session_key=before).exists()


@pytest.mark.parametrize("login", ["mona", "nobody"])
def test_a_wrong_name_costs_as_many_hashes_as_a_wrong_password(client, mona, login, monkeypatch):
    """What a guess costs tells nothing: counted, since a clock would tell too much or too little."""
    calls = []
    monkeypatch.setattr(
        MD5PasswordHasher,
        "encode",
        lambda self, password, salt: calls.append(1) or original(self, password, salt),
    )
    client.post("/accounts/login/", {"login": login, "password": "wrong"})
    assert len(calls) == 1


original = MD5PasswordHasher.encode


def test_guesses_are_counted_where_every_process_sees_them():
    assert not settings.CACHES["default"]["BACKEND"].endswith(("LocMemCache", "DummyCache"))


def test_a_forwarded_address_of_a_stranger_does_not_reset_the_count(client, mona):
    for n in range(12):
        client.post(
            "/accounts/login/",
            {"login": "mona", "password": "wrong"},
            headers={"X-Forwarded-For": f"198.51.100.{n}"},
        )
    sign_in(client)
    assert "_auth_user_id" not in client.session


def test_another_port_in_the_host_does_not_reset_the_count(client, mona):
    """Django allows any port of an allowed host."""
    for n in range(5):
        headers = {"Host": f"127.0.0.1:{9000 + n}"}
        client.post("/accounts/login/", {"login": "mona", "password": "wrong"}, headers=headers)
    sign_in(client)
    assert "_auth_user_id" not in client.session


def test_rotating_the_keys_renews_the_seeds(mona, secret, settings):
    old = settings.LICSYNC_CREDENTIAL_KEYS
    settings.LICSYNC_CREDENTIAL_KEYS = [Fernet.generate_key().decode(), *old]
    keys_rotate(actor=SYSTEM)
    settings.LICSYNC_CREDENTIAL_KEYS = settings.LICSYNC_CREDENTIAL_KEYS[:1]
    assert TOTP(Authenticator.objects.get(type="totp")).validate_code(code(secret))
    assert RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes()
