"""``/api/v1``: server usage in, by a job on an isolated instance, and out, for another console."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from email.message import Message
from typing import Annotated

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from ninja import Header, Query, Router, Status

from enterprise.api.v1_access import ADMIN, WRITE_USAGE, Token, actor_of, enterprise_of
from enterprise.api.v1_links import Moment, instance_of
from enterprise.api.v1_problems import Problem, problem_of
from enterprise.api.v1_runs import RunOut, run_out
from enterprise.faults import Fault, Refused
from enterprise.models import Enterprise, RunState, RunTrigger, ServerInstance, SyncRun
from enterprise.reports.server_usage import NothingApplied, server_usage
from enterprise.services.audit import audit_record
from enterprise.services.receiving import upload_receive
from enterprise.services.uploads import Received, upload_take

router = Router(tags=["server usage"])

_BODY = {
    "requestBody": {
        "required": True,
        "description": "licsync.server-usage/1 or all_users.csv, as it is or as gzip",
        "content": {"application/octet-stream": {"schema": {"type": "string"}}},
    }
}
_FILE = {
    "responses": {
        200: {
            "description": "licsync.server-usage/1, streamed",
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    }
}


@router.post(
    "/enterprises/{slug}/server-usage",
    response={200: RunOut, 201: RunOut, 202: RunOut},
    auth=Token(WRITE_USAGE, ADMIN),
    summary="Add server usage",
    openapi_extra=_BODY,
)
def add_server_usage(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    *,
    instance: Annotated[str, Query(max_length=253)] = "",
    exported_at: Moment | None = None,
    preview: bool = False,
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=255)] = "",
) -> Status[RunOut]:
    """Replace what an instance had by the file in the body.

    201 when it is applied, 202 when it is held for an owner, 200 with `Idempotent-Replayed` when the
    same `Idempotency-Key` brought the same file for the same instance within 24 hours; with another
    file, 422 `idempotency_key_reused`. `instance` and `exported_at` are needed for `all_users.csv`,
    which does not say them; `preview` holds the result whatever it is.
    """
    enterprise = enterprise_of(request, slug)
    named = _instance(enterprise, instance) if instance else None
    try:
        read, expected = body_of(request)
        with closing(upload_receive(read, expected=expected)) as file:
            run, new = upload_take(
                enterprise=enterprise,
                actor=actor_of(request),
                trigger=RunTrigger.API,
                received=Received(file, _file_name(request), exported_at),
                instance=named,
                hold=preview,
                idempotency_key=idempotency_key,
            )
    except (Fault, Refused) as error:
        raise problem_of(error) from None
    _refuse_unless_taken(request, run)
    response["Location"] = request.build_absolute_uri(
        reverse("api-v1:run", args=[enterprise.slug, run.pk])
    )
    if not new:
        response["Idempotent-Replayed"] = "true"
        return Status(200, run_out(request, run))
    return Status(202 if run.state == RunState.HELD else 201, run_out(request, run))


def _refuse_unless_taken(request: HttpRequest, run: SyncRun) -> None:
    """Raise what ended the run as a problem, the run beside it."""
    shown = run_out(request, run).model_dump(mode="json")
    if run.state == RunState.FAILED:
        raise problem_of(Fault(run.error_code, **run.error_params), run=shown)
    if run.is_active:  # the same key again, while the first is still at it
        active = Refused("upload_run_active", host=run.host_name, run=run.pk)
        raise problem_of(active, run=shown)
    if run.state == RunState.CANCELLED:
        message = shown["error"]["message"] if shown["error"] else ""
        raise Problem(409, run.error_code or "cancelled", message, run=shown)


def _instance(enterprise: Enterprise, host_name: str) -> ServerInstance:
    try:
        return instance_of(enterprise, host_name)
    except Problem:
        raise problem_of(Refused("upload_instance_unknown", host=host_name)) from None


def body_of(request: HttpRequest) -> tuple[Callable[[int], bytes], int | None]:
    """How to read the body, and its length where it is stated; sent in chunks, it is not."""
    if request.content_type == "multipart/form-data":
        detail = "Send the file as the body itself (curl -T or --data-binary), not as a form."
        raise Problem(415, "form_not_taken", detail)
    if request.META.get("wsgi.input_terminated") and "chunked" in request.headers.get(
        "Transfer-Encoding", ""
    ):
        return request.META["wsgi.input"].read, None
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        raise Problem(411, "length_required", "Send a Content-Length.")
    return request.read, int(length)


def _file_name(request: HttpRequest) -> str:
    """A file name, if one is told; it only helps to recognize a report that undercounts."""
    message = Message()
    message["Content-Disposition"] = request.headers.get("Content-Disposition", "")[:500]
    try:
        return message.get_filename() or ""
    except ValueError:  # in an encoding of its own, and not as that encoding has it
        return ""


@router.get(
    "/enterprises/{slug}/instances/{host}/server-usage",
    response={200: None},
    auth=Token(ADMIN),
    summary="Get an instance's server usage",
    openapi_extra=_FILE,
)
def get_server_usage(request: HttpRequest, slug: str, host: str) -> StreamingHttpResponse:
    """What is applied of an instance, as `licsync.server-usage/1`: another console takes it.

    Broken off if new data is applied meanwhile: the JSON then has no end.
    """
    enterprise = enterprise_of(request, slug)
    instance = instance_of(enterprise, host)
    try:
        pieces = server_usage(instance)
    except NothingApplied:
        detail = "Nothing of this instance has been read or uploaded yet."
        raise Problem(409, "nothing_applied", detail) from None
    audit_record(
        enterprise=enterprise,
        actor=actor_of(request),
        action="server_usage.export",
        target=instance.host_name,
    )
    return StreamingHttpResponse(pieces, content_type="application/json")
