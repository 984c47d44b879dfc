"""``/api/v1``: sync runs: which there were, what each changed, and watching one."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from ninja import Field, Query, Router, Schema

from enterprise.api.v1_access import ADMIN, READ, WRITE_USAGE, Token, enterprise_of
from enterprise.api.v1_links import (
    After,
    Asked,
    Before,
    Id,
    Moment,
    SnapshotRef,
    link,
    reads,
    snapshot_ref,
)
from enterprise.api.v1_problems import not_found
from enterprise.api.v1_told import Told, told
from enterprise.models import Enterprise, RunKind, RunState, RunTrigger, SyncRun
from enterprise.selectors.run_effects import run_effect
from enterprise.selectors.runs import run_get, run_log, runs_page

router = Router(tags=["runs"])


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


def run_out(request: HttpRequest, run: SyncRun) -> RunOut:
    with translation.override("en"):
        return RunOut(
            **{name: getattr(run, name) for name in _SAME},
            warnings=[told(warning["code"], warning["params"]) for warning in run.warnings],
            error=told(run.error_code, run.error_params) if run.error_code else None,
            html_url=request.build_absolute_uri(reverse("run", args=[run.enterprise.slug, run.pk])),
        )


_SAME = tuple(name for name in RunOut.model_fields if name not in ("warnings", "error", "html_url"))


class Runs(Schema):
    items: list[RunOut]


class RunFilters(Asked):
    """Which runs."""

    host: str = Field(default="", max_length=253, description="Runs of this instance")
    kind: RunKind | None = None
    state: RunState | None = None
    trigger: RunTrigger | None = None
    since: Moment | None = Field(default=None, description="Queued then or later (RFC 3339)")


@router.get("/enterprises/{slug}/runs", response=Runs, auth=reads, summary="List sync runs")
def list_runs(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    filters: Annotated[RunFilters, Query()],
    before: Before = None,
) -> Runs:
    """Newest first."""
    enterprise = enterprise_of(request, slug)
    found, following = runs_page(
        enterprise,
        before=before,
        host_name=filters.host.lower(),
        kind=filters.kind or "",
        state=filters.state or "",
        trigger=filters.trigger or "",
        since=filters.since,
    )
    for run in found:
        run.enterprise = enterprise
    link(request, response, next={"before": following} if following else None)
    return Runs(items=[run_out(request, run) for run in found])


@router.get(
    "/enterprises/{slug}/runs/{run_id}",
    response=RunOut,
    auth=Token(READ, WRITE_USAGE, ADMIN),
    summary="Get a sync run",
    url_name="run",
)
def get_run(request: HttpRequest, slug: str, run_id: Id) -> RunOut:
    return run_out(request, run_of(enterprise_of(request, slug), run_id))


def run_of(enterprise: Enterprise, run_id: int) -> SyncRun:
    run = run_get(enterprise, run_id)
    if run is None:
        raise not_found()
    return run


class RunChanges(Schema):
    """What a run changed in the count. `state`:

    - `nothing_applied`: the run applied nothing;
    - `pending`: what it applied is yet to be counted;
    - `nobody`: it changed nobody's license;
    - `changed`: between the counts `older` (null before the first) and `newer`.

    `counts` is how many persons, by kind; null before it is computed. Recounts merge: `other_runs` is
    how many other runs were counted together with this one.
    """

    state: Literal["nothing_applied", "pending", "nobody", "changed"]
    older: SnapshotRef | None
    newer: SnapshotRef | None
    counts: dict[str, int] | None
    other_runs: int


@router.get(
    "/enterprises/{slug}/runs/{run_id}/changes",
    response=RunChanges,
    auth=reads,
    summary="Get what a sync run changed in the count",
)
def get_run_changes(request: HttpRequest, slug: str, run_id: Id) -> RunChanges:
    effect = run_effect(run_of(enterprise_of(request, slug), run_id))
    if effect is None:
        return RunChanges(
            state="nothing_applied", older=None, newer=None, counts=None, other_runs=0
        )
    return RunChanges(
        state="pending" if effect.pending else "changed" if effect.newer else "nobody",
        older=snapshot_ref(effect.older) if effect.older else None,
        newer=snapshot_ref(effect.newer) if effect.newer else None,
        counts=effect.counts,
        other_runs=effect.others,
    )


class LogLineOut(Told):
    """A line of a run's log."""

    id: int
    at: dt.datetime
    attempt: int
    level: str


class Log(Schema):
    items: list[LogLineOut]


LOG_LINES = 100


@router.get(
    "/enterprises/{slug}/runs/{run_id}/log",
    response=Log,
    auth=reads,
    summary="Get the log of a sync run",
)
def get_run_log(
    request: HttpRequest, response: HttpResponse, slug: str, run_id: Id, after: After = 0
) -> Log:
    """Oldest first. To watch a run, ask again with `after` and the id of the last line."""
    run = run_of(enterprise_of(request, slug), run_id)
    lines = list(run_log(run, after=after)[: LOG_LINES + 1])
    shown = lines[:LOG_LINES]
    link(request, response, next={"after": shown[-1].pk} if len(lines) > LOG_LINES else None)
    with translation.override("en"):
        return Log(
            items=[
                LogLineOut(
                    id=line.pk,
                    at=line.at,
                    attempt=line.attempt,
                    level=line.level,
                    **told(line.code, line.params).dict(),
                )
                for line in shown
            ]
        )
