from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enterprise.faults import Fault
from enterprise.records import ServerAccount
from enterprise.sources import ghes_report
from enterprise.sources.ghes_report import PATH, parse_report, read_report, text_lines
from tests.sources.peer import Naps, Peer, client_of, reply

MakePeer = Callable[..., Peer]
Caught = Callable[[Callable[[], object]], Fault]

HEADER = (
    "created_at,id,login,email,role,suspended?,last_logged_ip,repos,ssh_keys,org_memberships,"
    "dormant?,last_active,raw_login,2fa_enabled?"
)
MONA = (
    "2021-03-01,7,mona,mona@example.com,user,false,10.0.0.1,1,1,1,true,2026-10-01,"
    '"{""login"":""mona""}",true'
)
NEVER = "2021-03-01,8,lisa,,user,true,,0,0,0,false,,{},false"


def csv_reply(text: str | bytes, **options: object) -> bytes:
    body = text.encode() if isinstance(text, str) else text
    return reply(200, body, **({"kind": "text/csv; charset=utf-8"} | options))  # type: ignore[arg-type]


def parse(text: str | bytes, *, keep_logins: bool = False, size: int = 7) -> list[ServerAccount]:
    """Parse a whole report that comes in chunks of a few bytes."""
    body = text.encode() if isinstance(text, str) else text
    chunks = (body[start : start + size] for start in range(0, len(body), size))
    return list(parse_report(text_lines(chunks), keep_logins=keep_logins))


def test_an_account_keeps_only_what_the_page_says() -> None:
    accounts = parse(f"{HEADER}\n{MONA}\n{NEVER}\n")
    assert accounts == [
        ServerAccount(7, "mona@example.com", dormant=True, never_signed_in=False),
        ServerAccount(8, "", suspended=True, never_signed_in=True),
    ]


def test_logins_and_last_activity_are_kept_on_request() -> None:
    account = parse(f"{HEADER}\n{MONA}\n", keep_logins=True)[0]
    assert (account.login, account.last_active) == ("mona", "2026-10-01")


@pytest.mark.parametrize(
    ("login", "excluded"),
    [("scim-admin", "scim_admin"), ("SCIM-admin", ""), ("scim-admin2", ""), ("x_scim-admin", "")],
)
def test_only_the_exact_scim_setup_user_is_excluded(login: str, excluded: str) -> None:
    text = f"id,login,email,suspended?,dormant?\n1,{login},,false,false\n"
    assert parse(text)[0].excluded == excluded


def test_columns_are_found_by_name_in_any_order() -> None:
    text = 'new,dormant?,suspended?,EMAIL, id ,login\n"a\nb",true,False, a@b.c ,1,x\n\n'
    assert parse(text) == [ServerAccount(1, "a@b.c", dormant=True)]


def test_without_both_columns_nobody_is_said_to_have_never_signed_in() -> None:
    text = "id,login,email,suspended?,dormant?,last_active\n1,x,,false,false,\n"
    assert parse(text)[0].never_signed_in is None


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter() -> None:
    text = f"\ufeff{HEADER}\r\n{MONA}\r\n"
    assert parse(text, size=1) == parse(text, size=1000) == parse(f"{HEADER}\n{MONA}")


def test_line_separators_of_unicode_may_stand_in_a_field() -> None:
    text = "id,login,email,suspended?,dormant?\n1,a\u2028b\x0b\x85c,ü@ö.de,false,false\n"
    assert parse(text, keep_logins=True)[0][:2] == (1, "ü@ö.de")


BARE = "id,login,email,suspended?,dormant?\n"


@pytest.mark.parametrize(
    ("text", "code", "params"),
    [
        ("", "not_a_report", {"columns": "id, login, email, suspended?, dormant?"}),
        (
            "<!DOCTYPE html>\n",
            "not_a_report",
            {"columns": "id, login, email, suspended?, dormant?"},
        ),
        ("id,login,dormant?\n", "not_a_report", {"columns": "email, suspended?"}),
        ("id,id,login,email,suspended?,dormant?\n", "not_a_report", {"columns": "id"}),
        (BARE + "1,a,,false,false,more\n", "malformed_line", {"line": 2}),
        (BARE + "1,a,,false\n2,b,,false,false\n", "malformed_line", {"line": 2}),
        (BARE + "1,a,,false,false\n2,b,,fal", "cut_short", {"line": 3}),
        (BARE + '1,"a\nb",,false,false\n2,"b,,false\n3,c', "cut_short", {"line": 4}),
        (BARE + '1,"a"b,,false,false\n', "malformed_line", {"line": 2}),
        (BARE + "1,a\rb,,false,false\n", "malformed_line", {"line": 2}),
        (BARE + '1,"' + "a" * 200_000 + '",,false,false\n', "malformed_line", {"line": 2}),
        (BARE + ",mona@example.com,,false,false\n", "invalid_user_id", {"line": 2}),
        (BARE + "-1,a,,false,false\n", "invalid_user_id", {"line": 2}),
        (BARE + "1.0,a,,false,false\n", "invalid_user_id", {"line": 2}),
        (BARE + "²,a,,false,false\n", "invalid_user_id", {"line": 2}),
        (BARE + f"{2**63},a,,false,false\n", "invalid_user_id", {"line": 2}),
        (BARE + "9" * 5000 + ",a,,false,false\n", "invalid_user_id", {"line": 2}),
        (
            BARE + "1,a,,false,false\n\n01,b,,false,false\n",
            "duplicate_user",
            {"user_id": 1, "line": 4},
        ),
        (
            BARE + "1,a,,mona@example.com,false\n",
            "invalid_flag",
            {"column": "suspended?", "line": 2},
        ),
        ((BARE + "1,ü,,false,false\n").encode("latin-1"), "not_utf8", {"line": 2}),
        ((BARE + "1,ü,,false,false\n").encode("utf-16"), "not_utf8", {"line": 1}),
        ((BARE + "1,ü,,false,false\n").encode("utf-16-le"), "not_utf8", {"line": 1}),
        (BARE + "1,a,,false,false\n2,\0,,false,false\n", "not_utf8", {"line": 3}),
        (BARE + "1," + "a" * 2_000_000, "line_too_long", {"line": 2}),
    ],
)
def test_a_fault_of_the_file_is_named_with_its_place(
    caught: Caught, text: str | bytes, code: str, params: dict[str, object]
) -> None:
    for size in (5, 65536) if len(text) < 10_000 else (65536,):
        fault = caught(lambda size=size: parse(text, size=size))  # type: ignore[misc]
        assert (fault.code, fault.params) == (code, params)
        assert fault.retry == (code == "cut_short")


def test_the_largest_user_id_fits() -> None:
    assert parse(BARE + f"{2**63 - 1},a,,false,false\n")[0].user_id == 2**63 - 1


FIELDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8)


@given(
    st.lists(st.tuples(FIELDS, FIELDS, st.booleans(), st.booleans()), max_size=6),
    st.integers(1, 40),
)
def test_whatever_a_csv_writer_writes_is_read_back(
    rows: list[tuple[str, str, bool, bool]], size: int
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["id", "login", "email", "suspended?", "dormant?"])
    for number, (login, email, suspended, dormant) in enumerate(rows):
        writer.writerow([number, login, email, str(suspended).lower(), str(dormant).lower()])
    assert parse(out.getvalue(), keep_logins=True, size=size) == [
        ServerAccount(
            number,
            email.strip(),
            suspended=suspended,
            dormant=dormant,
            excluded="scim_admin" if login == "scim-admin" else "",
            login=login,
        )
        for number, (login, email, suspended, dormant) in enumerate(rows)
    ]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_end_in_accounts_or_a_fault(body: bytes, size: int) -> None:
    with suppress(Fault):
        parse(BARE.encode() + body, size=size)


def test_memory_does_not_grow_with_the_file() -> None:
    def chunks() -> Iterator[bytes]:
        yield (HEADER + "\n").encode()
        for start in range(0, 30_000, 100):
            rows = (MONA.replace(",7,", f",{start + n},", 1) for n in range(100))
            yield ("\n".join(rows) + "\n").encode()

    tracemalloc.start()
    count = sum(1 for _ in parse_report(text_lines(chunks()), keep_logins=False))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 30_000
    assert peak < 4_000_000  # the file has 4.5 MB; what grows is one number an account


# --- Over HTTP ------------------------------------------------------------------------------------


def test_the_report_is_asked_for_with_basic_authentication(make_peer: MakePeer) -> None:
    peer = make_peer(csv_reply(f"{HEADER}\n{MONA}\n"))
    assert len(list(read_report(client_of(peer), keep_logins=False))) == 1
    assert peer.requests[0].startswith(f"GET {PATH} ")
    assert "Authorization: Basic bGljc3luYzpnaHBfMDEyMzQ1Njc4OXNlY3JldA==" in peer.requests[0]


def test_a_report_in_the_making_is_asked_for_again(make_peer: MakePeer) -> None:
    naps, polls = Naps(), []
    making = reply(202, b"", kind="text/html")
    peer = make_peer(making, making, reply(202, Retry_After="9"), csv_reply(f"{HEADER}\n{MONA}\n"))
    accounts = read_report(client_of(peer, naps), keep_logins=False, on_wait=polls.append)
    assert len(list(accounts)) == 1
    assert polls == [1, 2, 3]
    assert naps.slept == 1 + 1.5 + 9


def test_a_report_that_is_never_ready_ends_in_a_fault(make_peer: MakePeer, caught: Caught) -> None:
    naps = Naps()
    client = client_of(make_peer(reply(202)), naps)
    fault = caught(lambda: list(read_report(client, keep_logins=False, patience=100)))
    assert (fault.code, fault.retry) == ("report_not_ready", True)
    assert 40 < naps.slept <= 100


def test_without_back_off_the_polls_are_still_counted(
    make_peer: MakePeer, caught: Caught, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ghes_report, "MAX_POLLS", 5)
    peer = make_peer(reply(202))
    client = client_of(peer, retry_base=0)
    assert caught(lambda: list(read_report(client, keep_logins=False))).code == "report_not_ready"
    assert len(peer.requests) == 5


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (reply(200, b"<html>Sign in", kind="text/html; charset=utf-8"), "sign_in_page"),
        (reply(302, Location="/login?return_to=%2Fstafftools"), "sign_in_page"),
        (reply(302, Location="https://idp.example.com/saml"), "sign_in_page"),
        (reply(302, Location="https://elsewhere.example.com/stafftools"), "redirected"),
        (reply(401, b"<html>", kind="text/html"), "bad_credentials"),
        (reply(403, b"<html>", kind="text/html"), "report_refused"),
        (reply(404, b"<html>", kind="text/html"), "report_refused"),
        (reply(200, b"{}"), "unexpected_content_type"),
        (csv_reply("a,b\n1,2\n"), "not_a_report"),
        (csv_reply(f"{HEADER}\n{MONA}\n", length=9999), "cut_short"),
        (csv_reply(f"{HEADER}\n{MONA}", length=None), "cut_short"),
        (csv_reply(f"{HEADER}\n{MONA}\n{MONA[:-30]}"), "cut_short"),
    ],
)
def test_what_is_no_report_is_named(
    make_peer: MakePeer, caught: Caught, answer: bytes, code: str
) -> None:
    client = client_of(make_peer(answer))
    assert caught(lambda: list(read_report(client, keep_logins=False))).code == code


def test_a_report_without_a_stated_length_is_read_to_its_end(make_peer: MakePeer) -> None:
    peer = make_peer(csv_reply(f"{HEADER}\n{MONA}\n", length=None))
    assert len(list(read_report(client_of(peer), keep_logins=False))) == 1
