"""Scripted faults: what a site does wrong, to which requests, and how often."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

#: Faults of the transport: any answer can suffer them (``transport.py``, ``site.py``).
TRANSPORT = {
    "refused": "nothing listens on the port",
    "reset": "the connection is reset before an answer",
    "hang_header": "no answer for `seconds`",
    "hang_body": "half of the body, then nothing for `seconds`",
    "cut_body": "only `share` of the body; Content-Length `length`: right (of the whole), wrong "
    "(of the part), none",
    "gzip_bomb": "the true body and then `megabytes` more, in a few kilobytes of gzip",
    "long_line": "the true body with one line or string of `megabytes`",
    "endless_body": "the true body, and its last line for ever",
    "html": "a sign-in page with status 200",
    "charset": "the body in `encoding`, still called UTF-8",
    "bom": "a byte order mark before the body",
    "status": "an error with `status`, `message`, `headers`",
    "rate_limited": "`status` 403 or 429 with rate headers (`rate_headers`), the reset in "
    "`seconds`, and `retry_after`: seconds, date or nothing",
    "redirect_loop": "a redirect to itself",
    "redirect": "a redirect to `location`",
    "sign_in": "a redirect to the site's sign-in page",
    "not_ready": "202 without a body",
    "large_pages": "502 for pages of more than `limit` entries",
}

#: Faults of the content: the answer is well formed, and says something wrong.
CONTENT = {
    "endless_pages": "there is always a next page, with new rows (GraphQL: the old ones again)",
    "repeat_page": "every page is the first page",
    "shrinking_total": "each page states a smaller total than the one before",
    "short_page": "a page before the last lacks a row",
    "halved": "every other row is missing",
    "empty": "no rows",
    "duplicate_ids": "the first account comes a second time, last",
    "negative_ids": "user IDs are negative",
    "huge_ids": "user IDs have 31 digits",
    "all_suspended": "every account is suspended",
}


@dataclass(slots=True)
class Fault:
    """One fault and the requests that it meets.

    ``path`` is a shell pattern, ``query`` the parameters that must be there, ``contains`` a text in
    the request's body (for GraphQL). It spares the first ``after_requests`` of those requests and
    then meets ``times`` of them (None: all). The fields after ``times`` belong to single kinds.
    """

    kind: str
    path: str = "*"
    query: Mapping[str, str] = field(default_factory=dict)
    contains: str = ""
    after_requests: int = 0
    times: int | None = None
    status: int = 500
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    rate_headers: bool = True
    retry_after: str = ""
    seconds: float = 3600.0
    length: str = "right"
    share: float = 0.5
    megabytes: int = 100
    encoding: str = "utf-16"
    location: str = "http://elsewhere.example.com/"
    limit: int = 50
    met: int = 0

    def __post_init__(self) -> None:
        if self.kind not in TRANSPORT and self.kind not in CONTENT:
            raise ValueError(f"no such fault: {self.kind}")

    def concerns(self, path: str, query: Mapping[str, str], body: str) -> bool:
        """Whether a request is one that the fault may meet."""
        return (
            fnmatchcase(path, self.path)
            and all(query.get(name) == value for name, value in self.query.items())
            and self.contains in body
        )


class Faults:
    """The faults of one site, in the order added; the first that applies is the one that happens.

    Safe to use from any thread. ``changed`` is called after each change, outside the lock.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._changed = changed

    def add(self, kind: str, **options: object) -> Fault:
        """Script a fault; ``options`` are fields of ``Fault``. ValueError for an unknown kind."""
        fault = Fault(kind, **options)  # type: ignore[arg-type]
        with self._lock:
            self._faults.append(fault)
        self._changed()
        return fault

    def clear(self) -> None:
        """Forget all faults: the site is well again."""
        with self._lock:
            self._faults.clear()
        self._changed()

    def take(self, path: str, query: Mapping[str, str], body: str = "") -> Fault | None:
        """The fault that this request meets, if any; it is thereby used up once."""
        taken: Fault | None = None
        with self._lock:
            for fault in self._faults:
                if not fault.concerns(path, query, body):
                    continue
                if fault.kind == "refused" or fault.after_requests > 0:
                    # A refused connection brings no request: this one only brings it nearer.
                    fault.after_requests = max(0, fault.after_requests - 1)
                elif fault.times is None or fault.times > 0:
                    fault.times = None if fault.times is None else fault.times - 1
                    fault.met += 1
                    taken = fault
                    break
        self._changed()
        return taken

    @property
    def refused(self) -> bool:
        """Whether nothing may listen now."""
        with self._lock:
            return any(f.kind == "refused" and f.after_requests == 0 for f in self._faults)
