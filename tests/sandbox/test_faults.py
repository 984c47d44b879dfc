from __future__ import annotations

import csv
import io
import time
import zlib
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

import pytest
import requests

from sandbox.faults import Fault, Faults
from sandbox.server import Fleet
from sandbox.site import Site
from sandbox.world import World
from tests.sandbox.conftest import HOST, REPORT
from tests.sandbox.test_graphql import INSTALLATIONS

Ask = Callable[..., requests.Response]


@pytest.fixture
def site(fleet: Fleet) -> Site:
    return fleet.instances[HOST]


def ids(answer: requests.Response) -> list[int]:
    return [int(row["id"]) for row in csv.DictReader(io.StringIO(answer.content.decode()))]


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault: mischief"):
        Faults().add("mischief")


def test_a_fault_meets_only_the_requests_it_names() -> None:
    fault = Fault("status", path="/a/*", query={"page": "2"}, contains="word")
    assert fault.concerns("/a/b", {"page": "2", "x": "y"}, "a word")
    assert not fault.concerns("/b", {"page": "2"}, "a word")
    assert not fault.concerns("/a/b", {"page": "1"}, "a word")
    assert not fault.concerns("/a/b", {"page": "2"}, "")


def test_a_fault_comes_after_some_requests_and_ends(site: Site, report: Ask) -> None:
    fault = site.faults.add("status", path=REPORT, status=503, after_requests=1, times=2)
    assert [report().status_code for _ in range(4)] == [200, 503, 503, 200]
    assert fault.met == 2


def test_clearing_the_faults_heals(site: Site, report: Ask) -> None:
    site.faults.add("status", status=500)
    assert report().status_code == 500
    site.faults.clear()
    assert report().status_code == 200


def test_a_refused_connection_finds_nobody_listening(site: Site, report: Ask) -> None:
    site.faults.add("refused", after_requests=2)
    assert report().status_code == 200
    assert report().status_code == 200
    for _ in range(2):
        with pytest.raises(requests.ConnectionError, match="refused"):
            report()
    site.faults.clear()
    assert report().status_code == 200


def test_a_reset_connection_says_so(site: Site, report: Ask) -> None:
    site.faults.add("reset", times=1)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        report()
    assert report().status_code == 200


@pytest.mark.parametrize("kind", ["hang_header", "hang_body"])
def test_a_hanging_answer_times_out(site: Site, report: Ask, kind: str) -> None:
    site.faults.add(kind, times=1)
    with pytest.raises((requests.ReadTimeout, requests.ConnectionError), match="timed out"):
        report(timeout=0.2)
    assert report().status_code == 200


def test_stopping_lets_go_of_what_hangs(fleet: Fleet, site: Site, report: Ask) -> None:
    site.faults.add("hang_body")
    begun = time.monotonic()
    response = report(stream=True)
    fleet.stop()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = response.content
    assert time.monotonic() - begun < 3


def test_a_body_may_be_cut(site: Site, report: Ask) -> None:
    whole = report().content
    site.faults.add("cut_body", length="right", times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        report()
    for length in ("wrong", "none"):
        site.faults.add("cut_body", length=length, share=0.25, times=1)
        assert report().content == whole[: len(whole) // 4]
    assert report().content == whole


def test_a_gzip_bomb_is_small_on_the_wire(site: Site, report: Ask) -> None:
    site.faults.add("gzip_bomb", megabytes=50)
    response = report(stream=True)
    packed = response.raw.read(decode_content=False)
    assert len(packed) < 200_000
    size, rest = 0, packed
    while rest:
        member = zlib.decompressobj(wbits=31)
        size += len(member.decompress(rest))
        rest = member.unused_data
    assert size > 50_000_000


def test_a_line_may_be_longer_than_any_memory(site: Site, report: Ask, licenses: Ask) -> None:
    site.faults.add("long_line", megabytes=3)
    assert len(report().content.splitlines()[-1]) == 3_000_000


def test_a_long_string_leaves_json_valid(fleet: Fleet, licenses: Ask) -> None:
    fleet.ghec.faults.add("long_line", megabytes=2)
    assert len(licenses().json()["filler"]) == 2_000_000


def test_a_body_may_never_end(site: Site, report: Ask) -> None:
    site.faults.add("endless_body")
    with report(stream=True) as response:
        assert sum(map(len, islice(response.iter_content(65536), 100))) > 1_000_000


def test_a_page_for_people_may_come_instead(site: Site, report: Ask) -> None:
    site.faults.add("html")
    answer = report()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_bytes_may_be_other_than_they_are_called(site: Site, report: Ask) -> None:
    whole = report().content
    site.faults.add("bom", times=1)
    assert report().content == b"\xef\xbb\xbf" + whole
    site.faults.add("charset", times=1)
    answer = report()
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.content.decode("utf-16") == whole.decode()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502])
def test_any_error_can_be_scripted(fleet: Fleet, licenses: Ask, status: int) -> None:
    fleet.ghec.faults.add("status", status=status, headers={"X-More": "yes"})
    answer = licenses()
    assert answer.status_code == status
    assert answer.json()["status"] == str(status)
    assert answer.headers["X-More"] == "yes"


def test_a_rate_limit_says_when_it_ends(fleet: Fleet, licenses: Ask) -> None:
    now = time.time()
    fleet.ghec.faults.add("rate_limited", status=403, seconds=30, times=1)
    limited = licenses()
    assert (limited.status_code, limited.headers["X-RateLimit-Remaining"]) == (403, "0")
    assert 29 < int(limited.headers["X-RateLimit-Reset"]) - now < 33
    assert "Retry-After" not in limited.headers
    options: dict[str, Any] = {"status": 429, "rate_headers": False, "times": 1}
    fleet.ghec.faults.add("rate_limited", retry_after="seconds", seconds=7, **options)
    assert licenses().headers["Retry-After"] == "7"
    fleet.ghec.faults.add("rate_limited", retry_after="date", seconds=60, **options)
    dated = licenses()
    assert 55 < parsedate_to_datetime(dated.headers["Retry-After"]).timestamp() - now < 65
    assert "X-RateLimit-Remaining" not in dated.headers


def test_redirects_lead_round_away_or_to_the_sign_in_page(site: Site, report: Ask) -> None:
    site.faults.add("redirect_loop")
    with pytest.raises(requests.TooManyRedirects):
        report()
    site.faults.clear()
    site.faults.add("redirect", location="http://other.example.com/x", times=1)
    assert report(allow_redirects=False).headers["Location"] == "http://other.example.com/x"
    site.faults.add("sign_in", times=1)
    assert "Sign in" in report().text


def test_a_report_may_never_be_ready(site: Site, report: Ask) -> None:
    site.faults.add("not_ready", path=REPORT)
    assert {report().status_code for _ in range(5)} == {202}


def test_large_pages_may_fail_alone(fleet: Fleet, licenses: Ask, graphql: Any) -> None:
    fleet.ghec.faults.add("large_pages", limit=25)
    assert licenses(per_page=100).status_code == 502
    assert licenses(per_page=25).status_code == 200
    assert graphql(INSTALLATIONS, first=100)["data"] is None
    assert "errors" not in graphql(INSTALLATIONS, first=25)


def test_pages_may_never_end(fleet: Fleet, licenses: Ask) -> None:
    fleet.ghec.faults.add("endless_pages")
    pages = [licenses(per_page=100, page=page) for page in (50, 51)]
    assert all("next" in page.links and "last" not in page.links for page in pages)
    logins = [row["github_com_login"] for page in pages for row in page.json()["users"]]
    assert len(set(logins)) == 200


def test_a_page_may_repeat(fleet: Fleet, licenses: Ask) -> None:
    fleet.ghec.faults.add("repeat_page")
    assert licenses(page=2).json() == licenses(page=1).json()


def test_a_page_before_the_last_may_be_short(fleet: Fleet, licenses: Ask) -> None:
    fleet.ghec.faults.add("short_page")
    assert len(licenses(per_page=50).json()["users"]) == 49


def test_the_total_may_shrink(fleet: Fleet, licenses: Ask) -> None:
    fleet.ghec.faults.add("shrinking_total")
    totals = [licenses(page=page).json()["total_seats_consumed"] for page in (1, 2, 3)]
    assert totals == sorted(totals, reverse=True)
    assert len(set(totals)) == 3


def test_a_report_may_say_what_cannot_be(site: Site, world: World, report: Ask) -> None:
    true = list(world.instances[HOST].users)
    shown = {}
    for kind in ("duplicate_ids", "negative_ids", "huge_ids", "halved", "empty"):
        site.faults.add(kind, times=1)
        shown[kind] = ids(report())
    assert shown["duplicate_ids"] == [*true, true[0]]
    assert shown["negative_ids"] == [-number for number in true]
    assert min(shown["huge_ids"]) > 10**29
    assert shown["halved"] == true[::2]
    assert shown["empty"] == []
    site.faults.add("all_suspended", times=1)
    text = report().content.decode()
    assert {row["suspended?"] for row in csv.DictReader(io.StringIO(text))} == {"true"}
    assert ids(report()) == true


def test_the_cloud_may_say_what_cannot_be(fleet: Fleet, licenses: Ask, graphql: Any) -> None:
    whole = licenses().json()["total_seats_consumed"]
    fleet.ghec.faults.add("halved", times=1)
    assert licenses().json()["total_seats_consumed"] == -(-whole // 2)
    fleet.ghec.faults.add("duplicate_ids", times=1)
    assert licenses().json()["total_seats_consumed"] == whole + 1
    fleet.ghec.faults.add("negative_ids", path="/graphql")
    info = graphql(INSTALLATIONS, first=5)["data"]["enterprise"]["ownerInfo"]
    accounts = info["enterpriseServerInstallations"]["nodes"][0]["userAccounts"]["nodes"]
    assert all(account["remoteUserId"] < 0 for account in accounts)
