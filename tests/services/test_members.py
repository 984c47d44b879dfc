"""People and their one role; sign-in links."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from enterprise.models import AuditEvent, Enterprise, Membership, Role, SignInLink, User
from enterprise.services.members import (
    member_link_make,
    member_remove,
    member_set,
    sign_in_link_is_open,
    sign_in_link_make,
    sign_in_link_use,
    user_email_set,
    user_find_or_add,
    user_password_set,
)
from tests.factories import PASSWORD, EnterpriseFactory, MembershipFactory, UserFactory
from tests.services.conftest import MONA, actions, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(enterprise: Enterprise) -> User:
    return MembershipFactory(enterprise=enterprise, user__username="owner1").user


def give(enterprise: Enterprise, user: User, role: str) -> bool:
    return member_set(enterprise=enterprise, user=user, role=role, actor=MONA)


def remove(enterprise: Enterprise, user: User) -> bool:
    return member_remove(enterprise=enterprise, user=user, actor=MONA)


def test_a_username_is_one_person_in_any_case() -> None:
    user, added = user_find_or_add(username="Mona", email="mona@example.com")
    assert added
    assert not user.has_usable_password()
    assert user_find_or_add(username="mONA") == (user, False)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("MONA")


@pytest.mark.parametrize("username", ["", "two words", "a/b", "x" * 151])
def test_what_is_no_username_is_refused(username: str) -> None:
    assert refusal(user_find_or_add, username=username) == ("bad_username", "username")


@pytest.mark.parametrize("email", ["nobody", "a@", "a b@example.com", f"{'x' * 250}@example.com"])
def test_what_is_no_email_is_refused(enterprise: Enterprise, owner: User, email: str) -> None:
    assert refusal(user_find_or_add, username="mona", email=email) == ("bad_email", "email")
    assert refusal(user_email_set, enterprise=enterprise, user=owner, email=email, actor=MONA) == (
        "bad_email",
        "email",
    )


def test_an_email_is_changed_once_and_kept_out_of_the_audit_log(
    enterprise: Enterprise, owner: User
) -> None:
    for changed in (True, False):
        assert changed == user_email_set(
            enterprise=enterprise, user=owner, email="new@Example.com ", actor=MONA
        )
    assert User.objects.get().email == "new@example.com"
    assert actions() == ["user.email_set"]
    assert "example.com" not in str(AuditEvent.objects.values())


def test_a_password_is_changed_only_if_it_differs(enterprise: Enterprise, owner: User) -> None:
    before = owner.password
    set_to = {"enterprise": enterprise, "user": owner, "actor": MONA}
    assert user_password_set(**set_to, password=PASSWORD) is False  # type: ignore[arg-type]
    assert User.objects.get().password == before
    assert user_password_set(**set_to, password="another one") is True  # type: ignore[arg-type]
    assert User.objects.get().check_password("another one")


def test_a_person_has_one_role_in_an_enterprise(enterprise: Enterprise, owner: User) -> None:
    user = UserFactory()
    assert give(enterprise, user, Role.AUDITOR) is True
    assert give(enterprise, user, Role.AUDITOR) is False
    assert give(enterprise, user, Role.BILLING_MANAGER) is True
    assert Membership.objects.get(user=user).role == Role.BILLING_MANAGER
    assert AuditEvent.objects.latest("pk").before == {"role": "auditor"}
    assert refusal(give, enterprise, user, "boss") == ("bad_role", "role")
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(enterprise=enterprise, user=user, role=Role.OWNER)


def test_a_role_by_a_group_that_is_given_by_hand_is_a_change(
    enterprise: Enterprise, owner: User
) -> None:
    user = UserFactory()
    member_set(enterprise=enterprise, user=user, role="auditor", actor=MONA, given_by="corp")
    assert give(enterprise, user, Role.AUDITOR) is True
    assert Membership.objects.get(user=user).given_by == ""
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.before["given_by"]) == ("member.set", "corp")
    assert "given_by" not in event.after
    assert give(enterprise, user, Role.AUDITOR) is False


def test_the_last_owner_stays_one(enterprise: Enterprise, owner: User) -> None:
    MembershipFactory(enterprise=enterprise, auditor=True)
    elsewhere = MembershipFactory(enterprise=EnterpriseFactory(), user=owner)
    assert refusal(remove, enterprise, owner) == ("last_owner", "")
    assert refusal(give, enterprise, owner, Role.AUDITOR) == ("last_owner", "")
    assert refusal(remove, elsewhere.enterprise, owner) == ("last_owner", "")
    second = UserFactory()
    give(enterprise, second, Role.OWNER)
    assert remove(enterprise, owner) is True
    assert remove(enterprise, owner) is False
    assert User.objects.filter(pk=owner.pk).exists(), "the role goes, the person stays"
    assert refusal(remove, enterprise, second) == ("last_owner", "")


def test_a_sign_in_link_works_once() -> None:
    user = UserFactory()
    token = sign_in_link_make(user=user)
    assert sign_in_link_is_open(token=token), "looking does not use it up"
    assert sign_in_link_use(token=token) == user
    assert not sign_in_link_is_open(token=token)
    assert sign_in_link_use(token=token) is None
    assert token not in str(SignInLink.objects.values())


@pytest.mark.parametrize(("minutes", "works"), [(59, True), (60, False), (61, False)])
def test_a_sign_in_link_works_for_an_hour(minutes: int, works: bool) -> None:
    user = UserFactory()
    with time_machine.travel("2026-11-23T10:00:00Z", tick=False) as clock:
        token = sign_in_link_make(user=user)
        clock.shift(dt.timedelta(minutes=minutes))
        assert sign_in_link_is_open(token=token) == works
        assert (sign_in_link_use(token=token) == user) == works


def test_a_wrong_link_or_one_of_a_person_who_left_signs_nobody_in() -> None:
    token = sign_in_link_make(user=UserFactory(is_active=False))
    assert sign_in_link_use(token=token) is None
    assert sign_in_link_use(token="wrong") is None


def test_whoever_never_signed_in_gets_a_new_link_which_ends_the_one_before(
    enterprise: Enterprise, owner: User
) -> None:
    user, _ = user_find_or_add(username="mona")
    give(enterprise, user, Role.AUDITOR)
    first = member_link_make(enterprise=enterprise, user=user, actor=MONA)
    second = member_link_make(enterprise=enterprise, user=user, actor=MONA)
    assert not sign_in_link_is_open(token=first)
    assert sign_in_link_use(token=second) == user
    assert actions()[-1] == "member.link"


@pytest.mark.parametrize(
    "why", ["signed in", "has a password", "role elsewhere", "no role", "inactive"]
)
def test_nobody_else_gets_a_link_from_an_owner(enterprise: Enterprise, why: str) -> None:
    user, _ = user_find_or_add(username="mona")
    if why != "no role":
        give(enterprise, user, Role.AUDITOR)
    match why:
        case "signed in":
            user.last_login = timezone.now()
        case "has a password":
            user.set_password(PASSWORD)
        case "role elsewhere":
            MembershipFactory(user=user, enterprise=EnterpriseFactory(slug="other"))
        case "inactive":
            user.is_active = False
    user.save()
    code = refusal(member_link_make, enterprise=enterprise, user=user, actor=MONA)
    assert code == ("link_not_needed", "")
    assert not SignInLink.objects.exists()
