"""One walk over the pages of ``consumed-licenses``, and whether they held still meanwhile."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import orjson

from enterprise.faults import Fault
from enterprise.records import CloudRow, CloudTotals
from enterprise.sources.ghec_rows import rows_of, totals_of
from enterprise.sources.http import Answer, Client

# No list is that much longer than what GitHub counts: this one never ends.
MOST_ROWS = 10_000
MOST_TIMES = 4
_LINK = re.compile(r'<([^<>]*)>\s*;[^,<]*?\brel="?([a-z]+)"?')
_PAGE = re.compile(r"(?<=[?&])page=(\d{1,9})(?=&|$)")


class WalkChangedError(Exception):
    """The pages do not fit together: what they show changed while they were read."""


class Page(NamedTuple):
    """One page, in order from 1. ``last_page`` is None where the server does not tell it.

    ``cursor`` is what a later walk takes to go on after this page.
    """

    number: int
    rows: list[CloudRow]
    totals: CloudTotals
    last_page: int | None
    cursor: str


@dataclass(slots=True)
class Walk:
    """Where a walk stands, and what every further page must agree with (domain.md section 6).

    ``last_url`` is the server's own rel="last" URL, ``size`` the number of rows of every page
    before the last. ``again`` marks the second try.
    """

    answer: Answer | None
    again: bool
    number: int = 0
    consumed: int = 0
    last_page: int | None = None
    size: int = 0
    last_url: str = ""
    next_url: str = ""
    seen: set[str] = field(default_factory=set)

    @classmethod
    def begin(cls, answer: Answer, *, again: bool) -> Walk:
        """Start from the answer that is page 1."""
        links = links_of(answer)
        consumed = totals_of(answer.data).consumed
        last_url = links.get("last", "")
        size = _per_page(last_url or links.get("next", "")) or len(rows_of(answer.data))
        return cls(answer, again, 0, consumed, page_of(last_url), size, last_url)

    @classmethod
    def after(cls, cursor: str) -> Walk:
        """Go on after the page that gave this cursor."""
        state = orjson.loads(cursor)
        state["seen"] = set(state["seen"])
        return cls(None, **state)

    def cursor(self, digest: str) -> str:
        # Of the pages seen only the newest goes along: a thousand of them would fill the row.
        names = ("again", "number", "consumed", "last_page", "size", "last_url", "next_url")
        state: dict[str, Any] = {name: getattr(self, name) for name in names}
        return orjson.dumps(state | {"seen": [digest]}).decode()

    def pages(self, client: Client, concurrency: int, needs: str) -> Iterator[Page]:
        """Yield the pages from here on; raises WalkChangedError where one does not fit."""
        if self.answer is not None:
            yield self._take(self.answer)
            self.answer = None
        if self._can_jump(client):
            numbers = range(self.number + 1, (self.last_page or 0) + 1)
            urls = (_PAGE.sub(f"page={number}", self.last_url) for number in numbers)
            for answer in _fetch_ahead(client, urls, concurrency, needs):
                yield self._take(answer)
        while self.next_url:
            yield self._take(client.get_json(self.next_url, needs=needs))

    def _can_jump(self, client: Client) -> bool:
        """Whether any page can be asked for by changing ``page`` alone in the server's own URL."""
        return (
            bool(self.next_url)
            and self.last_page is not None
            and len(_PAGE.findall(self.last_url)) == 1
            and client.same_origin(self.last_url)
        )

    def _take(self, answer: Answer) -> Page:
        rows, totals, links = rows_of(answer.data), totals_of(answer.data), links_of(answer)
        number = self.number + 1
        last_page = page_of(links.get("last", ""))
        is_last = "next" not in links
        digest = hashlib.blake2b(orjson.dumps(answer.data["users"]), digest_size=12).hexdigest()
        if (
            totals.consumed != self.consumed
            or (last_page is not None and last_page != self.last_page and not is_last)
            or (self.last_page is not None and is_last != (number >= self.last_page))
            or (len(rows) > self.size if is_last else len(rows) != self.size)
            or digest in self.seen
            or self.number * self.size > max(MOST_ROWS, MOST_TIMES * self.consumed)
        ):
            raise WalkChangedError
        self.number = number
        self.next_url = links.get("next", "")
        self.seen.add(digest)
        return Page(number, rows, totals, self.last_page, self.cursor(digest))


def _fetch_ahead(
    client: Client, urls: Iterable[str], concurrency: int, needs: str
) -> Iterator[Answer]:
    """Yield the answers in the order of the URLs, ``concurrency`` of them fetched at the same time.

    As many again may wait to be taken, so that a slow one does not idle the others. Only the
    caller's own thread waits and tries again. Once the server objects to the pace, the rest goes
    one after another.
    """
    waiting = iter(urls)
    ahead: deque[tuple[str, Future[Answer]]] = deque()
    most = 2 * concurrency
    pool = ThreadPoolExecutor(concurrency)

    def go_on() -> None:
        while len(ahead) < most and (url := next(waiting, "")):
            ahead.append((url, pool.submit(client.get_json_once, url, needs=needs)))

    try:
        go_on()
        while ahead:
            url, future = ahead.popleft()
            fault: Fault | None = None
            answer: Answer | None = None
            try:
                answer = _result(client, future)
            except Fault as caught:
                fault = caught
            except CancelledError:
                pass  # below: put off when the server objected
            if fault is not None:
                if not fault.retry:
                    raise fault
                if fault.code == "rate_limited":
                    most = 1
                    for _url, later in ahead:
                        later.cancel()  # those that have not begun
                client.wait_out(fault)
            if answer is None:
                answer = client.get_json(url, needs=needs)
            go_on()  # before the caller works on this one, so that the server is never idle
            yield answer
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _result(client: Client, future: Future[Answer]) -> Answer:
    while True:
        client.checkpoint()
        try:
            return future.result(timeout=1.0)
        except TimeoutError:
            continue


def links_of(answer: Answer) -> dict[str, str]:
    """Give the URLs of a ``Link`` header by their relation."""
    return {rel: url for url, rel in _LINK.findall(answer.headers.get("link", ""))}


def page_of(url: str) -> int | None:
    """Give the page number that a URL asks for, None if it asks for none."""
    found = _PAGE.search(url)
    return int(found[1]) if found else None


def _per_page(url: str) -> int | None:
    """Give the page size that a URL of the server states."""
    asked = parse_qs(urlsplit(url).query).get("per_page", [""])[0]
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 4 else None
