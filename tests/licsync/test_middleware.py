import gzip
import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template import RequestContext, Template
from django.urls import path
from django.utils import timezone


def show(request):
    page = (
        "{% load i18n tz %}{% get_current_language as l %}{% get_current_timezone as z %}"
        "{{ l }} {{ z }} {{ csp_nonce }}"
    )
    return HttpResponse(Template(page).render(RequestContext(request)))


def cached(_request):
    return HttpResponse(headers={"Cache-Control": "private, max-age=60"})


def long_page(_request):
    return HttpResponse("<p>the same again</p>" * 100)


def long_download(_request):
    return StreamingHttpResponse(["the same again\n"] * 100, content_type="text/html")


def long_answer(_request):
    return JsonResponse({"rows": ["the same again"] * 100}, headers={"ETag": '"strong"'})


def broken(_request):
    raise ValueError


urlpatterns = [
    path("broken", broken),
    path("show", show),
    path("cached", cached),
    path("page", long_page),
    path("download", long_download),
    path("answer", long_answer),
    path("moved", lambda _request: redirect("/elsewhere")),
    path("closed", lambda request: redirect_to_login(request.get_full_path())),
    path("sign-in", show, name="account_login"),
]

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def test_the_policy_allows_our_own_files_and_this_answers_nonce_only(client):
    response = client.get("/show")
    nonce = response.content.decode().split()[2]
    policy = dict(part.split(" ", 1) for part in response["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": f"'self' 'nonce-{nonce}'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert nonce not in client.get("/show").content.decode()


def test_every_answer_carries_the_headers_errors_too(client):
    for address in ("/show", "/missing"):
        response = client.get(address)
        assert response["Cache-Control"] == "no-store"
        assert response["Referrer-Policy"] == "same-origin"
        assert response["Cross-Origin-Opener-Policy"] == "same-origin"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "camera=()" in response["Permissions-Policy"]
        assert re.fullmatch(r"[0-9a-f]{32}", response["X-Request-ID"])


def test_each_line_that_is_logged_meanwhile_carries_the_requests_id(client, json_lines):
    with json_lines("licsync.requests") as ends, json_lines("django.request") as errors:
        responses = [client.get("/show"), client.get("/page")]
        client.raise_request_exception = False
        responses.append(client.get("/broken"))
    ids = [response["X-Request-ID"] for response in responses]
    assert [line["request_id"] for line in ends] == ids
    assert [(line["path"], line["status"]) for line in ends][1:] == [
        ("/page", 200),
        ("/broken", 500),
    ]
    assert [line["request_id"] for line in errors] == ids[2:]


def test_pages_are_compressed_to_a_length_that_tells_nothing(client):
    answers = [client.get("/page", headers={"accept-encoding": "gzip"}) for _ in range(20)]
    assert {gzip.decompress(answer.content) for answer in answers} == {long_page(None).content}
    assert len({len(answer.content) for answer in answers}) > 1
    assert all("Accept-Encoding" in answer["Vary"] for answer in answers)
    assert not client.get("/page").has_header("Content-Encoding")


@pytest.mark.parametrize("address", ["/download", "/answer"])
def test_downloads_and_answers_of_the_api_are_not_compressed(client, address):
    answer = client.get(address, headers={"accept-encoding": "gzip"})
    assert not answer.has_header("Content-Encoding")
    assert answer.get("ETag", '"strong"') == '"strong"'


def test_a_view_may_decide_about_caches_itself(client):
    assert client.get("/cached")["Cache-Control"] == "private, max-age=60"


@pytest.mark.parametrize(
    ("header", "language"),
    [("zh-CN,zh;q=0.9", "zh-hans"), ("de-AT", "de"), ("fr", "en"), ("", "en")],
)
def test_a_stranger_reads_the_browsers_language(client, header, language):
    response = client.get("/show", headers={"Accept-Language": header})
    assert response.content.decode().split()[:2] == [language, "UTC"]
    assert response["Content-Language"] == language


def test_a_person_reads_their_own_language_in_their_own_zone(client):
    person = get_user_model().objects.create_user("mona", language="de", time_zone="Asia/Shanghai")
    client.force_login(person)
    response = client.get("/show", headers={"Accept-Language": "zh-CN"})
    assert response.content.decode().split()[:2] == ["de", "Asia/Shanghai"]
    assert response["Content-Language"] == "de"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd"])
def test_a_zone_that_is_not_known_locks_nobody_out(client, zone):
    person = get_user_model().objects.create_user("mona", time_zone=zone, language="xx")
    client.force_login(person)
    assert client.get("/show").content.decode().split()[:2] == ["en", "UTC"]


def test_no_zone_stays_active_after_the_answer(client):
    person = get_user_model().objects.create_user("mona", language="de", time_zone="Asia/Tokyo")
    client.force_login(person)
    client.get("/show")
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize(
    ("address", "header", "value"),
    [("/moved", "HX-Redirect", "/elsewhere"), ("/closed", "HX-Refresh", "true")],
)
def test_htmx_is_told_where_to_lead_the_page_instead_of_following(client, address, header, value):
    assert client.get(address).status_code == 302
    response = client.get(address, headers={"HX-Request": "true"})
    assert response.status_code == 204
    assert response[header] == value
    assert not response.has_header("Location")
