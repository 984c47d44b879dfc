from __future__ import annotations

import gzip
import logging
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest

from enterprise.faults import Fault
from enterprise.sources.http import Client
from tests.sources.peer import TOKEN, Naps, Peer, client_of, json_reply, reply, trickle

MakePeer = Callable[..., Peer]
Caught = Callable[[Callable[[], object]], Fault]

PATH = "/secret-path?email=mona@example.com"
PRIVATE = b'{"message": "mona@example.com may not"}'


def test_a_json_answer_is_given_with_its_headers(make_peer: MakePeer) -> None:
    peer = make_peer(json_reply({"a": [1]}, X_OAuth_Scopes="site_admin"))
    answer = client_of(peer).get_json("/x")
    assert answer.data == {"a": [1]}
    assert answer.headers["x-oauth-scopes"] == "site_admin"
    assert f"authorization: bearer {TOKEN}" in peer.requests[0].lower()


@pytest.mark.parametrize(
    ("answer", "code", "retry", "params"),
    [
        (reply(401, PRIVATE), "bad_credentials", False, {}),
        (reply(403, PRIVATE), "forbidden", False, {}),
        (reply(404, PRIVATE), "not_found", False, {}),
        (reply(410, PRIVATE), "unexpected_status", False, {"status": 410}),
        (reply(204), "unexpected_status", False, {"status": 204}),
        (reply(500, PRIVATE), "server_error", True, {"status": 500}),
        (reply(503, PRIVATE), "server_error", True, {"status": 503}),
        (reply(408, PRIVATE), "timed_out", True, {}),
        (reply(429, PRIVATE), "rate_limited", True, {}),
        (reply(403, b"{}", Retry_After="7"), "rate_limited", True, {}),
        (reply(403, b"{}", X_RateLimit_Remaining="0"), "rate_limited", True, {}),
        (reply(403, b'{"message":"a secondary rate limit"}'), "rate_limited", True, {}),
        (
            reply(403, X_GitHub_SSO="required; url=https://github.com/orgs/a/sso?authorization=x"),
            "sso_required",
            False,
            {"host": "github.com"},
        ),
        (
            reply(403, b'{"message":"the `acme` enterprise has an IP allow list enabled"}'),
            "ip_allow_list",
            False,
            {},
        ),
        (
            reply(403, X_OAuth_Scopes="repo, gist", X_Accepted_OAuth_Scopes="read:enterprise"),
            "missing_scope",
            False,
            {"needed": "read:enterprise", "has": "repo, gist"},
        ),
        (
            reply(404, X_OAuth_Scopes=""),
            "missing_scope",
            False,
            {"needed": "site_admin", "has": ""},
        ),
        (
            reply(403, X_OAuth_Scopes="read:enterprise", X_Accepted_OAuth_Scopes="read:enterprise"),
            "forbidden",
            False,
            {},
        ),
        (
            reply(301, Location="https://mona:pass@elsewhere.example.com/x?mona@example.com"),
            "redirected",
            False,
            {"host": "elsewhere.example.com"},
        ),
        (reply(302, Location="/login?return_to=%2Fsecret-path"), "sign_in_page", False, {}),
        (reply(302, Location="http://[bad"), "redirected", False, {"host": ""}),
        (reply(302), "redirected", False, {"host": ""}),
        (reply(200, b"<html>", kind="text/html; charset=utf-8"), "sign_in_page", False, {}),
        (
            reply(200, b"x", kind="text/plain"),
            "unexpected_content_type",
            False,
            {"content_type": "text/plain"},
        ),
        (
            reply(200, b"x", kind="mona@example.com"),
            "unexpected_content_type",
            False,
            {"content_type": ""},
        ),
        (reply(200, b'{"email": "mona@example.com"'), "not_json", False, {}),
        (reply(200, b"{}", length=50), "cut_short", True, {}),
        (
            reply(200, gzip.compress(b"{}")[:-9], Content_Encoding="gzip"),
            "cut_short",
            True,
            {},
        ),
        (reply(200, b"not gzip", Content_Encoding="gzip"), "unreadable_encoding", False, {}),
        (reply(200, b"{}", Content_Encoding="br"), "unreadable_encoding", False, {}),
        (b"no http at all\r\n\r\n", "connection_failed", True, {"host": "127.0.0.1"}),
        (b"", "connection_failed", True, {"host": "127.0.0.1"}),
    ],
)
def test_every_trouble_has_its_code_and_tells_nothing_personal(
    make_peer: MakePeer,
    caught: Caught,
    caplog: pytest.LogCaptureFixture,
    answer: bytes,
    code: str,
    retry: bool,
    params: dict[str, object],
) -> None:
    caplog.set_level(logging.INFO)
    peer = make_peer(answer)
    fault = caught(lambda: client_of(peer).get_json(PATH, needs="site_admin"))
    assert (fault.code, fault.retry, fault.params) == (code, retry, params)
    assert len(peer.requests) == (4 if retry else 1)
    assert "example.com" not in caplog.text
    assert TOKEN not in caplog.text


def test_transient_trouble_is_tried_again_with_back_off(make_peer: MakePeer) -> None:
    naps = Naps()
    peer = make_peer(reply(502), reply(503), json_reply({"ok": 1}))
    assert client_of(peer, naps).get_json("/x").data == {"ok": 1}
    assert 0.75 + 1.5 <= naps.slept <= 1.25 + 2.5


def test_whoever_is_waited_for_need_not_try_again(make_peer: MakePeer, caught: Caught) -> None:
    peer = make_peer(reply(429, Retry_After="30"))
    assert caught(lambda: client_of(peer, retries=0).get_json("/x")).code == "rate_limited"
    assert len(peer.requests) == 1


def test_a_short_wait_that_the_server_asks_for_is_kept(make_peer: MakePeer) -> None:
    naps = Naps()
    peer = make_peer(reply(429, Retry_After="33"), json_reply({}))
    client_of(peer, naps).get_json("/x")
    assert naps.slept == 33


def test_a_long_wait_is_left_to_the_caller(make_peer: MakePeer, caught: Caught) -> None:
    naps = Naps()
    peer = make_peer(reply(429, Retry_After="900"))
    fault = caught(lambda: client_of(peer, naps).get_json("/x"))
    assert (fault.code, fault.after, naps.slept, len(peer.requests)) == ("rate_limited", 900, 0, 1)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry_After": "in 900 seconds, as a date"}, 890, 901),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "in 600 seconds"}, 590, 601),
        (
            {
                "Date": "Thu, 01 Jan 2026 00:00:00 GMT",  # a server whose clock is far off
                "X_RateLimit_Remaining": "0",
                "X_RateLimit_Reset": "1767226000",
            },
            400,
            400,
        ),
        ({"Retry_After": "9" * 40}, 86400, 86400),
        ({"Retry_After": "Thu, 99 Jan 2026 00:00:00 GMT"}, None, None),
        ({"Retry_After": "-5"}, None, None),
        ({"X_RateLimit_Remaining": "12", "X_RateLimit_Reset": "99999999999"}, None, None),
    ],
)
def test_the_wait_asked_for_is_read_from_any_header(
    make_peer: MakePeer,
    caught: Caught,
    headers: dict[str, str],
    least: float | None,
    most: float | None,
) -> None:
    moments = {
        "in 900 seconds, as a date": formatdate(time.time() + 900, usegmt=True),
        "in 600 seconds": str(int(time.time()) + 600),
    }
    said = {name: moments.get(value, value) for name, value in headers.items()}
    fault = caught(lambda: client_of(make_peer(reply(429, **said))).get_json_once("/x"))
    assert fault.code == "rate_limited"
    if least is None or most is None:
        assert fault.after is None
    else:
        assert fault.after is not None
        assert least <= fault.after <= most


def test_a_refused_connection_is_transient(make_peer: MakePeer, caught: Caught) -> None:
    peer = make_peer(b"")
    peer.close()
    fault = caught(lambda: client_of(peer).get_json(PATH))
    assert (fault.code, fault.retry) == ("connection_failed", True)


def test_a_server_that_says_nothing_times_out(make_peer: MakePeer, caught: Caught) -> None:
    peer = make_peer(trickle(b"", b"", every=3))
    fault = caught(lambda: client_of(peer, timeout=0.2).get_json_once(PATH))
    assert (fault.code, fault.retry) == ("timed_out", True)


def test_a_header_that_trickles_is_cut(make_peer: MakePeer, caught: Caught) -> None:
    parts = [b"HTTP/1.1 200 OK\r\n"] + [b"X: y\r\n"] * 90
    began = time.monotonic()
    peer = make_peer(trickle(*parts, every=0.1))
    fault = caught(lambda: client_of(peer, timeout=0.5).get_json_once(PATH))
    assert fault.code == "timed_out"
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "head",
    [
        reply(200, length=1000),
        reply(200, length=None, Transfer_Encoding="chunked") + b"3e8\r\n",
        reply(200, length=None, Transfer_Encoding="chunked"),  # even the size of a chunk trickles
    ],
)
def test_a_body_that_trickles_for_ever_is_cut(
    make_peer: MakePeer, caught: Caught, monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    monkeypatch.setattr("enterprise.sources.http.JSON_SECONDS", 0.5)
    peer = make_peer(trickle(head, *[b"1"] * 90, every=0.1))
    began = time.monotonic()
    fault = caught(lambda: client_of(peer).get_json_once(PATH))
    assert (fault.code, fault.retry) == ("timed_out", True)
    assert time.monotonic() - began < 3


def test_a_body_that_stops_times_out(make_peer: MakePeer, caught: Caught) -> None:
    peer = make_peer(trickle(reply(200, b"{", length=9), b"", every=3))
    assert caught(lambda: client_of(peer, timeout=0.2).get_json_once(PATH)).code == "timed_out"


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b" " * 5000),
        reply(200, gzip.compress(b" " * 10_000_000), Content_Encoding="gzip"),
    ],
)
def test_a_body_above_the_limit_is_not_read_to_its_end(
    make_peer: MakePeer, caught: Caught, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr("enterprise.sources.http.JSON_BYTES", 4000)
    fault = caught(lambda: client_of(make_peer(answer)).get_json(PATH))
    assert (fault.code, fault.params) == ("too_large", {"limit": 4000})


def test_a_packed_body_is_unpacked(make_peer: MakePeer) -> None:
    body = gzip.compress(b'{"a": "' + b"x" * 300_000 + b'"}')
    peer = make_peer(reply(200, body, Content_Encoding="gzip"))
    assert len(client_of(peer).get_json("/x").data["a"]) == 300_000


def test_an_endless_redirect_body_is_not_read(make_peer: MakePeer, caught: Caught) -> None:
    head = reply(302, length=10**9, Location="https://elsewhere.example.com/")
    began = time.monotonic()
    peer = make_peer(trickle(head, *[b"x" * 65536] * 50, every=0.02))
    assert caught(lambda: client_of(peer).get_json_once(PATH)).code == "redirected"
    assert time.monotonic() - began < 1


def test_a_token_never_leaves_its_origin(make_peer: MakePeer, caught: Caught) -> None:
    peer, other = make_peer(json_reply({})), make_peer(json_reply({}))
    assert caught(lambda: client_of(peer).get_json(f"{other.url}/x")).code == "foreign_link"
    assert caught(lambda: client_of(peer).get_json("https://127.0.0.1/x")).code == "foreign_link"
    assert other.requests == []


def test_cookies_and_the_environment_take_no_part(
    make_peer: MakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    peer = make_peer(json_reply({}, Set_Cookie="session=1"), json_reply({}))
    client = client_of(peer)
    client.get_json("/x")
    client.get_json("/x")
    assert not any("cookie" in request.lower() for request in peer.requests)


def test_a_cancelled_run_stops_while_it_waits(make_peer: MakePeer) -> None:
    class CancelledError(Exception):
        pass

    naps = Naps()

    def cancelled() -> None:
        if naps.slept >= 3:
            raise CancelledError

    client = client_of(make_peer(reply(429, Retry_After="50")), naps, cancelled=cancelled)
    with pytest.raises(CancelledError):
        client.get_json("/x")
    assert naps.slept == 3


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"base_url": "ftp://ghes.example.com"}, "bad_address"),
        ({"base_url": "https://"}, "bad_address"),
        ({"base_url": "https://mona:pass@ghes.example.com"}, "bad_address"),
        ({"base_url": "https://ghes.example.com:99999"}, "bad_address"),
        ({"base_url": "https://ghes.example.com/?a=1"}, "bad_address"),
        ({"token": f"{TOKEN}\r\nX-Evil: 1"}, "bad_token"),
        ({"token": f"{TOKEN}ü"}, "bad_token"),
        ({"username": "a:b"}, "bad_server_username"),
        ({"ca_bundle": "-----BEGIN CERTIFICATE-----\nno\n"}, "bad_ca_bundle"),
        ({"ca_bundle": "no certificate"}, "bad_ca_bundle"),
        ({"proxy": "socks5://proxy.example.com"}, "bad_proxy"),
        ({"proxy": "http://"}, "bad_proxy"),
    ],
)
def test_a_client_that_cannot_work_is_refused(
    caught: Caught, options: dict[str, str], code: str
) -> None:
    given = {"base_url": "https://ghes.example.com"} | options
    base_url = given.pop("base_url")
    fault = caught(lambda: Client(base_url, **given))  # type: ignore[arg-type]
    assert (fault.code, fault.retry) == (code, False)
