"""GitHub's way to answer: JSON whatever happens, its error bodies, its headers, ETags."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags

DOCS = "https://docs.github.com/rest"
VERSIONS = ("2026-03-10", "2022-11-28")  # newest first
DEFAULT_VERSION = "2022-11-28"  # of requests that name none, as GitHub has it
_ACCEPTED = ("*/*", "application/*", "application/json")


def _nothing() -> None:
    """Most answers hold no personal data, and nobody needs to note them."""


class Answer(NamedTuple):
    """A success. ``note`` is called if the body is really sent: not for HEAD, nor for a 304."""

    body: bytes
    headers: Mapping[str, str] = {}
    note: Callable[[], None] = _nothing


class ApiError(Exception):
    """An answer that is GitHub's Basic Error: ``{"message", "documentation_url", "status"}``."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        docs: str = DOCS,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = orjson.dumps(
            {"message": message, **more, "documentation_url": docs, "status": str(status)}
        )
        self.headers = headers or {}


def not_found(docs: str = DOCS) -> ApiError:
    """What GitHub says of anything that does not exist or that the token may not see."""
    return ApiError(404, "Not Found", docs=docs)


def check_version(request: HttpRequest) -> str:
    """The API version asked for. Raises ApiError 400, in GitHub's words, for one it does not know."""
    version = request.headers.get("X-GitHub-Api-Version") or DEFAULT_VERSION
    if version not in VERSIONS:
        newest, *others = (f'"{each}"' for each in VERSIONS)
        known = ", ".join([f"{newest} (most recent)", *others])
        raise ApiError(
            400,
            "Bad Request",
            errors=f'The version you specified in the "X-GitHub-API-Version" request header, '
            f'"{version}", is not a supported version. The following versions are currently '
            f"supported: {known}.",
            docs=f"{DOCS}/about-the-rest-api/api-versions",
        )
    return version


def check_accept(request: HttpRequest) -> None:
    """Raise ApiError 415, as GitHub does, for a client that takes no JSON."""
    accept = request.headers.get("Accept", "*/*")
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    if not any(kind in _ACCEPTED or kind.startswith("application/vnd.github") for kind in kinds):
        raise ApiError(
            415,
            f"Unsupported 'Accept' header: '{accept}'. Must accept 'application/json'.",
            docs="https://docs.github.com/v3/media",
        )


def answered(request: HttpRequest, answer: Answer) -> HttpResponse:
    """The answer, or 304 where the client has it already."""
    link = answer.headers.get("Link", "").encode()
    etag = f'W/"{sha256(answer.body + link).hexdigest()}"'
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if "*" in known or etag in {_weak(each) for each in known}:
        response = HttpResponse(status=304)
        del response["Content-Type"]
    else:
        response = _json(request, 200, answer.body)
        if request.method == "GET":
            answer.note()
    for name, value in answer.headers.items():
        response[name] = value
    response["ETag"] = etag
    return response


def refused(request: HttpRequest, error: ApiError) -> HttpResponse:
    response = _json(request, error.status, error.body)
    for name, value in error.headers.items():
        response[name] = value
    return response


def stamp(response: HttpResponse, *, version: str) -> None:
    """The headers of every answer of GitHub's API.

    GitHub lets clients keep answers for a minute; here they ask each time whether theirs still
    holds, so that a count of pages never mixes two snapshots.
    """
    response["X-GitHub-Media-Type"] = "github.v3; format=json"
    response["X-GitHub-Api-Version-Selected"] = version
    response["X-GitHub-Request-Id"] = _request_id()
    response["Cache-Control"] = "private, no-cache"
    response["Vary"] = "Accept, Authorization"


def _json(request: HttpRequest, status: int, body: bytes) -> HttpResponse:
    head = request.method == "HEAD"
    response = HttpResponse(
        b"" if head else body, status=status, content_type="application/json; charset=utf-8"
    )
    response["Content-Length"] = str(len(body))
    return response


def _weak(etag: str) -> str:
    return etag if etag.startswith("W/") else f"W/{etag}"


def _request_id() -> str:
    parts = (secrets.token_hex(size).upper() for size in (2, 3, 4, 4, 4))
    return ":".join(parts)
