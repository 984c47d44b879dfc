"""The fault matrix: what each fault of a source makes of a run that reads it.

Columns are sources: the site-admin report; consumed licenses, license sync status and GraphQL's
identities of a cloud run; the cloud's copy of an instance; what an instance tells of itself and SCIM,
with which its report is compared. A cell is

- ``ok``: the run succeeds with everything new;
- ``given``: the run succeeds with what the server says, which is nothing that it may not say;
- ``held:CODE``: the result waits for an owner, nothing is applied;
- ``gap:CODE``: the run succeeds without that part, keeps what it had of it, and warns with the reason;
- ``log:CODE``: the run succeeds without the comparison, and its log says why;
- ``CODE``: the run fails with this error at once, ``CODE*`` after its last try; nothing is applied;
- ``-``: the source has nothing that this fault could happen to.
"""

from __future__ import annotations

from typing import Any

COLUMNS = ("report", "licenses", "status", "graphql", "copy")
BESIDE = ("facts", "scim")
"""What an instance's run reads to compare its report with: what it tells of itself, and SCIM."""

MATRIX = """
fault               report                  licenses                status                  graphql                 copy                    facts                   scim
refused             connection_failed*      connection_failed*      connection_failed*      connection_failed*      connection_failed*      connection_failed*      log:connection_failed
reset               connection_failed*      connection_failed*      connection_failed*      connection_failed*      connection_failed*      gap:connection_failed   log:connection_failed
hang_at_header      timed_out*              timed_out*              timed_out*              timed_out*              timed_out*              gap:timed_out           log:timed_out
hang_at_body        timed_out*              timed_out*              timed_out*              timed_out*              timed_out*              gap:timed_out           log:timed_out
cut_length_right    cut_short*              cut_short*              cut_short*              cut_short*              cut_short*              gap:cut_short           log:cut_short
cut_length_wrong    cut_short*              not_json                not_json                gap:not_json            not_json                gap:not_json            log:not_json
cut_no_length       cut_short*              not_json                not_json                gap:not_json            not_json                gap:not_json            log:not_json
gzip_bomb           line_too_long           too_large               too_large               gap:too_large           too_large               gap:too_large           log:too_large
100_mb_line         line_too_long           too_large               too_large               gap:too_large           too_large               gap:too_large           log:too_large
endless_body        duplicate_user          too_large               too_large               gap:too_large           too_large               gap:too_large           log:too_large
html                sign_in_page            sign_in_page            sign_in_page            gap:sign_in_page        sign_in_page            gap:sign_in_page        log:sign_in_page
utf_16              not_utf8                not_json                not_json                gap:not_json            not_json                gap:not_json            log:not_json
latin_1             not_utf8                not_json                ok                      gap:not_json            not_json                ok                      log:not_json
bom                 ok                      not_json                not_json                gap:not_json            not_json                gap:not_json            log:not_json
401                 bad_credentials         bad_credentials         bad_credentials         gap:bad_credentials     bad_credentials         gap:bad_credentials     log:bad_credentials
403_plain           report_refused          forbidden               forbidden               gap:forbidden           forbidden               gap:forbidden           log:scim_unavailable
403_rate            rate_limited*           rate_limited*           rate_limited*           rate_limited*           rate_limited*           gap:rate_limited        log:rate_limited
404                 report_refused          not_found               not_found               gap:not_found           not_found               gap:not_found           log:scim_unavailable
429_seconds         rate_limited*           rate_limited*           rate_limited*           rate_limited*           rate_limited*           gap:rate_limited        log:rate_limited
429_date            rate_limited*           rate_limited*           rate_limited*           rate_limited*           rate_limited*           gap:rate_limited        log:rate_limited
429_without         rate_limited*           rate_limited*           rate_limited*           rate_limited*           rate_limited*           gap:rate_limited        log:rate_limited
500                 server_error*           server_error*           server_error*           server_error*           server_error*           gap:server_error        log:server_error
502_large_pages     -                       ok                      -                       ok                      ok                      -                       -
redirect_loop       redirected              redirected              redirected              gap:redirected          redirected              gap:redirected          log:redirected
redirect_away       redirected              redirected              redirected              gap:redirected          redirected              gap:redirected          log:redirected
sign_in             sign_in_page            sign_in_page            sign_in_page            gap:sign_in_page        sign_in_page            gap:sign_in_page        log:sign_in_page
202_for_ever        report_not_ready*       unexpected_status       unexpected_status       gap:unexpected_status   unexpected_status       gap:unexpected_status   log:unexpected_status
endless_pages       -                       inconsistent_walk       -                       inconsistent_walk*      duplicate_user          -                       -
repeated_page       -                       inconsistent_walk       -                       inconsistent_walk*      duplicate_user          -                       -
shrinking_total     -                       inconsistent_walk       -                       -                       inconsistent_walk*      -                       -
short_page          -                       inconsistent_walk       -                       -                       inconsistent_walk*      -                       -
empty               empty_source            empty_source            -                       -                       empty_source            -                       -
halved              held:held_loss          held:held_loss          -                       -                       held:held_loss          -                       -
duplicate_ids       duplicate_user          given                   -                       -                       duplicate_user          -                       -
negative_ids        invalid_user_id         held:held_loss          -                       -                       invalid_user_id         -                       -
huge_ids            invalid_user_id         held:held_loss          -                       -                       -                       -                       -
all_suspended       held:held_loss          -                       -                       -                       -                       -                       -
"""  # noqa: E501 - a table

SAID = """
bad_credentials     The server refused the token. Make a new one, as the how-to page shows, and save it here.
connection_failed   127.0.0.1 did not answer, or broke the connection. Check that it is up and that this console may reach it.
cut_short           The answer was cut off before its end. Nothing of it was applied.
duplicate_user      The user ID … appears twice (line …). Nothing was applied.
empty_source        The answer has no accounts, where … are applied. Nothing was applied.
forbidden           The server forbids this to the token. Check that its user is a site administrator or, in the cloud, an enterprise owner or billing manager.
held_loss           Held: of … applied accounts, … would go, … would no longer consume, … would have another e-mail address. Apply or discard the result.
inconsistent_walk   GitHub's list changed while it was read, twice. Nothing of it was applied; sync again later.
invalid_user_id     Line … of the report has no usable user ID. Nothing of it was applied.
line_too_long       Line … of the report is too long to be one. Nothing of it was applied.
not_found           The server knows no such page. Check the address and the enterprise's slug, and that the token's user may see it; GitHub answers the same for both.
not_json            The answer is not readable data. Check for a proxy that changes it.
not_utf8            The report is not UTF-8 text (line …). Nothing of it was applied.
rate_limited        The server asks to wait: its rate limit is used up. If it goes on, use a token that nothing else uses.
redirected          The server sends on to another address (…). Enter the server's own address.
report_not_ready    The instance was still making its report. A large instance may need longer: sync again later.
report_refused      The instance does not show the site-admin report to this token. Use a classic token with the scope site_admin, made by a site administrator.
scim_unavailable    No comparison with SCIM: the instance provisions no users for the enterprise acme, or the token may not ask.
server_error        The server failed with status 500. If it goes on, look at the server's own status page.
sign_in_page        Instead of an answer, the server shows a sign-in page: the token was not accepted. For an instance, use a classic token with the scope site_admin, made by a site administrator.
timed_out           The server did not answer in time. Check its load and the network between.
too_large           The answer is larger than the limit of 67108864 bytes, and was not read to its end.
unexpected_status   The server answered with the unexpected status 202. Check that the address is a GitHub server.
"""  # noqa: E501 - as an owner reads it
"""What an owner reads for each code; … is any text."""

SAID_WITHOUT = """
graphql             SAML identities could not be read: … The count may be too high.
facts               What the instance tells of itself could not be read (license, user totals), so the accounts read are not compared with it: …
scim                No comparison with SCIM, whose users could not be read: …
"""  # noqa: E501 - as an owner reads it
"""What an owner reads for a part that was left out, by its column, … being the code's sentence."""


def _by_first_word(text: str) -> dict[str, str]:
    parts = (line.partition(" ") for line in text.strip().splitlines())
    return {first: rest.strip() for first, _, rest in parts}


SENTENCES = _by_first_word(SAID)
WITHOUT = _by_first_word(SAID_WITHOUT)

FAULTS: dict[str, dict[str, Any]] = {
    "refused": {"kind": "refused"},
    "reset": {"kind": "reset"},
    "hang_at_header": {"kind": "hang_header"},
    "hang_at_body": {"kind": "hang_body"},
    "cut_length_right": {"kind": "cut_body", "length": "right"},
    "cut_length_wrong": {"kind": "cut_body", "length": "wrong", "share": 0.4},
    "cut_no_length": {"kind": "cut_body", "length": "none"},
    "gzip_bomb": {"kind": "gzip_bomb"},
    "100_mb_line": {"kind": "long_line", "megabytes": 100},
    "endless_body": {"kind": "endless_body"},
    "html": {"kind": "html"},
    "utf_16": {"kind": "charset", "encoding": "utf-16"},
    "latin_1": {"kind": "charset", "encoding": "latin-1"},
    "bom": {"kind": "bom"},
    "401": {"kind": "status", "status": 401},
    "403_plain": {"kind": "status", "status": 403},
    "403_rate": {"kind": "rate_limited", "status": 403},
    "404": {"kind": "status", "status": 404},
    "429_seconds": {"kind": "rate_limited", "status": 429, "retry_after": "seconds"},
    "429_date": {"kind": "rate_limited", "status": 429, "retry_after": "date"},
    "429_without": {"kind": "rate_limited", "status": 429, "rate_headers": False},
    "500": {"kind": "status", "status": 500},
    "502_large_pages": {"kind": "large_pages"},
    "redirect_loop": {"kind": "redirect_loop"},
    "redirect_away": {"kind": "redirect"},
    "sign_in": {"kind": "sign_in"},
    "202_for_ever": {"kind": "not_ready"},
    "endless_pages": {"kind": "endless_pages"},
    "repeated_page": {"kind": "repeat_page"},
    "shrinking_total": {"kind": "shrinking_total"},
    "short_page": {"kind": "short_page"},
    "empty": {"kind": "empty"},
    "halved": {"kind": "halved"},
    "duplicate_ids": {"kind": "duplicate_ids"},
    "negative_ids": {"kind": "negative_ids"},
    "huge_ids": {"kind": "huge_ids"},
    "all_suspended": {"kind": "all_suspended"},
}

# Which requests a column's faults meet; for "refused", after which of them nothing listens.
WHERE: dict[str, dict[str, Any]] = {
    "report": {"path": "/stafftools/reports/all_users.csv"},
    "licenses": {"path": "*/consumed-licenses"},
    "status": {"path": "*/license-sync-status"},
    "graphql": {"path": "/graphql", "contains": "externalIdentities"},
    "copy": {"path": "/graphql", "contains": "remoteUserId"},
    "facts": {"path": "/api/v3/enterprise/*"},
    "scim": {"path": "/api/v3/scim/*"},
}
BEFORE: dict[str, dict[str, Any]] = {
    "report": {"path": "/api/v3/enterprise/stats/users", "after_requests": 1},
    "licenses": {"path": "*/consumed-licenses", "after_requests": 1},
    "status": {"path": "*/consumed-licenses", "after_requests": 3},
    "graphql": {"path": "*/license-sync-status", "after_requests": 1},
    "copy": {"path": "/graphql", "contains": "enterpriseServerInstallations", "after_requests": 1},
    "facts": {"path": "/api/v3/meta", "after_requests": 1},
    "scim": {"path": "/stafftools/reports/all_users.csv", "after_requests": 1},
}


def options(column: str, fault: str) -> dict[str, Any]:
    """The sandbox's script of a fault in a column."""
    where = BEFORE if fault == "refused" else WHERE
    return FAULTS[fault] | where[column]


def column_of(column: str) -> dict[str, str]:
    """What is expected of each fault in a column, where there is something to expect."""
    rows = [line.split() for line in MATRIX.strip().splitlines()[1:]]
    cells = {row[0]: row[(*COLUMNS, *BESIDE).index(column) + 1] for row in rows}
    return {fault: cell for fault, cell in cells.items() if cell != "-"}


def sentence_of(column: str, cell: str) -> str:
    """What a run with this cell tells its owner; "" where all is well."""
    kind, _, code = cell.removesuffix("*").rpartition(":")
    if code in ("ok", "given"):
        return ""
    inside = kind in ("gap", "log") and code != "scim_unavailable"
    return WITHOUT[column].replace("…", SENTENCES[code]) if inside else SENTENCES[code]
