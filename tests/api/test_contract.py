"""What GitHub's SDKs rely on beside the rows: statuses, headers, error bodies, conditions."""

from __future__ import annotations

import base64
import re

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client

from enterprise.api import v3
from enterprise.api.limits import Counter
from enterprise.models import ApiToken, AuditEvent, Enterprise
from tests.api.conftest import LICENSES, STATUS, Api, error, logins, make_token
from tests.factories import EnterpriseFactory, MembershipFactory
from tests.reports.ledger import count, members

NOT_FOUND = (404, "Not Found")
BAD_CREDENTIALS = b'{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}'


# --- Who asks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "token", "Token"])
def test_a_token_is_taken_as_githubs_clients_send_it(
    enterprise: Enterprise, token: str, scheme: str
) -> None:
    assert Api(token, scheme).get(STATUS).status_code == 200


@pytest.mark.parametrize("pair", ["anybody:{}", ":{}", "{}:x-oauth-basic", "{}:"])
def test_a_token_is_taken_from_basic_authentication(
    enterprise: Enterprise, token: str, pair: str
) -> None:
    value = base64.b64encode(pair.format(token).encode()).decode()
    assert Api(value, "Basic").get(STATUS).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["Bearer wrong", "token", "Bearer ", "Basic !!!", "Basic /w==", "Digest x", "", "Bearer \xff"],
)
def test_a_wrong_token_gets_exactly_githubs_answer(enterprise: Enterprise, header: str) -> None:
    response = Client(headers={"Authorization": header}).get(STATUS)
    assert response.status_code == 401
    assert response.content == BAD_CREDENTIALS


def test_without_credentials_authentication_is_required(enterprise: Enterprise) -> None:
    assert error(Client().get(STATUS)) == (401, "Requires authentication")


def test_a_session_is_no_authentication(enterprise: Enterprise) -> None:
    client = Client()
    client.force_login(MembershipFactory(enterprise=enterprise).user)
    assert get_user_model().objects.count() == 1
    assert error(client.get(LICENSES)) == (401, "Requires authentication")


def test_a_revoked_token_is_a_wrong_one(enterprise: Enterprise, api: Api) -> None:
    ApiToken.objects.update(revoked_at="2026-01-01T00:00:00Z")
    assert api.get(STATUS).content == BAD_CREDENTIALS


@pytest.mark.parametrize("slug", ["other", "nobody", "ac%00me", "%2e%2e"])
def test_another_enterprise_does_not_exist(api: Api, slug: str) -> None:
    EnterpriseFactory(slug="other")
    response = api.get(f"/api/v3/enterprises/{slug}/consumed-licenses")
    assert error(response) == NOT_FOUND


def test_the_slug_is_taken_in_any_case(api: Api) -> None:
    assert api.get(STATUS.replace("acme", "ACME")).status_code == 200


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        (["read:enterprise"], 200),
        (["admin:enterprise"], 200),
        (["read:metrics", "read:enterprise"], 200),
        (["read:metrics"], 404),
        (["write:server_usage"], 404),
    ],
)
def test_the_scope_decides(enterprise: Enterprise, scopes: list[str], status: int) -> None:
    response = Api(make_token(enterprise, *scopes)).get(STATUS)
    assert response.status_code == status
    assert response["X-OAuth-Scopes"] == ", ".join(sorted(scopes))
    assert response["X-Accepted-OAuth-Scopes"] == "admin:enterprise, read:enterprise"


# --- How it is asked -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_only_reading_is_allowed_and_no_csrf_page_comes(token: str, method: str) -> None:
    client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {token}"})
    response = getattr(client, method)(STATUS)
    assert error(response) == (405, "Method Not Allowed")
    assert response["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    ["/api/v3/nothing", "/api/v3/enterprises", "/api/v3/meta/", "/api/v3/a%0Ab", "/api/v3/é"],
)
def test_an_unknown_path_is_answered_in_json(api: Api, path: str) -> None:
    assert error(api.get(path)) == NOT_FOUND


@pytest.mark.parametrize("version", ["2022-11-28", "2026-03-10"])
def test_both_versions_of_the_api_are_served_and_named(api: Api, version: str) -> None:
    response = api.get(STATUS, headers={"X-GitHub-Api-Version": version})
    assert response.status_code == 200
    assert response["X-GitHub-Api-Version-Selected"] == version


def test_the_older_version_is_served_by_default(api: Api) -> None:
    assert api.get(STATUS)["X-GitHub-Api-Version-Selected"] == "2022-11-28"


def test_another_version_is_refused_in_githubs_words(api: Api) -> None:
    response = api.get(STATUS, headers={"X-GitHub-Api-Version": "2021-01-01"})
    assert error(response) == (400, "Bad Request")
    assert '"2021-01-01", is not a supported version' in response.json()["errors"]
    assert '"2026-03-10" (most recent), "2022-11-28"' in response.json()["errors"]


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/vnd.github+json", 200),
        ("application/vnd.github.v3+json", 200),
        ("application/json", 200),
        ("text/html, */*;q=0.8", 200),
        ("text/html", 415),
        ("application/xml", 415),
    ],
)
def test_json_is_what_is_served(api: Api, accept: str, status: int) -> None:
    response = api.get(STATUS, headers={"Accept": accept})
    assert response.status_code == status
    assert response["Content-Type"] == "application/json; charset=utf-8"


def test_every_answer_has_githubs_headers(api: Api) -> None:
    for response in (api.get(STATUS), api.get("/api/v3/nothing"), Client().get(STATUS)):
        assert response["X-GitHub-Media-Type"] == "github.v3; format=json"
        assert re.fullmatch(r"[0-9A-F]{4}(:[0-9A-F]{6,8}){4}", response["X-GitHub-Request-Id"])
        assert response["Cache-Control"] == "private, no-cache"
        assert "Set-Cookie" not in response.headers


def test_the_browsers_language_does_not_matter(enterprise: Enterprise, api: Api) -> None:
    response = api.get(LICENSES, headers={"Accept-Language": "de"})
    assert error(response)[1].startswith("Nothing has been counted yet")


def test_a_failure_of_ours_is_told_in_json(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_enterprise: Enterprise) -> bytes:
        raise RuntimeError("person@example.com")

    monkeypatch.setattr(v3, "sync_status_body", fail)
    api.raise_request_exception = False
    response = api.get(STATUS)
    assert error(response) == (500, "Server Error")
    assert b"person" not in response.content


# --- Conditions and limits -----------------------------------------------------------------------


def test_an_answer_that_did_not_change_is_not_sent_again(enterprise: Enterprise, api: Api) -> None:
    count(enterprise, members(3))
    first = api.get(LICENSES)
    used = first["X-RateLimit-Used"]
    for known in (first["ETag"], first["ETag"].removeprefix("W/"), f'"x", {first["ETag"]}', "*"):
        again = api.get(LICENSES, headers={"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again["ETag"] == first["ETag"]
        assert again["X-RateLimit-Used"] == used
    count(enterprise, members(4))
    assert api.get(LICENSES, headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_head_gives_the_headers_of_get(enterprise: Enterprise, api: Api) -> None:
    count(enterprise, members(40))
    shown, head = api.get(LICENSES), api.head(LICENSES)
    assert head.content == b""
    for name in ("Content-Length", "ETag", "Link", "X-Licsync-Snapshot"):
        assert head[name] == shown[name]


def test_requests_are_counted_by_token(enterprise: Enterprise, api: Api) -> None:
    first, second = api.get(STATUS), api.get(STATUS)
    assert (first["X-RateLimit-Used"], second["X-RateLimit-Used"]) == ("1", "2")
    assert int(second["X-RateLimit-Remaining"]) == int(second["X-RateLimit-Limit"]) - 2
    assert second["X-RateLimit-Resource"] == "core"
    other = Api(make_token(enterprise, name="other")).get(STATUS)
    assert other["X-RateLimit-Used"] == "1"


def test_a_loop_run_wild_meets_the_limit(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v3, "counter", Counter(limit=2))
    assert [api.get(STATUS).status_code for _ in range(3)] == [200, 200, 403]
    response = api.get(STATUS)
    assert error(response)[1].startswith("API rate limit exceeded")
    assert response["X-RateLimit-Remaining"] == "0"
    assert api.get("/api/v3/rate_limit").status_code == 200


def test_asking_for_the_rate_limit_costs_nothing(api: Api) -> None:
    api.get(STATUS)
    rates = [api.get("/api/v3/rate_limit").json() for _ in range(2)]
    assert rates[0]["rate"]["used"] == rates[1]["rate"]["used"] == 1
    assert rates[0]["resources"]["core"] == rates[0]["rate"]


def test_the_root_names_what_is_served(api: Api) -> None:
    for path in ("/api/v3", "/api/v3/"):
        urls = api.get(path).json()
        assert urls["rate_limit_url"] == "http://testserver/api/v3/rate_limit"


def test_meta_does_not_pass_for_a_server_instance(api: Api) -> None:
    assert api.get("/api/v3/meta").json() == {"verifiable_password_authentication": False}


# --- The record ----------------------------------------------------------------------------------


def test_a_walk_that_begins_at_another_page_than_the_first_is_an_event_too(
    enterprise: Enterprise, api: Api
) -> None:
    count(enterprise, members(70))
    for page in (3, 2, 3):
        assert logins(api.get(LICENSES, {"page": page}))
    assert AuditEvent.objects.filter(action="report.download").count() == 1


def test_after_a_quarter_of_an_hour_or_from_elsewhere_it_is_another_walk(
    enterprise: Enterprise, api: Api
) -> None:
    count(enterprise, members(1))
    with time_machine.travel("2026-12-01T08:00:00Z", tick=False):
        api.get(LICENSES)
        api.get(LICENSES, REMOTE_ADDR="192.0.2.9")
    with time_machine.travel("2026-12-01T08:14:59Z", tick=False):
        api.get(LICENSES)
    assert AuditEvent.objects.filter(action="report.download").count() == 2
    with time_machine.travel("2026-12-01T08:15:01Z", tick=False):
        api.get(LICENSES)
    assert AuditEvent.objects.filter(action="report.download").count() == 3


def test_a_walk_is_one_event_of_the_audit_log(enterprise: Enterprise, api: Api) -> None:
    snapshot = count(enterprise, members(40))
    first = api.get(LICENSES)
    api.get(LICENSES, {"page": 2})
    api.head(LICENSES)
    api.get(LICENSES, headers={"If-None-Match": first["ETag"]})
    event = AuditEvent.objects.get(action="report.download")
    assert (event.actor, event.actor_kind) == ("reports", "token")
    assert event.after == {"basis": "console", "snapshot": snapshot.pk, "rows": 40}
