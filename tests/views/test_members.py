"""The page of people: who sees it, adding, changing roles, removing, sign-in links."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from enterprise.models import AuditEvent, Enterprise, Membership, Role, User
from enterprise.services.audit import SYSTEM
from enterprise.services.digests import digest_set
from tests.alerts.conftest import rule_of
from tests.deliveries.conftest import hook_to
from tests.factories import EnterpriseFactory, MembershipFactory, UserFactory

PAGE = "/enterprises/acme/settings/members"
NEW = {"username": "nina", "email": "nina@example.com", "role": "auditor"}
pytestmark = pytest.mark.django_db


def member(enterprise: Enterprise, username: str = "paul", role: Role = Role.AUDITOR) -> Membership:
    return MembershipFactory(enterprise=enterprise, user__username=username, role=role)


def link_in(html: str) -> str:
    found = re.search(r"http://[^/]+(/sign-in/[\w-]+)", html)
    assert found
    return found[1]


class TestWhoMayWhat:
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
        self, cast: Callable[[str], Client], who: str, status: int
    ) -> None:
        assert cast(who).get(PAGE).status_code == status

    @pytest.mark.parametrize("who", ["auditor", "billing_manager", "stranger"])
    @pytest.mark.parametrize("action", ["/new", "/{}/role", "/{}/remove", "/{}/link"])
    def test_only_owners_change_anything(
        self, cast: Callable[[str], Client], acme: Enterprise, who: str, action: str
    ) -> None:
        someone = member(acme)
        client = cast(who)
        path = PAGE + action.format(someone.pk)
        assert client.post(path, {**NEW, "role": "owner"}).status_code == 404
        assert Membership.objects.get(pk=someone.pk).role == Role.AUDITOR
        assert not User.objects.filter(username="nina").exists()

    def test_an_auditor_reads_without_buttons_and_sees_addresses_masked(
        self, acme: Enterprise, auditor: Client
    ) -> None:
        member(acme, "paula@example.org")
        html = auditor.get(PAGE).content.decode()
        assert "Add a person" not in html
        assert "Remove" not in html
        assert "p•••@example.org" in html
        assert "audrey@example.com" not in html

    def test_a_member_of_another_enterprise_is_not_found(self, owner: Client) -> None:
        foreign = MembershipFactory(enterprise=EnterpriseFactory(slug="other"))
        for action in ("role", "remove", "link"):
            assert owner.post(f"{PAGE}/{foreign.pk}/{action}", NEW).status_code == 404


class TestAdding:
    def test_who_is_new_gets_a_link_that_is_shown_once_and_signs_in(
        self, acme: Enterprise, owner: Client
    ) -> None:
        response = owner.post(f"{PAGE}/new", NEW)
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-store"
        link = link_in(response.content.decode())
        assert Membership.objects.get(user__username="nina").role == Role.AUDITOR
        assert "/sign-in/" not in owner.get(PAGE).content.decode()
        visitor = Client()
        assert visitor.post(link).status_code == 302
        assert visitor.get("/enterprises/acme").status_code == 200
        assert Client().post(link).status_code == 404
        actions = AuditEvent.objects.order_by("pk").values_list("action", "target")
        assert list(actions) == [("member.set", "nina"), ("member.link", "nina")]

    def test_who_has_an_account_gets_the_role_but_no_link(
        self, acme: Enterprise, owner: Client
    ) -> None:
        known = UserFactory(username="Nina", email="own@example.com")
        response = owner.post(f"{PAGE}/new", NEW, follow=True)
        html = response.content.decode()
        assert "Nina had an account already" in html
        assert "/sign-in/" not in html
        known.refresh_from_db()
        assert known.email == "own@example.com"
        assert Membership.objects.get(user=known).role == Role.AUDITOR

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"username": "two words"}, "“two words” is no username. Use letters"),
            ({"email": "nobody"}, "This is no e-mail address."),
            ({"role": "king"}, "Select a valid choice"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field_and_nobody_is_added(
        self, owner: Client, wrong: dict[str, str], sentence: str
    ) -> None:
        response = owner.post(f"{PAGE}/new", {**NEW, **wrong})
        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert User.objects.count() == 1


class TestChanging:
    def test_a_role_is_changed(self, acme: Enterprise, owner: Client) -> None:
        paul = member(acme)
        response = owner.post(f"{PAGE}/{paul.pk}/role", {"role": "billing_manager"}, follow=True)
        assert "The role of paul is now: Billing manager." in response.content.decode()
        paul.refresh_from_db()
        assert paul.role == Role.BILLING_MANAGER

    def test_the_last_owner_stays_one(self, acme: Enterprise, owner: Client) -> None:
        mona = Membership.objects.get(user__username="mona")
        for action, fields in (("role", {"role": "auditor", "sure": "yes"}), ("remove", {})):
            response = owner.post(f"{PAGE}/{mona.pk}/{action}", fields)
            assert response.status_code == 422
            assert "mona is the last owner and cannot be removed" in response.content.decode()
        mona.refresh_from_db()
        assert mona.role == Role.OWNER

    def test_an_owner_is_asked_before_they_are_one_no_more(
        self, acme: Enterprise, owner: Client
    ) -> None:
        nina = member(acme, "nina", role=Role.OWNER)
        asked = owner.post(f"{PAGE}/{nina.pk}/role", {"role": "auditor"}, follow=True)
        assert "Take the role of an owner from nina?" in asked.content.decode()
        nina.refresh_from_db()
        assert nina.role == Role.OWNER
        owner.post(f"{PAGE}/{nina.pk}/role", {"role": "auditor", "sure": "yes"})
        nina.refresh_from_db()
        assert nina.role == Role.AUDITOR

    def test_an_auditor_is_not_asked_what_they_may_not_do(
        self, acme: Enterprise, auditor: Client
    ) -> None:
        nina = member(acme, "nina", role=Role.OWNER)
        response = auditor.get(f"{PAGE}/{nina.pk}/role?role=auditor")
        assert response.headers["Location"] == f"{PAGE}#member-{nina.pk}"

    @pytest.mark.parametrize(
        ("role", "there"), [("billing_manager", "/"), ("auditor", f"{PAGE}#member-{{}}")]
    )
    def test_who_takes_a_role_from_themselves_lands_on_a_page_that_they_may_see(
        self, acme: Enterprise, owner: Client, role: str, there: str
    ) -> None:
        member(acme, role=Role.OWNER)
        mona = Membership.objects.get(user__username="mona")
        path = f"{PAGE}/{mona.pk}/role"
        asked = owner.get(path, {"role": role}).content.decode()
        assert "only another owner can make you one again" in asked
        response = owner.post(path, {"role": role, "sure": "yes"})
        assert response.headers["Location"] == there.format(mona.pk)

    def test_where_a_role_comes_by_a_group_its_origin_and_return_are_said(
        self, acme: Enterprise, owner: Client
    ) -> None:
        paul = member(acme)
        origin, back = "Role by a group of corp", "comes back at the next sign-in"
        assert origin not in owner.get(PAGE).content.decode()
        assert back not in owner.get(f"{PAGE}/{paul.pk}/remove").content.decode()
        Membership.objects.filter(pk=paul.pk).update(given_by="corp")
        assert origin in owner.get(PAGE).content.decode()
        assert back in owner.get(f"{PAGE}/{paul.pk}/remove").content.decode()

    def test_what_nobody_else_is_told_is_counted_before_somebody_goes(
        self, acme: Enterprise, owner: Client
    ) -> None:
        """A webhook that listens hears of every alert."""
        paul = member(acme)
        rule_of(acme, "sync", roles=[], people=["paul"])
        digest_set(enterprise=acme, actor=SYSTEM, rhythm="weekly", roles=["auditor"])
        asked = owner.get(f"{PAGE}/{paul.pk}/remove").content.decode()
        assert "Nobody else is told by 1 alert." in asked
        assert "Nobody else gets the digest." in asked
        hook_to(acme, "https://hooks.example.com/x", events=["threshold.crossed"])
        member(acme, "pia")
        asked = owner.get(f"{PAGE}/{paul.pk}/remove").content.decode()
        assert "1 alert names them" in asked
        assert "Nobody else" not in asked

    def test_an_unknown_role_is_refused(self, acme: Enterprise, owner: Client) -> None:
        response = owner.post(f"{PAGE}/{member(acme).pk}/role", {"role": "king"})
        assert response.status_code == 422
        assert "“king” is no role" in response.content.decode()

    def test_removing_asks_first_and_then_removes(self, acme: Enterprise, owner: Client) -> None:
        paul = member(acme)
        assert "Remove paul?" in owner.get(f"{PAGE}/{paul.pk}/remove").content.decode()
        assert Membership.objects.filter(pk=paul.pk).exists()
        response = owner.post(f"{PAGE}/{paul.pk}/remove")
        assert response.headers["Location"] == PAGE
        assert not Membership.objects.filter(pk=paul.pk).exists()

    def test_who_removes_themselves_is_led_out(self, acme: Enterprise, owner: Client) -> None:
        member(acme, role=Role.OWNER)
        mona = Membership.objects.get(user__username="mona")
        assert "This is you" in owner.get(f"{PAGE}/{mona.pk}/remove").content.decode()
        assert owner.post(f"{PAGE}/{mona.pk}/remove").headers["Location"] == "/"
        assert owner.get(PAGE).status_code == 404

    def test_an_action_reached_by_get_leads_to_the_list(
        self, acme: Enterprise, owner: Client
    ) -> None:
        paul = member(acme)
        for action in ("role", "link"):
            response = owner.get(f"{PAGE}/{paul.pk}/{action}")
            assert response.headers["Location"] == f"{PAGE}#member-{paul.pk}"


class TestNewLinks:
    def test_who_never_signed_in_gets_another_one(self, acme: Enterprise, owner: Client) -> None:
        old = link_in(owner.post(f"{PAGE}/new", NEW).content.decode())
        nina = Membership.objects.get(user__username="nina")
        assert "New sign-in link" in owner.get(PAGE).content.decode()
        new = link_in(owner.post(f"{PAGE}/{nina.pk}/link").content.decode())
        assert Client().post(old).status_code == 404
        assert Client().post(new).status_code == 302

    def test_nobody_can_be_signed_in_as_who_has_an_account(
        self, acme: Enterprise, owner: Client
    ) -> None:
        paul = member(acme)
        User.objects.filter(pk=paul.user_id).update(last_login=timezone.now())
        assert "New sign-in link" not in owner.get(PAGE).content.decode()
        response = owner.post(f"{PAGE}/{paul.pk}/link")
        assert response.status_code == 422
        assert "needs no link of yours" in response.content.decode()


def test_many_people_are_shown_in_pages(acme: Enterprise, owner: Client) -> None:
    for number in range(40):
        member(acme, f"person{number:02}")
    first = owner.get(PAGE).content.decode()
    assert "person28" in first
    assert "person29" not in first
    (following,) = re.findall(r'href="(\?after=\d+)"', first)
    second = owner.get(PAGE + following).content.decode()
    assert "person29" in second
    assert "person39" in second
    assert not re.findall(r'href="\?after=', second)
