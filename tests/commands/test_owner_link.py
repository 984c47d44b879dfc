"""``manage.py owner_link``: a link for an owner, made once there is nobody who can sign in."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from enterprise.models import User
from enterprise.services.members import sign_in_link_use
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


def link(*arguments: str) -> str:
    out = StringIO()
    call_command("owner_link", *arguments, stdout=out)
    return out.getvalue().strip()


def signed_in(url: str) -> User | None:
    return sign_in_link_use(token=url.rpartition("/")[2])


def without_password(username: str) -> User:
    return User.objects.create_user(username)


def test_the_first_owner_is_made_and_gets_a_link_that_works_once(settings: Settings) -> None:
    url = link()
    assert url.startswith(f"{settings.LICSYNC_PUBLIC_URL}/sign-in/")
    assert signed_in(url) == User.objects.get(username="owner")
    assert signed_in(url) is None


def test_a_second_call_makes_no_second_person() -> None:
    first, second = link(), link()
    assert first != second
    assert User.objects.count() == 1


def test_a_link_for_a_named_person_in_any_case() -> None:
    mona = UserFactory(username="Mona")
    assert signed_in(link("mona")) == mona


def test_a_name_that_is_nobodys_is_refused() -> None:
    UserFactory(username="left", is_active=False)
    for username in ("nobody", "left"):
        with pytest.raises(CommandError, match=f"There is no active user {username}."):
            link(username)


def test_without_a_name_it_is_for_the_owner_who_was_first() -> None:
    MembershipFactory(auditor=True)
    owner = MembershipFactory().user
    MembershipFactory()
    assert signed_in(link()) == owner


@pytest.mark.parametrize("password", [True, False])
def test_if_first_is_silent_once_somebody_can_sign_in_or_did(password: bool) -> None:
    if password:
        UserFactory()
    else:
        user = without_password("mona")
        User.objects.filter(pk=user.pk).update(last_login=timezone.now())
    assert link("--if-first") == ""


def test_if_first_prints_a_link_while_nobody_can_sign_in() -> None:
    assert link("--if-first")
    assert link("--if-first"), "the first link was not used"
    UserFactory(is_active=False)
    assert link("--if-first"), "one who left cannot sign in"
    assert User.objects.filter(username="owner").count() == 1
