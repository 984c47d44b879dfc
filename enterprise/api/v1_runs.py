"""``/api/v1``: sync runs: starting and watching them, and deciding about a held one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from ninja import Field, Query, Router, Schema, Status

from enterprise.api.v1_access import (
    ADMIN,
    READ,
    WRITE_USAGE,
    Token,
    actor_of,
    enterprise_of,
)
from enterprise.api.v1_links import (
    After,
    Asked,
    Before,
    Id,
    SnapshotRef,
    instance_of,
    link,
    reads,
    snapshot_ref,
    writes,
)
from enterprise.api.v1_problems import Problem, not_found
from enterprise.api.v1_told import Told, told
from enterprise.faults import Refused
from enterprise.models import (
    Credential,
    Enterprise,
    RunKind,
    RunState,
    RunTrigger,
    ServerInstance,
    Source,
    SyncRun,
)
from enterprise.selectors.run_effects import run_effect
from enterprise.selectors.runs import run_get, run_log, runs_page
from enterprise.services.held import run_apply_held
from enterprise.services.runs import run_cancel, run_discard, run_request

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


# --- Reading -------------------------------------------------------------------------------------


class Runs(Schema):
    items: list[RunOut]


class RunFilters(Asked):
    """Which runs."""

    host: str = Field(default="", max_length=253, description="Runs of this instance")
    kind: RunKind | None = None
    state: RunState | None = None
    trigger: RunTrigger | None = None


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
    return run_out(request, _run(enterprise_of(request, slug), run_id))


def _run(enterprise: Enterprise, run_id: int) -> SyncRun:
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
    effect = run_effect(_run(enterprise_of(request, slug), run_id))
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
    run = _run(enterprise_of(request, slug), run_id)
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


# --- Starting ------------------------------------------------------------------------------------


class Start(Asked):
    target: str = Field(
        max_length=253,
        description="The host name of an instance; `cloud`; or `all`, which is every instance whose"
        " license sync is enabled, and the cloud if it has a token",
    )


class StartedRun(Schema):
    """A run that was asked for. `new` is false if it was active already: no second one starts."""

    new: bool
    run: RunOut


class Started(Schema):
    items: list[StartedRun]


@router.post(
    "/enterprises/{slug}/runs",
    response={200: Started, 201: Started},
    auth=writes,
    summary="Sync now",
)
def start_runs(request: HttpRequest, slug: str, start: Start) -> Status[Started]:
    """201 if a run is new, 200 if all were active already."""
    enterprise = enterprise_of(request, slug)
    started = [
        run_request(
            enterprise=enterprise,
            kind=RunKind.INSTANCE if instance else RunKind.CLOUD,
            instance=instance,
            trigger=RunTrigger.API,
            actor=actor_of(request),
        )
        for instance in _targets(enterprise, start.target)
    ]
    items = [StartedRun(new=new, run=run_out(request, run)) for run, new in started]
    return Status(201 if any(item.new for item in items) else 200, Started(items=items))


def _targets(enterprise: Enterprise, target: str) -> list[ServerInstance | None]:
    """The instances to sync; None is the cloud.

    Raises Problem 404, or 422 if there is nothing to sync; Refused ``credential_missing``.
    """
    with_cloud = Credential.objects.filter(enterprise=enterprise, instance=None).exists()
    if target == "cloud":
        if not with_cloud:
            raise Refused("credential_missing")
        return [None]
    if target != "all":
        return [instance_of(enterprise, target)]
    enabled = enterprise.instances.filter(license_sync_enabled=True).exclude(source=Source.UPLOAD)
    targets: list[ServerInstance | None] = [*enabled.order_by("host_name")]
    if with_cloud:
        targets.append(None)
    if not targets:
        detail = "There is nothing to sync: enable license sync or save a cloud token first."
        raise Problem(422, "nothing_to_sync", detail)
    return targets


# --- Deciding ------------------------------------------------------------------------------------


def _decide(request: HttpRequest, slug: str, run_id: int, verb: Callable[..., None]) -> RunOut:
    enterprise = enterprise_of(request, slug)
    verb(run=_run(enterprise, run_id), actor=actor_of(request))
    return run_out(request, _run(enterprise, run_id))


@router.post(
    "/enterprises/{slug}/runs/{run_id}/cancel",
    response=RunOut,
    auth=writes,
    summary="Cancel an active run",
)
def cancel_run(request: HttpRequest, slug: str, run_id: Id) -> RunOut:
    """A queued one is cancelled at once, a running one stops at its next step."""
    return _decide(request, slug, run_id, run_cancel)


@router.post(
    "/enterprises/{slug}/runs/{run_id}/apply",
    response=RunOut,
    auth=writes,
    summary="Apply a held result",
)
def apply_run(request: HttpRequest, slug: str, run_id: Id) -> RunOut:
    """Refused with `data_changed` if other data is applied by now."""
    return _decide(request, slug, run_id, run_apply_held)


@router.post(
    "/enterprises/{slug}/runs/{run_id}/discard",
    response=RunOut,
    auth=writes,
    summary="Discard a held result",
)
def discard_run(request: HttpRequest, slug: str, run_id: Id) -> RunOut:
    """What was applied stays."""
    return _decide(request, slug, run_id, run_discard)
