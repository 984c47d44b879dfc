"""``/api/v1``: instances and runs, so that a job can watch what it started."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from ninja import Router, Schema

from enterprise.api.paging import PER_PAGE
from enterprise.api.v1_access import ADMIN, READ, WRITE_USAGE, Token, enterprise_of
from enterprise.api.v1_paging import PageNumber, PerPage, page_of
from enterprise.api.v1_problems import not_found
from enterprise.models import SyncRun
from enterprise.selectors.connect import InstanceLine, instance_lines
from enterprise.selectors.runs import run_get
from enterprise.wording import sentence

router = Router(tags=["runs"])


class Told(Schema):
    """A code for programs, and its sentence in English."""

    code: str
    message: str
    params: dict[str, Any]


class RunOut(Schema):
    """A sync run. ``error`` says why it failed, was cancelled, or is held."""

    id: int
    kind: str
    host_name: str
    source: str
    trigger: str
    actor: str
    state: str
    phase: str
    done: int
    expected: int | None
    queued_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    as_of: dt.datetime | None
    counts: dict[str, int]
    warnings: list[Told]
    error: Told | None
    html_url: str


class InstanceOut(Schema):
    """An instance of the enterprise; ``state`` is this console's, ``github_state`` GitHub's own."""

    host_name: str
    server_id: str
    source: str
    version: str
    connect_enabled: bool
    license_sync_enabled: bool
    state: str
    github_state: str
    github_synced_at: dt.datetime | None
    as_of: dt.datetime | None
    last_success_at: dt.datetime | None
    next_sync_at: dt.datetime | None
    active_run: int | None
    held_run: int | None
    failed_run: int | None


class Instances(Schema):
    items: list[InstanceOut]
    total: int


def run_out(request: HttpRequest, run: SyncRun) -> RunOut:
    with translation.override("en"):
        return RunOut(
            **{name: getattr(run, name) for name in _SAME},
            warnings=[_told(warning["code"], warning["params"]) for warning in run.warnings],
            error=_told(run.error_code, run.error_params) if run.error_code else None,
            html_url=request.build_absolute_uri(reverse("run", args=[run.enterprise.slug, run.pk])),
        )


_SAME = tuple(name for name in RunOut.model_fields if name not in ("warnings", "error", "html_url"))


def _told(code: str, params: dict[str, Any]) -> Told:
    return Told(code=code, message=sentence(code, params), params=params)


@router.get(
    "/enterprises/{slug}/runs/{run_id}",
    response=RunOut,
    auth=Token(READ, WRITE_USAGE, ADMIN),
    summary="Get a sync run",
    url_name="run",
)
def get_run(request: HttpRequest, slug: str, run_id: int) -> RunOut:
    run = run_get(enterprise_of(request, slug), run_id) if run_id < 2**63 else None
    if run is None:
        raise not_found()
    return run_out(request, run)


@router.get(
    "/enterprises/{slug}/instances",
    response=Instances,
    auth=Token(READ, WRITE_USAGE, ADMIN),
    summary="List server instances",
)
def list_instances(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    page: PageNumber = 1,
    per_page: PerPage = PER_PAGE,
) -> Instances:
    lines = instance_lines(enterprise_of(request, slug))
    shown = page_of(request, response, lines, page=page, per_page=per_page)
    return Instances(items=[_instance_out(line) for line in shown], total=len(lines))


def _instance_out(line: InstanceLine) -> InstanceOut:
    instance = line.instance
    return InstanceOut(
        host_name=instance.host_name,
        server_id=instance.server_id,
        source=instance.source,
        version=instance.version,
        connect_enabled=instance.connect_enabled,
        license_sync_enabled=instance.license_sync_enabled,
        state=line.state.value,
        github_state=line.github.state.value,
        github_synced_at=line.github.at,
        as_of=instance.applied_as_of,
        last_success_at=instance.last_success_at,
        next_sync_at=instance.next_sync_at,
        active_run=line.active_run,
        held_run=line.held_run,
        failed_run=line.failed_run,
    )
