"""Requests and replies as plain values, and what faults of the transport make of a reply."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, NamedTuple

from sandbox.faults import Fault

SIGN_IN_PAGE = (
    "<!DOCTYPE html>\n<html lang=en><head><title>Sign in to your account</title></head>"
    '<body><form action="/session" method="post"><input name="login">'
    '<input name="password" type="password"><button>Sign in</button></form></body></html>\n'
)
MEGABYTE = 1_000_000


class Request(NamedTuple):
    """One request as a site sees it; header names in lower case, the body as text."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str = ""
    query_string: str = ""

    def number(self, name: str, default: int) -> int:
        """A whole number of the query, ``default`` where it is missing or none, as GitHub does."""
        text = self.query.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else default


@dataclass(slots=True)
class Reply:
    """One answer. ``stream`` gives further parts after ``body``, perhaps for ever, chunked.

    ``announced`` is a Content-Length other than the body's own, ``closes`` ends the connection
    without one, ``hangs`` is for how many seconds nothing comes after the body.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    stream: Iterator[bytes] | None = None
    announced: int | None = None
    closes: bool = False
    hangs: float = 0.0


def json_reply(
    value: Any, status: int = 200, *, content_type: str = "application/json; charset=utf-8"
) -> Reply:
    """A reply with a JSON body in UTF-8, not escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Reply(status, text.encode(), content_type)


def error(status: int, message: str, documentation_url: str) -> Reply:
    """GitHub's Basic Error; its status is text."""
    return json_reply(
        {"message": message, "documentation_url": documentation_url, "status": str(status)}, status
    )


def html(status: int = 200) -> Reply:
    """The page that asks a person to sign in."""
    return Reply(status, SIGN_IN_PAGE.encode(), "text/html; charset=utf-8")


def redirect(location: str) -> Reply:
    return Reply(302, b"", "text/html; charset=utf-8", {"Location": location})


def without_answer(fault: Fault, request: Request, site_url: str, docs: str) -> Reply | None:
    """The reply of a fault that needs no true answer, None if the fault is of another kind."""
    match fault.kind:
        case "html":
            return html()
        case "status":
            message = fault.message or HTTPStatus(fault.status).phrase
            reply = error(fault.status, message, docs)
            reply.headers.update(fault.headers)
            return reply
        case "rate_limited":
            return _rate_limited(fault, docs)
        case "redirect_loop":
            mark = f"?{request.query_string}" if request.query_string else ""
            return redirect(f"{site_url}{request.path}{mark}")
        case "redirect":
            return redirect(fault.location)
        case "sign_in":
            return redirect(f"{site_url}/login?return_to={request.path}")
        case "not_ready":
            return Reply(202, b"", "text/html; charset=utf-8")
        case _:
            return None


def _rate_limited(fault: Fault, docs: str) -> Reply:
    status = fault.status if fault.status in {403, 429} else 403
    reply = error(status, fault.message or "API rate limit exceeded for user ID 1.", docs)
    reset = time.time() + fault.seconds
    if fault.rate_headers:
        reply.headers["X-RateLimit-Limit"] = "5000"
        reply.headers["X-RateLimit-Remaining"] = "0"
        reply.headers["X-RateLimit-Reset"] = str(int(reset) + 1)
    if fault.retry_after == "seconds":
        reply.headers["Retry-After"] = str(int(fault.seconds))
    elif fault.retry_after == "date":
        reply.headers["Retry-After"] = formatdate(reset, usegmt=True)
    return reply


def damage(fault: Fault, reply: Reply) -> Reply:
    """The true reply as a fault of the transport leaves it."""
    spoil = DAMAGES.get(fault.kind)
    return spoil(fault, reply) if spoil else reply


def _hang_body(fault: Fault, reply: Reply) -> Reply:
    reply.announced = len(reply.body)
    reply.body = reply.body[: len(reply.body) // 2]
    reply.hangs = fault.seconds
    return reply


def _cut_body(fault: Fault, reply: Reply) -> Reply:
    whole = len(reply.body)
    reply.body = reply.body[: int(whole * fault.share)]
    reply.announced = whole if fault.length == "right" else None
    reply.closes = fault.length != "wrong"
    return reply


def _gzip_bomb(fault: Fault, reply: Reply) -> Reply:
    # A gzip file may have several members, so one member of ten megabytes is enough, repeated.
    filler = gzip.compress(b"0" * 10 * MEGABYTE)
    reply.body = gzip.compress(reply.body) + filler * -(-fault.megabytes // 10)
    reply.headers["Content-Encoding"] = "gzip"
    return reply


def _long_line(fault: Fault, reply: Reply) -> Reply:
    chunks = (b"x" * MEGABYTE for _ in range(fault.megabytes))
    if reply.body.startswith(b"{"):
        reply.body = reply.body.rstrip()[:-1] + b',"filler":"'

        def filled() -> Iterator[bytes]:
            yield from chunks
            yield b'"}'

        reply.stream = filled()
    else:
        reply.stream = chunks
    return reply


def _endless_body(_fault: Fault, reply: Reply) -> Reply:
    lines = reply.body.splitlines(keepends=True) or [b" "]

    def forever() -> Iterator[bytes]:
        while True:
            yield lines[-1] * 100

    reply.stream = forever()
    return reply


def _charset(fault: Fault, reply: Reply) -> Reply:
    reply.body = reply.body.decode().encode(fault.encoding, errors="replace")
    return reply


def _bom(_fault: Fault, reply: Reply) -> Reply:
    reply.body = b"\xef\xbb\xbf" + reply.body
    return reply


DAMAGES: dict[str, Callable[[Fault, Reply], Reply]] = {
    "hang_body": _hang_body,
    "cut_body": _cut_body,
    "gzip_bomb": _gzip_bomb,
    "long_line": _long_line,
    "endless_body": _endless_body,
    "charset": _charset,
    "bom": _bom,
}
