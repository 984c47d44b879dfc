"""Who may do what: the table of domain.md section 8, role by role."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import Http404, HttpRequest, HttpResponse
from django.test import RequestFactory

from enterprise.access import MATRIX, Access, Permission, enterprise_view
from enterprise.models import Enterprise, Role, User
from tests.factories import EnterpriseFactory, MembershipFactory, UserFactory

CHANGE, REPORTS, SETTINGS = Permission.CHANGE, Permission.SEE_REPORTS, Permission.SEE_SETTINGS
MAY = {
    Role.OWNER: {CHANGE, REPORTS, SETTINGS},
    Role.BILLING_MANAGER: {REPORTS},
    Role.AUDITOR: {REPORTS, SETTINGS},
    None: set(),  # a stranger: somebody with a role elsewhere only
}


def cast(enterprise: Enterprise) -> dict[Role | None, User]:
    people: dict[Role | None, User] = {
        role: MembershipFactory(enterprise=enterprise, role=role).user for role in Role
    }
    people[None] = MembershipFactory(enterprise=EnterpriseFactory()).user
    return people


def answer(user: User | AnonymousUser, permission: Permission, method: str = "get") -> int:
    """The status with which a page that needs ``permission`` answers."""

    def page(request: HttpRequest, access: Access) -> HttpResponse:
        assert access.enterprise.slug == "acme"
        assert access.actor[:3] == (access.user.username, "user", "127.0.0.1")
        return HttpResponse(access.role)

    request = getattr(RequestFactory(), method)("/enterprises/acme")
    request.user = user
    request.session = SessionStore()
    try:
        return enterprise_view(permission)(page)(request, "acme").status_code
    except Http404:
        return 404


def test_the_matrix_knows_every_role() -> None:
    assert set(MATRIX) == set(Role.values)


@pytest.mark.parametrize("permission", Permission)
def test_a_page_answers_who_may_see_it_and_404_to_all_others(
    enterprise: Enterprise, permission: Permission
) -> None:
    for role, user in cast(enterprise).items():
        assert answer(user, permission) == (200 if permission in MAY[role] else 404), role


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("permission", Permission)
def test_only_an_owner_may_change_anything_whatever_the_page(
    enterprise: Enterprise, permission: Permission, method: str
) -> None:
    for role, user in cast(enterprise).items():
        assert answer(user, permission, method) == (200 if role == Role.OWNER else 404), role


def test_who_is_not_signed_in_is_sent_to_sign_in(enterprise: Enterprise) -> None:
    assert answer(AnonymousUser(), REPORTS) == 302


@pytest.mark.parametrize(
    ("role", "may_change", "may_see_settings", "masked"),
    [
        (Role.OWNER, True, True, False),
        (Role.BILLING_MANAGER, False, False, False),
        (Role.AUDITOR, False, True, True),
    ],
)
def test_what_a_template_asks_of_an_access(
    enterprise: Enterprise, role: str, may_change: bool, may_see_settings: bool, masked: bool
) -> None:
    user = UserFactory()
    membership = MembershipFactory(enterprise=enterprise, user=user, role=role)
    access = Access(user, enterprise, membership.role, actor=("x", "user", None))  # type: ignore[arg-type]
    assert (access.may_change, access.may_see_settings, access.masked) == (
        may_change,
        may_see_settings,
        masked,
    )
