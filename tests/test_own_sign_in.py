"""What persons change of how they sign in stands in the audit log of each of their enterprises."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.usersessions.models import UserSession
from django.test import Client

from enterprise.models import AuditEvent, Enterprise, User
from tests.factories import PASSWORD, EnterpriseFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db

NEW = "a staple for the other horse"


@pytest.fixture
def mona() -> User:
    """She has a role in two enterprises of three."""
    user: User = UserFactory(username="mona")
    MembershipFactory(user=user, enterprise=EnterpriseFactory(slug="acme"))
    MembershipFactory(user=user, enterprise=EnterpriseFactory(slug="umbrella"), auditor=True)
    EnterpriseFactory(slug="stranger")
    return user


def signed_in() -> Client:
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.post("/accounts/login/", {"login": "mona", "password": PASSWORD})
    return client


@pytest.fixture
def told(mona: User) -> Callable[[], list[tuple[str, dict[str, object], dict[str, object]]]]:
    """What is new, alike in both logs: (action, before, after)."""

    def events() -> list[tuple[str, dict[str, object], dict[str, object]]]:
        logs = []
        for slug in ("acme", "umbrella"):
            log = AuditEvent.objects.filter(enterprise__slug=slug).order_by("pk")
            for event in log:
                assert (event.actor, event.actor_kind, event.target) == ("mona", "user", "mona")
                assert event.ip_address == "192.0.2.7"
                assert event.via.startswith("session ")
            logs.append([(event.action, event.before, event.after) for event in log])
        assert logs[0] == logs[1]
        assert AuditEvent.objects.count() == 2 * len(logs[0])
        return logs[0]

    return events


def test_signing_in_changes_nothing(told: Callable[[], object]) -> None:
    signed_in()
    assert told() == []


def test_a_new_password(told: Callable[[], object]) -> None:
    twice = {"password1": NEW, "password2": NEW}
    client = signed_in()
    client.post("/accounts/password/change/", {"oldpassword": "wrong", **twice})
    assert told() == []
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **twice})
    assert told() == [("user.password_set", {}, {})]


def test_a_first_password(mona: User, told: Callable[[], object]) -> None:
    mona.set_unusable_password()
    mona.save()
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.force_login(mona)
    client.post("/accounts/password/set/", {"password1": NEW, "password2": NEW})
    assert told() == [("user.password_set", {}, {})]


def test_an_authenticator_app_and_recovery_codes(
    told: Callable[[], object], django_capture_on_commit_callbacks: Any
) -> None:
    client = signed_in()
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    (secret,) = re.findall(r'value="([A-Z2-7]{32})"', page)
    code = format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/accounts/2fa/totp/activate/", {"code": code})
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/accounts/2fa/recovery-codes/generate/")
    client.post("/accounts/2fa/totp/deactivate/")
    assert told() == [
        ("user.factor_add", {}, {"kind": "totp"}),
        ("user.factor_add", {}, {"kind": "recovery_codes"}),
        ("user.factor_renew", {}, {"kind": "recovery_codes"}),
        ("user.factor_remove", {"kind": "totp"}, {}),
        ("user.factor_remove", {"kind": "recovery_codes"}, {}),
    ]
    assert secret not in str(list(AuditEvent.objects.values()))


def test_one_other_session(told: Callable[[], object]) -> None:
    signed_in()
    other = UserSession.objects.get()
    signed_in().post(f"/accounts/sessions/{other.pk}/end/")
    assert told() == [("user.sessions_end", {"sessions": 1}, {})]


def test_all_other_sessions(told: Callable[[], object]) -> None:
    signed_in()
    signed_in()
    client = signed_in()
    client.post("/accounts/sessions/")
    client.post("/accounts/sessions/")  # there is none any more
    assert told() == [("user.sessions_end", {"sessions": 2}, {})]


def test_an_owner_reads_it_in_words(mona: User) -> None:
    owner = MembershipFactory(enterprise=Enterprise.objects.get(slug="acme")).user
    signed_in()
    signed_in().post("/accounts/sessions/")
    client = Client()
    client.force_login(owner)
    page = client.get("/enterprises/acme/settings/audit").content.decode()
    assert "Signed out their other sessions" in page
