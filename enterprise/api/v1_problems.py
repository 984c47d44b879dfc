"""Errors of ``/api/v1`` as problem details (RFC 9457), in English whatever the client's language."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from enterprise.faults import Fault, Refused
from enterprise.wording import sentence

_STATUS = {
    "upload_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "upload_interrupted": HTTPStatus.BAD_REQUEST,
    "upload_not_stored": HTTPStatus.INSUFFICIENT_STORAGE,
    "disk_full": HTTPStatus.INSUFFICIENT_STORAGE,
    "upload_run_active": HTTPStatus.CONFLICT,
    "connect_disabled": HTTPStatus.CONFLICT,
    "duplicate_not_open": HTTPStatus.CONFLICT,
    "duplicate_not_dismissed": HTTPStatus.CONFLICT,
    "delivery_not_ended": HTTPStatus.CONFLICT,
    "webhook_off": HTTPStatus.CONFLICT,
    "alert_without_receiver": HTTPStatus.CONFLICT,
    "digest_not_counted": HTTPStatus.CONFLICT,
    "nobody_to_reclaim": HTTPStatus.CONFLICT,
    "person_consumes": HTTPStatus.CONFLICT,
    "person_unknown": HTTPStatus.NOT_FOUND,
    "plan_contended": HTTPStatus.CONFLICT,
    "plan_ended": HTTPStatus.CONFLICT,
    "internal_error": HTTPStatus.INTERNAL_SERVER_ERROR,
}


class Problem(Exception):
    """An answer of ``application/problem+json``. ``more`` are further members of it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.body = {
            "type": f"urn:licsync:problem:{code}",
            "title": HTTPStatus(status).phrase,
            "status": int(status),
            "detail": detail,
            "code": code,
            **more,
        }
        self.headers = headers or {}


def problem_of(error: Fault | Refused, **more: Any) -> Problem:
    """What went wrong in the words that a page has for it, and its parameters for a program.

    The ``field`` at fault is named, if one is.
    """
    with translation.override("en"):
        detail = sentence(error.code, error.params)
    status = _STATUS.get(error.code, HTTPStatus.UNPROCESSABLE_ENTITY)
    if isinstance(error, Refused) and error.field:
        more["field"] = error.field
    return Problem(status, error.code, detail, params=error.params, **more)


def not_found() -> Problem:
    """Of anything that does not exist or that the token may not see."""
    return Problem(404, "not_found", "There is no such thing, or not for this token.")


def answer(_request: HttpRequest, problem: Problem) -> HttpResponse:
    return HttpResponse(
        orjson.dumps(problem.body),
        status=problem.status,
        content_type="application/problem+json",
        headers=dict(problem.headers),
    )
