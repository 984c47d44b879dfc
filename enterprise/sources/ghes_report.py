"""The site-admin report ``all_users.csv`` of a GHES instance (domain.md section 6).

The parser knows no transport, as an uploaded report goes through it too. Whatever section 4 does
not keep is dropped here, while reading.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain

from enterprise.faults import Fault
from enterprise.outbound_faults import wait_asked
from enterprise.records import ServerAccount
from enterprise.sources.bodies import Reply
from enterprise.sources.http import LONGEST_PAUSE, Client
from enterprise.sources.troubles import media_type

PATH = "/stafftools/reports/all_users.csv"
NEEDED = ("id", "login", "email", "suspended?", "dormant?")

MAX_BYTES = 4 * 2**30
MAX_SECONDS = 3600.0
MAX_LINE = 2**20
MAX_USER_ID = 2**63 - 1
MAX_POLLS = 100

_CSV_TYPES = ("text/csv", "application/csv", "text/plain", "application/octet-stream")
_FLAGS = {"true": True, "t": True, "1": True, "yes": True}
_FLAGS |= {"false": False, "f": False, "0": False, "no": False, "": False}


def read_report(
    client: Client,
    *,
    keep_logins: bool,
    on_wait: Callable[[int], None] = lambda polls: None,
    patience: float = 1800.0,
) -> Iterator[ServerAccount]:
    """Fetch the report and yield its accounts in the order of the file.

    While the instance is still making the report (202), ``on_wait`` is called with the number of
    polls so far; after ``patience`` seconds that ends in Fault ``report_not_ready``. Raises the
    Faults of ``Client`` and ``parse_report``, and ``sign_in_page`` where a page comes instead.
    """
    deadline = client.clock() + patience
    for polls in range(MAX_POLLS):
        with ExitStack() as stack:
            reply = client.patiently(partial(open_report, client, stack))
            if reply.status == 200:
                chunks = reply.chunks(limit=MAX_BYTES, seconds=MAX_SECONDS)
                lines = text_lines(chunks, framed=reply.framed)
                yield from parse_report(lines, keep_logins=keep_logins)
                return
            wait = wait_asked(reply.headers, time.time())
        on_wait(polls + 1)
        if wait is None:
            wait = max(client.retry_base * 1.5**polls, 0.05)
        wait = min(wait, LONGEST_PAUSE)
        if client.clock() + wait > deadline:
            break
        client.pause(wait)
    raise Fault("report_not_ready", retry=True)


def open_report(client: Client, stack: ExitStack) -> Reply:
    """Ask for the report once; the reply is ready (200, CSV) or says to come again (202)."""
    reply = None
    try:
        reply = stack.enter_context(
            client.stream("GET", PATH, accept="text/csv", basic=True, wanted=(200, 202))
        )
    except Fault as fault:
        if fault.code not in ("forbidden", "not_found"):
            raise
    if reply is None:  # GHES hides the report from whoever is not a site administrator
        raise Fault("report_refused")
    if reply.status == 200:
        kind = media_type(reply.headers)
        if kind == "text/html":
            raise Fault("sign_in_page")
        if kind not in _CSV_TYPES:
            raise Fault("unexpected_content_type", content_type=kind)
    return reply


def text_lines(chunks: Iterable[bytes], *, framed: bool = True) -> Iterator[str]:
    """Cut a body of UTF-8 into its lines, line ends kept; a byte order mark is dropped.

    Only ``\\n`` ends a line, as other line separators of Unicode may stand in a field. Unless
    ``framed`` (the server said where the body ends), a last line without its end is a cut body.
    Raises Fault ``not_utf8`` (line), ``line_too_long`` (line) or ``cut_short``.
    """
    # Chained, so that no frame of Python stands between a line and the parser.
    return chain.from_iterable(_lines_by_chunk(chunks, framed))


def _lines_by_chunk(chunks: Iterable[bytes], framed: bool) -> Iterator[Iterable[str]]:
    rest = b""
    line = 1
    start = True
    for chunk in chunks:
        rest += chunk
        if start and len(rest) >= 3:
            rest = rest.removeprefix(b"\xef\xbb\xbf")
            start = False
        end = rest.rfind(b"\n") + 1
        if end:
            text = _text(rest[:end], line)
            line += text.count("\n")
            rest = rest[end:]
            yield io.StringIO(text, newline="\n")
        if len(rest) > MAX_LINE:
            raise Fault("line_too_long", line=line)
    if rest:
        if not framed:
            raise Fault("cut_short", retry=True, line=line)
        yield (_text(rest, line),)


def _text(data: bytes, line: int) -> str:
    text = ""
    bad = data.find(b"\0")  # UTF-16, or what a database would not take
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        bad = error.start if bad < 0 else min(bad, error.start)
    if bad >= 0:
        raise Fault("not_utf8", line=line + data[:bad].count(b"\n"))
    return text


def parse_report(lines: Iterable[str], *, keep_logins: bool) -> Iterator[ServerAccount]:
    """Yield the accounts of an ``all_users.csv``, columns found by the names in its header.

    Memory grows only by one number an account, to notice a user ID that comes twice. Raises Fault
    ``not_a_report`` (columns that are missing), ``malformed_line``, ``invalid_user_id``,
    ``invalid_flag`` (each with its line), ``duplicate_user`` (user_id, line) or ``cut_short``.
    """
    reader = csv.reader(lines, strict=True)
    header = _header(reader)
    width = len(header)
    at_id, at_login, at_email, at_suspended, at_dormant = (header.index(name) for name in NEEDED)
    at_active = header.index("last_active") if "last_active" in header else -1
    at_address = header.index("last_logged_ip") if "last_logged_ip" in header else -1
    tells_sign_in = at_active >= 0 and at_address >= 0
    keep_activity = keep_logins and at_active >= 0
    # The loop is what a sync of an unchanged instance spends most of its time in.
    flag_of, new = _FLAGS.get, tuple.__new__
    seen: set[int] = set()
    add = seen.add
    line, problem = reader.line_num, ""
    try:
        for row in reader:
            line = reader.line_num
            if len(row) != width:
                if not row:
                    continue  # an empty line
                if len(row) < width and next(reader, None) is None:
                    raise Fault("cut_short", retry=True, line=line)
                raise Fault("malformed_line", line=line)
            digits = row[at_id]
            if not digits.isdigit() or not digits.isascii() or len(digits) > 19:
                raise Fault("invalid_user_id", line=line)
            user_id = int(digits)
            if user_id in seen:
                raise Fault("duplicate_user", user_id=user_id, line=line)
            if user_id > MAX_USER_ID:
                raise Fault("invalid_user_id", line=line)
            add(user_id)
            suspended, dormant = flag_of(row[at_suspended]), flag_of(row[at_dormant])
            if suspended is None or dormant is None:
                suspended = _flag(row[at_suspended], "suspended?", line)
                dormant = _flag(row[at_dormant], "dormant?", line)
            login = row[at_login]
            values = (
                user_id,
                row[at_email].strip(),
                (),
                suspended,
                dormant,
                not (row[at_active] or row[at_address]) if tells_sign_in else None,
                "scim_admin" if login == "scim-admin" else "",
                login if keep_logins else "",
                row[at_active] if keep_activity else "",
            )
            yield new(ServerAccount, values)
    except csv.Error as error:
        problem = str(error)
    if "unexpected end" in problem:  # a quote that never ends: a cut file
        raise Fault("cut_short", retry=True, line=line + 1)
    if problem:
        raise Fault("malformed_line", line=line + 1)


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip().lower() for name in next(reader, [])]
    except csv.Error:
        header = []
    missing = [name for name in NEEDED if header.count(name) != 1]
    if missing:
        raise Fault("not_a_report", columns=", ".join(missing))
    return header


def _flag(text: str, column: str, line: int) -> bool:
    flag = _FLAGS.get(text.strip().lower())
    if flag is None:
        raise Fault("invalid_flag", column=column, line=line)
    return flag
