"""People and their roles, tokens, and the audit log."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from enterprise.models import ApiToken, AuditEvent, Enterprise, Membership, Role, User
from enterprise.services.audit_door import audit_door
from tests.api.conftest import links
from tests.api.v1.conftest import V1, problem
from tests.factories import (
    AuditEventFactory,
    EnterpriseFactory,
    MembershipFactory,
    UserFactory,
    ago,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(enterprise: Enterprise) -> User:
    user: User = UserFactory(username="mona")
    MembershipFactory(enterprise=enterprise, user=user)
    return user


# --- Members -------------------------------------------------------------------------------------


def test_people_are_listed_with_their_roles(reader: V1, owner: User) -> None:
    (member,) = reader.read("/members")["items"]
    assert (member["username"], member["role"]) == ("mona", "owner")
    assert member["email"] == owner.email


def test_somebody_new_gets_a_link_to_sign_in(admin: V1, owner: User) -> None:
    body = {"role": "auditor", "email": "audrey@example.com"}
    response = admin.send("PUT", "/members/audrey", body)
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    link = response.json()["sign_in_link"]
    page = Client().get(link[link.index("/sign-in/") :])
    assert page.status_code == 200
    assert "audrey" not in str(AuditEvent.objects.filter(actor="admin").values("before", "after"))
    again = admin.send("PUT", "/members/AUDREY", {"role": "owner"})
    assert (again.status_code, again.json()["sign_in_link"]) == (200, None)
    assert Membership.objects.get(user__username="audrey").role == Role.OWNER
    newer = admin.send("POST", "/members/audrey/sign-in-link").json()["sign_in_link"]
    assert newer != link


def test_who_can_sign_in_gets_no_link(admin: V1, owner: User) -> None:
    response = admin.send("POST", "/members/mona/sign-in-link")
    assert problem(response) == (422, "link_not_needed")


def test_the_last_owner_stays(admin: V1, owner: User) -> None:
    for method, body in (("PUT", {"role": "auditor"}), ("DELETE", None)):
        response = admin.send(method, "/members/mona", body)
        assert problem(response) == (422, "last_owner")
    MembershipFactory(enterprise=Enterprise.objects.get())
    assert admin.send("DELETE", "/members/Mona").status_code == 204
    assert admin.send("DELETE", "/members/mona").status_code == 404


def test_people_of_another_enterprise_are_not_found(admin: V1, owner: User) -> None:
    stranger = MembershipFactory(enterprise=EnterpriseFactory(slug="other"))
    for method, path in (("DELETE", ""), ("POST", "/sign-in-link")):
        response = admin.send(method, f"/members/{stranger.user.username}{path}")
        assert problem(response) == (404, "not_found")
    assert stranger.user.username not in str(admin.read("/members"))


def test_a_name_or_address_that_cannot_be_is_refused(admin: V1, owner: User) -> None:
    response = admin.send("PUT", "/members/mona%20lisa", {"role": "owner"})
    assert problem(response) == (422, "bad_username")
    response = admin.send("PUT", "/members/audrey", {"role": "owner", "email": "none"})
    assert (problem(response), response.json()["field"]) == ((422, "bad_email"), "email")
    assert admin.send("PUT", "/members/audrey", {"role": "king"}).status_code == 422
    assert User.objects.count() == 1


# --- Tokens --------------------------------------------------------------------------------------


def test_a_token_is_made_shown_once_used_and_revoked(admin: V1, enterprise: Enterprise) -> None:
    body = {
        "name": "dashboard",
        "scopes": ["read:enterprise"],
        "expires_at": "2999-01-01T00:00:00Z",
    }
    made = admin.send("POST", "/tokens", body)
    assert made.status_code == 201
    assert made["Cache-Control"] == "no-store"
    value = made.json()["value"]
    token = V1(value)
    listed = token.read("/tokens")["items"]
    assert [each["name"] for each in listed] == ["dashboard", "admin"]
    assert listed[0]["created_by"] == "admin"
    assert value not in str(listed)
    assert admin.send("DELETE", f"/tokens/{made.json()['id']}").status_code == 204
    assert token.get(f"{token.start}/tokens").status_code == 401
    assert admin.send("DELETE", f"/tokens/{made.json()['id']}").status_code == 404
    actions = AuditEvent.objects.filter(actor="admin", actor_kind="token").order_by("pk")
    assert [event.action for event in actions] == ["token.make", "token.revoke"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"name": "admin", "scopes": ["read:enterprise"]}, (422, "token_name_taken")),
        ({"name": " ", "scopes": ["read:enterprise"]}, (422, "name_needed")),
        ({"name": "job", "scopes": []}, (422, "invalid_parameters")),
        ({"name": "job", "scopes": ["root"]}, (422, "invalid_parameters")),
        (
            {"name": "job", "scopes": ["read:metrics"], "value": "x" * 40},
            (422, "invalid_parameters"),
        ),
        (
            {"name": "job", "scopes": ["read:metrics"], "expires_at": "2020-01-01T00:00:00Z"},
            (422, "expires_in_past"),
        ),
        (
            {"name": "job", "scopes": ["read:metrics"], "expires_at": "9999-12-31T23:59:59-12:00"},
            (422, "invalid_parameters"),
        ),
    ],
)
def test_a_token_that_cannot_be_is_refused(
    admin: V1, body: dict[str, object], told: tuple[int, str]
) -> None:
    assert problem(admin.send("POST", "/tokens", body)) == told
    assert ApiToken.objects.count() == 1


def test_an_expired_token_opens_nothing(admin: V1) -> None:
    ApiToken.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert problem(admin.get(f"{admin.start}/tokens")) == (401, "bad_credentials")


# --- The audit log -------------------------------------------------------------------------------


def test_the_audit_log_goes_on_and_can_be_filtered(reader: V1, enterprise: Enterprise) -> None:
    with audit_door("test"):
        AuditEvent.objects.all().delete()
    events = AuditEventFactory.create_batch(60, enterprise=enterprise)
    other = AuditEventFactory(enterprise=enterprise, action="run.apply", actor="hubot")
    AuditEventFactory(enterprise=EnterpriseFactory(slug="other"), action="run.apply")
    response = reader.get(f"{reader.start}/audit")
    rest = reader.get(links(response)["next"])
    shown = [event["id"] for page in (response, rest) for event in page.json()["items"]]
    assert shown == [other.pk, *(event.pk for event in reversed(events))]
    for query in ({"action": "run.apply"}, {"actor": "HUB"}):
        assert [each["id"] for each in reader.read("/audit", **query)["items"]] == [other.pk]


# --- Groups --------------------------------------------------------------------------------------


def test_a_group_gets_a_role_another_one_and_loses_it(
    admin: V1, enterprise: Enterprise, settings: Any
) -> None:
    settings.LICSYNC_IDENTITY_PROVIDERS = {"corp": object()}
    rule = {"provider": "corp", "group": "licsync / owners", "role": "auditor"}
    made = admin.send("PUT", "/groups", rule).json()
    assert (made["group"], made["role"]) == ("licsync / owners", "auditor")
    assert admin.send("PUT", "/groups", {**rule, "role": "owner"}).json()["id"] == made["id"]
    (listed,) = admin.read("/groups")["items"]
    assert listed == {**made, "role": "owner"}
    assert admin.send("DELETE", f"/groups/{made['id']}").status_code == 204
    assert problem(admin.send("DELETE", f"/groups/{made['id']}")) == (404, "not_found")
    actions = AuditEvent.objects.filter(action__startswith="group.").order_by("pk")
    assert [(event.action, event.actor) for event in actions] == [
        ("group.set", "admin"),
        ("group.set", "admin"),
        ("group.remove", "admin"),
    ]


@pytest.mark.parametrize(
    ("fault", "code"),
    [({"provider": "else"}, "bad_provider"), ({"group": " "}, "group_needed")],
)
def test_a_group_needs_a_provider_and_a_name(
    admin: V1, enterprise: Enterprise, settings: Any, fault: dict[str, str], code: str
) -> None:
    settings.LICSYNC_IDENTITY_PROVIDERS = {"corp": object()}
    rule = {"provider": "corp", "group": "owners", "role": "owner", **fault}
    assert problem(admin.send("PUT", "/groups", rule)) == (422, code)


def test_people_are_filtered_by_role(reader: V1, owner: User, enterprise: Enterprise) -> None:
    MembershipFactory(enterprise=enterprise, user=UserFactory(username="audrey"), auditor=True)
    named = [each["username"] for each in reader.read("/members", role="auditor")["items"]]
    assert named == ["audrey"]


def test_the_audit_log_is_read_since_a_time(reader: V1, enterprise: Enterprise) -> None:
    for days in (9, 1):
        AuditEventFactory(enterprise=enterprise, action=f"run.{days}", at=ago(days=days))
    since = ago(days=2).isoformat()
    shown = [each["action"] for each in reader.read("/audit", since=since)["items"]]
    assert shown == ["run.1", "token.make"]
    response = reader.get(f"{reader.start}/audit.csv", {"since": since})
    text = b"".join(response.streaming_content).decode()
    assert "run.1" in text
    assert "run.9" not in text
