import pytest
from django.contrib.auth import get_user_model
from django.urls import NoReverseMatch, reverse

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
