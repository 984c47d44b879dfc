"""The start page, adding an enterprise, the sign-in link, one's own settings, the how-to pages."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from enterprise.models import CloudState, Enterprise, Membership, Role, User
from enterprise.services.connection_test import ConnectionTest, Finding
from enterprise.services.members import sign_in_link_make
from enterprise.views.how_to import PAGES
from enterprise.wording import CAUSES
from tests.factories import (
    EnterpriseFactory,
    MembershipFactory,
    SnapshotFactory,
    UserFactory,
    ago,
)
from tests.views.counted import text_of

pytestmark = pytest.mark.django_db

NEEDED = [
    ("/settings/connect", "license-sync"),
    ("/settings/connect/instances/new", "tokens"),
    ("/settings/connect/upload", "upload"),
    ("/settings/tokens/new", "upload"),
    ("", "difference"),
    ("/licensing", "difference"),
    ("/licensing/difference", "difference"),
    ("/licensing/lists/members-without-email", "domains"),
]
"""Each how-to page, and where one needs it."""

NEW = {
    "slug": "octo",
    "name": "Octo",
    "api_url": "https://api.github.com",
    "billing_model": "volume",
    "time_zone": "Europe/Berlin",
}


@pytest.fixture
def newcomer() -> Client:
    client = Client()
    client.force_login(UserFactory(username="newcomer"))
    return client


class TestTheStartPage:
    def test_who_is_signed_out_is_sent_to_sign_in(self) -> None:
        assert Client().get("/").headers["Location"].startswith("/accounts/login/")

    def test_it_leads_straight_to_the_only_enterprise(self, auditor: Client) -> None:
        assert auditor.get("/").headers["Location"] == "/enterprises/acme"

    def test_it_lists_only_enterprises_in_which_one_has_a_role(self, owner: Client) -> None:
        mona = User.objects.get(username="mona")
        MembershipFactory(user=mona, enterprise=EnterpriseFactory(slug="second"), auditor=True)
        EnterpriseFactory(slug="foreign")
        html = owner.get("/").content.decode()
        assert "/enterprises/acme" in html
        assert "/enterprises/second" in html
        assert "Auditor" in html
        assert "foreign" not in html

    def test_a_newcomer_is_told_what_to_do_next(self, newcomer: Client) -> None:
        html = newcomer.get("/").content.decode()
        assert "Add your enterprise" in html
        assert "/help/license-sync" in html

    def test_who_has_no_role_is_told_whom_to_ask(self, acme: Enterprise, newcomer: Client) -> None:
        html = newcomer.get("/").content.decode()
        assert "Ask an enterprise owner to add you" in html
        assert "/enterprises/new" not in html


class TestAddingAnEnterprise:
    def test_the_first_is_added_by_whoever_is_signed_in_who_becomes_its_owner(
        self, newcomer: Client
    ) -> None:
        response = newcomer.post("/enterprises/new", NEW)
        assert response.headers["Location"] == "/enterprises/octo/settings/connect"
        membership = Membership.objects.get()
        assert (membership.user.username, membership.role) == ("newcomer", Role.OWNER)
        assert CloudState.objects.filter(enterprise__slug="octo").exists()
        html = newcomer.get("/enterprises/octo/settings/connect").content.decode()
        assert "The first hour" in html

    def test_its_token_is_tested_at_once(self, newcomer: Client) -> None:
        result = ConnectionTest(False, "x", "", [Finding("error", "bad_credentials", {})])
        with patch("enterprise.views.tested.cloud_connection_test", return_value=result):
            html = newcomer.post(
                "/enterprises/new", {**NEW, "token": "ghp_x"}, follow=True
            ).content.decode()
        assert "The connection test failed." in html
        assert "The server refused the token" in html

    def test_a_further_one_is_added_by_an_owner(self, owner: Client) -> None:
        assert owner.post("/enterprises/new", NEW).status_code == 302

    @pytest.mark.parametrize("who", ["auditor", "billing_manager"])
    def test_nobody_else_may(self, request: pytest.FixtureRequest, who: str) -> None:
        client: Client = request.getfixturevalue(who)
        assert client.get("/enterprises/new").status_code == 404
        assert client.post("/enterprises/new", NEW).status_code == 404
        assert not Enterprise.objects.filter(slug="octo").exists()

    @pytest.mark.parametrize(
        ("values", "complaint"),
        [
            ({"slug": "new"}, "is no slug"),
            ({"slug": "no slug"}, "is no slug"),
            ({"api_url": "ftp://x"}, "is no address of a server"),
            ({"token": "two words"}, "This is no token"),
            ({"name": ""}, "This field is required"),
        ],
    )
    def test_what_cannot_be_is_refused_at_its_field(
        self, newcomer: Client, values: dict[str, str], complaint: str
    ) -> None:
        response = newcomer.post("/enterprises/new", {**NEW, **values})
        assert response.status_code == 422
        assert complaint in response.content.decode()
        assert not Enterprise.objects.exists()


class TestTheSignInLink:
    @pytest.fixture
    def path(self) -> str:
        return reverse("sign_in_link", args=[sign_in_link_make(user=UserFactory(username="first"))])

    def test_looking_at_it_does_not_use_it_up(self, path: str) -> None:
        client = Client()
        for _ in range(2):
            response = client.get(path)
            assert response.status_code == 200
            assert "<button" in response.content.decode()
        assert "_auth_user_id" not in client.session

    def test_the_button_signs_in_once_with_a_new_session(self, path: str) -> None:
        client = Client()
        client.get(path)
        before = client.session.session_key
        assert client.post(path).headers["Location"] == "/"
        assert client.session["_auth_user_id"]
        assert client.session.session_key != before
        again = Client()
        response = again.post(path)
        assert response.status_code == 404
        assert "used already, or has expired" in response.content.decode()
        assert "_auth_user_id" not in again.session

    def test_who_has_no_password_is_led_to_set_one(self) -> None:
        user = User.objects.create_user("nopass")
        client = Client()
        response = client.post(
            reverse("sign_in_link", args=[sign_in_link_make(user=user)]), follow=True
        )
        assert response.status_code == 200
        assert "Set a password" in response.content.decode()
        password = "a long enough sentence"
        response = client.post(
            response.redirect_chain[-1][0], {"password1": password, "password2": password}
        )
        assert response.status_code == 302
        user.refresh_from_db()
        assert user.check_password(password)

    def test_a_wrong_link_is_told_from_an_open_one(self) -> None:
        response = Client().get("/sign-in/nonsense")
        assert response.status_code == 404
        assert "Ask for a new one" in response.content.decode()

    def test_its_session_is_seen_and_ended_as_any_other(self, path: str) -> None:
        by_link, elsewhere = Client(), Client()
        by_link.post(path)
        user = User.objects.get(username="first")
        elsewhere.force_login(user)
        (session,) = UserSession.objects.filter(user=user)
        elsewhere.post(f"/accounts/sessions/{session.pk}/end/")
        assert by_link.get("/settings/profile").status_code == 302

    def test_it_ends_as_one_by_the_provider_for_who_has_a_role_by_a_group(self, path: str) -> None:
        MembershipFactory(user=User.objects.get(username="first"), given_by="corp")
        client = Client()
        client.post(path)
        assert client.session.get_expiry_age() <= 12 * 60 * 60


class TestOnesOwnSettings:
    def test_language_zone_and_theme_are_saved_and_hold(self, auditor: Client) -> None:
        response = auditor.post(
            "/settings/profile",
            {"language": "de", "time_zone": "Europe/Berlin", "theme": "dark"},
            follow=True,
        )
        html = response.content.decode()
        assert '<html lang="de" data-color-mode="dark"' in html
        user = User.objects.get(username="audrey")
        assert (user.language, user.time_zone) == ("de", "Europe/Berlin")

    def test_a_zone_that_does_not_exist_is_refused(self, auditor: Client) -> None:
        response = auditor.post("/settings/profile", {"time_zone": "Mars/Base", "theme": "auto"})
        assert response.status_code == 422

    def test_it_leads_to_changing_the_password(self, auditor: Client) -> None:
        assert "/accounts/password/change/" in auditor.get("/settings/profile").content.decode()

    def test_signed_out_the_language_is_chosen_too(self, db: None) -> None:
        client = Client()
        client.post("/i18n/setlang/", {"language": "de", "next": "/help/tokens"})
        assert '<html lang="de"' in client.get("/help/tokens").content.decode()


class TestTheHowToPages:
    @pytest.mark.parametrize("page", PAGES)
    def test_anybody_may_read_them(self, db: None, page: str) -> None:
        response = Client().get(f"/help/{page}")
        assert response.status_code == 200
        others = set(PAGES) - {page}
        assert all(f'href="/help/{other}"' in response.content.decode() for other in others)

    def test_the_one_on_the_difference_explains_every_cause(self, db: None) -> None:
        text = text_of(Client().get("/help/difference"))
        for cause in CAUSES.values():
            assert f"{cause.name} {cause.meaning} {cause.advice}" in text

    @pytest.mark.parametrize(("path", "page"), NEEDED)
    def test_each_is_linked_where_it_is_needed(
        self, owner: Client, acme: Enterprise, path: str, page: str
    ) -> None:
        SnapshotFactory(enterprise=acme, github_total=120)
        html = owner.get(f"/enterprises/acme{path}").content.decode()
        assert f'href="/help/{page}"' in html

    def test_none_is_left_out(self) -> None:
        assert {page for _path, page in NEEDED} == set(PAGES)

    def test_an_enterprise_without_a_verified_domain_is_led_to_verify_one(
        self, owner: Client, acme: Enterprise
    ) -> None:
        CloudState.objects.update(read_at=ago(hours=1))
        assert 'href="/help/domains"' in owner.get("/enterprises/acme").content.decode()

    def test_whoever_made_a_token_for_uploads_is_led_to_the_command(self, owner: Client) -> None:
        def made(scope: str) -> str:
            new = {"name": scope, "scopes": [scope], "expires": "30"}
            response = owner.post("/enterprises/acme/settings/tokens/new", new)
            return response.content.decode()

        assert 'href="/help/upload"' in made("write:server_usage")
        assert 'href="/help/upload"' not in made("read:enterprise")

    def test_the_command_for_uploads_names_this_console_and_the_readers_enterprise(
        self, owner: Client, settings: Settings
    ) -> None:
        settings.LICSYNC_PUBLIC_URL = "https://licsync.example.com"
        start = "https://licsync.example.com/api/v1/enterprises"
        assert f'"{start}/acme/server-usage?instance=HOST&' in text_of(owner.get("/help/upload"))
        assert f"{start}/ENTERPRISE/server-usage" in text_of(Client().get("/help/upload"))
        MembershipFactory(
            user=User.objects.get(username="mona"), enterprise=EnterpriseFactory(slug="second")
        )
        assert f"{start}/ENTERPRISE/server-usage" in text_of(owner.get("/help/upload"))

    @pytest.mark.parametrize("page", PAGES)
    def test_none_refers_to_a_file_that_an_installed_console_lacks(
        self, db: None, page: str
    ) -> None:
        assert "docs/" not in text_of(Client().get(f"/help/{page}"))

    def test_another_does_not_exist(self, db: None) -> None:
        assert Client().get("/help/nonsense").status_code == 404
