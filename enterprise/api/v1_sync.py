"""``/api/v1``: starting sync runs, and deciding about one that runs or is held.

On the router of ``v1_runs``: what an address takes and what it gives belong to one.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from ninja import Field, Schema, Status

from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_links import Asked, Id, instance_of, writes
from enterprise.api.v1_problems import Problem
from enterprise.api.v1_runs import RunOut, router, run_of, run_out
from enterprise.faults import Refused
from enterprise.models import Credential, Enterprise, RunKind, RunTrigger, ServerInstance, Source
from enterprise.services.held import run_apply_held
from enterprise.services.runs import run_cancel, run_discard, run_request

# --- Starting ------------------------------------------------------------------------------------

__all__ = ["router"]


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
    verb(run=run_of(enterprise, run_id), actor=actor_of(request))
    return run_out(request, run_of(enterprise, run_id))


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
