"""An account is linked with an identity by who has proved to be both, by nothing that one claims."""

from __future__ import annotations

import time

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from enterprise.models import AuditEvent, Enterprise, Membership, Role, User
from tests.single_sign_on.browsing import Corp, is_in, led_to, roles, saml_sign_in
from tests.single_sign_on.saml_provider import SamlProvider
from tests.views.conftest import HTMX

pytestmark = pytest.mark.django_db

LINK, UNLINK = "/settings/sign-in/corp/link", "/settings/sign-in/corp/unlink"
PROFILE = "/settings/profile"


class Posting(Client):
    """Begins at an address by POST, as the button on the page does."""

    def get(self, path: str, *args: object, **more: object) -> object:  # type: ignore[override]
        ask = self.post if path.startswith("/settings/") and path.endswith("/link") else super().get
        return ask(path, *args, **more)  # type: ignore[operator]


@pytest.fixture
def owen(acme: Enterprise) -> Posting:
    client = Posting()
    client.force_login(User.objects.get(username="owen"))
    return client


def linked(username: str = "owen") -> int:
    return SocialAccount.objects.filter(user__username=username).count()


def test_who_is_signed_in_here_and_there_links_both(owen: Posting, corp: Corp) -> None:
    corp.tell("1", preferred_username="o.wen", groups=["licsync-auditors"])
    assert "Corp" in owen.get(PROFILE).content.decode()  # type: ignore[attr-defined]
    assert corp.sign_in(owen, "1", LINK)["Location"] == PROFILE
    page = owen.get(PROFILE).content.decode()  # type: ignore[attr-defined]
    assert "You can sign in with Corp now." in page
    assert "Unlink" in page
    assert AuditEvent.objects.filter(action="user.identity_link", target="owen").count() == 1

    elsewhere = Client()
    corp.sign_in(elsewhere, "1")
    assert elsewhere.session["_auth_user_id"] == owen.session["_auth_user_id"]
    assert roles("owen") == [Role.OWNER]  # as it was given by hand
    assert not User.objects.filter(username="o.wen").exists()


def test_linking_is_confirmed_first_and_no_link_does_it(owen: Posting, corp: Corp) -> None:
    assert Client.get(owen, LINK)["Location"] == PROFILE
    session = owen.session
    session["account_authentication_methods"][-1]["at"] = time.time() - 3600
    session.save()
    for path in (LINK, UNLINK):
        assert owen.post(path)["Location"].startswith("/accounts/reauthenticate/?next=")


def test_the_same_address_links_nothing(owen: Posting, corp: Corp) -> None:
    email = User.objects.get(username="owen").email
    corp.tell("1", preferred_username="x", email=email, email_verified=True, groups=["others"])
    stranger = Client()
    corp.sign_in(stranger, "1")
    assert not is_in(stranger)
    assert linked() == 0


def test_an_answer_to_somebody_elses_session_links_nothing(owen: Posting, corp: Corp) -> None:
    """The one who asked has signed out meanwhile, and another person in."""
    corp.tell("1", groups=["licsync-auditors"])
    asked = led_to(owen.post(LINK))
    session = owen.session
    states = dict(session["socialaccount_states"])
    owen.logout()
    owen.force_login(User.objects.create_user("hubot"))
    session = owen.session
    session["socialaccount_states"] = states
    session.save()
    assert corp.answer(owen, asked, "1").status_code == 403
    assert not SocialAccount.objects.exists()


def test_an_identity_with_a_role_of_its_own_is_not_taken(owen: Posting, corp: Corp) -> None:
    corp.tell("1", preferred_username="mona", groups=["licsync-auditors"])
    corp.sign_in(Client(), "1")
    corp.sign_in(owen, "1", LINK)
    page = owen.get(PROFILE).content.decode()  # type: ignore[attr-defined]
    assert "This identity is somebody else" in page
    assert (linked("owen"), linked("mona")) == (0, 1)
    Membership.objects.filter(user__username="mona").delete()
    corp.tell("1", preferred_username="mona", groups=[])
    corp.sign_in(owen, "1", LINK)
    assert (linked("owen"), linked("mona")) == (1, 0)


def test_unlinking_is_asked_first_as_a_page_and_in_a_dialog(owen: Posting, corp: Corp) -> None:
    corp.tell("1", groups=["licsync-auditors"])
    corp.sign_in(owen, "1", LINK)
    page = owen.get(UNLINK).content.decode()  # type: ignore[attr-defined]
    dialog = owen.get(UNLINK, headers=HTMX).content.decode()  # type: ignore[attr-defined]
    for asked in (page, dialog):
        assert "does not lead to this account any more" in asked
        assert f'method="post" action="{UNLINK}"' in asked
    assert "<html" in page
    assert "<html" not in dialog
    assert f'href="{UNLINK}" data-dialog' in owen.get(PROFILE).content.decode()  # type: ignore[attr-defined]
    assert linked() == 1


def test_unlinking_leaves_a_way_in(owen: Posting, corp: Corp) -> None:
    corp.tell("1", groups=["licsync-auditors"])
    corp.sign_in(owen, "1", LINK)
    User.objects.filter(username="owen").update(password="!")
    owen.force_login(User.objects.get(username="owen"))
    owen.post(UNLINK)
    assert linked() == 1
    owner = User.objects.get(username="owen")
    owner.set_password("correct horse battery")
    owner.save()
    owen.force_login(owner)
    owen.post(UNLINK)
    assert linked() == 0
    assert AuditEvent.objects.filter(action="user.identity_unlink").count() == 1


def test_a_role_by_a_group_needs_its_provider(acme: Enterprise, corp: Corp) -> None:
    corp.tell(
        "1", preferred_username="mona", groups=["licsync-auditors"], auth_time=int(time.time())
    )
    client = Client()
    corp.sign_in(client, "1")
    client.post(UNLINK)
    assert linked("mona") == 1


def test_saml_links_too(owen: Posting, legacy: SamlProvider) -> None:
    assert saml_sign_in(owen, "/settings/sign-in/legacy/link")["Location"] == PROFILE
    assert linked() == 1


def test_who_had_a_role_by_a_rule_is_signed_out_when_it_goes(acme: Enterprise, corp: Corp) -> None:
    """And comes back with what is left to them."""
    corp.tell("1", preferred_username="mona", groups=["licsync-auditors"])
    corp.tell("2", preferred_username="bill", groups=["licsync-billing_managers"])
    mona, bill, owen = Client(), Client(), Client()
    corp.sign_in(mona, "1")
    corp.sign_in(bill, "2")
    owen.force_login(User.objects.get(username="owen"))
    rule = acme.group_roles.get(provider="corp", group="licsync-auditors")
    owen.post(f"/enterprises/acme/settings/groups/{rule.pk}/remove")
    assert mona.get("/enterprises/acme")["Location"].startswith("/accounts/login/")
    assert bill.get("/enterprises/acme").status_code == 200
    corp.sign_in(mona, "1")
    assert mona.get("/enterprises/acme").status_code == 404


def test_a_role_taken_away_by_an_owner_ends_at_once(acme: Enterprise, corp: Corp) -> None:
    corp.tell("1", preferred_username="mona", groups=["licsync-auditors"])
    mona, owen = Client(), Client()
    corp.sign_in(mona, "1")
    owen.force_login(User.objects.get(username="owen"))
    member = Membership.objects.get(user__username="mona")
    assert mona.get("/enterprises/acme").status_code == 200
    owen.post(f"/enterprises/acme/settings/members/{member.pk}/remove")
    assert mona.get("/enterprises/acme").status_code == 404
