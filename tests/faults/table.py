"""The fault matrix: what each fault of a source makes of a run that reads it.

Columns are sources: the site-admin report; consumed licenses, license sync status and GraphQL's
identities of a cloud run; the cloud's copy of an instance. A cell is

- ``ok``: the run succeeds with everything new;
- ``given``: the run succeeds with what the server says, which is nothing that it may not say;
- ``held:CODE``: the result waits for an owner, nothing is applied;
- ``gap:CODE``: the cloud run succeeds, keeps the identities it had, and says why;
- ``CODE``: the run fails with this error at once, ``CODE*`` after its last try; nothing is applied;
- ``-``: the source has nothing that this fault could happen to.
"""

from __future__ import annotations

from typing import Any

COLUMNS = ("report", "licenses", "status", "graphql", "copy")

MATRIX = """
fault               report                  licenses                status                  graphql                 copy
refused             connection_failed*      connection_failed*      connection_failed*      connection_failed*      connection_failed*
reset               connection_failed*      connection_failed*      connection_failed*      connection_failed*      connection_failed*
hang_at_header      timed_out*              timed_out*              timed_out*              timed_out*              timed_out*
hang_at_body        timed_out*              timed_out*              timed_out*              timed_out*              timed_out*
cut_length_right    cut_short*              cut_short*              cut_short*              cut_short*              cut_short*
cut_length_wrong    cut_short*              not_json                not_json                gap:not_json            not_json
cut_no_length       cut_short*              not_json                not_json                gap:not_json            not_json
gzip_bomb           line_too_long           too_large               too_large               gap:too_large           too_large
100_mb_line         line_too_long           too_large               too_large               gap:too_large           too_large
endless_body        duplicate_user          too_large               too_large               gap:too_large           too_large
html                sign_in_page            sign_in_page            sign_in_page            gap:sign_in_page        sign_in_page
utf_16              not_utf8                not_json                not_json                gap:not_json            not_json
latin_1             not_utf8                not_json                ok                      gap:not_json            not_json
bom                 ok                      not_json                not_json                gap:not_json            not_json
401                 bad_credentials         bad_credentials         bad_credentials         gap:bad_credentials     bad_credentials
403_plain           report_refused          forbidden               forbidden               gap:forbidden           forbidden
403_rate            rate_limited*           rate_limited*           rate_limited*           rate_limited*           rate_limited*
404                 report_refused          not_found               not_found               gap:not_found           not_found
429_seconds         rate_limited*           rate_limited*           rate_limited*           rate_limited*           rate_limited*
429_date            rate_limited*           rate_limited*           rate_limited*           rate_limited*           rate_limited*
429_without         rate_limited*           rate_limited*           rate_limited*           rate_limited*           rate_limited*
500                 server_error*           server_error*           server_error*           server_error*           server_error*
502_large_pages     -                       ok                      -                       ok                      ok
redirect_loop       redirected              redirected              redirected              gap:redirected          redirected
redirect_away       redirected              redirected              redirected              gap:redirected          redirected
sign_in             sign_in_page            sign_in_page            sign_in_page            gap:sign_in_page        sign_in_page
202_for_ever        report_not_ready*       unexpected_status       unexpected_status       gap:unexpected_status   unexpected_status
endless_pages       -                       inconsistent_walk       -                       inconsistent_walk*      duplicate_user
repeated_page       -                       inconsistent_walk       -                       inconsistent_walk*      duplicate_user
shrinking_total     -                       inconsistent_walk       -                       -                       inconsistent_walk*
short_page          -                       inconsistent_walk       -                       -                       inconsistent_walk*
empty               empty_source            empty_source            -                       -                       empty_source
halved              held:held_loss          held:held_loss          -                       -                       held:held_loss
duplicate_ids       duplicate_user          given                   -                       -                       duplicate_user
negative_ids        invalid_user_id         held:held_loss          -                       -                       invalid_user_id
huge_ids            invalid_user_id         held:held_loss          -                       -                       -
all_suspended       held:held_loss          -                       -                       -                       -
"""  # noqa: E501 - a table

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
}
BEFORE: dict[str, dict[str, Any]] = {
    "report": {"path": "/api/v3/enterprise/stats/users", "after_requests": 1},
    "licenses": {"path": "*/consumed-licenses", "after_requests": 1},
    "status": {"path": "*/consumed-licenses", "after_requests": 3},
    "graphql": {"path": "*/license-sync-status", "after_requests": 1},
    "copy": {"path": "/graphql", "contains": "enterpriseServerInstallations", "after_requests": 1},
}


def options(column: str, fault: str) -> dict[str, Any]:
    """The sandbox's script of a fault in a column."""
    where = BEFORE if fault == "refused" else WHERE
    return FAULTS[fault] | where[column]


def column_of(column: str) -> dict[str, str]:
    """What is expected of each fault in a column, where there is something to expect."""
    rows = [line.split() for line in MATRIX.strip().splitlines()[1:]]
    cells = {row[0]: row[COLUMNS.index(column) + 1] for row in rows}
    return {fault: cell for fault, cell in cells.items() if cell != "-"}
