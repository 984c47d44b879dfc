"""``/api/v1``: server instances: their two switches, rhythm, settings and tokens."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Schema, Status

from enterprise.api.paging import PER_PAGE
from enterprise.api.v1_access import (
    ADMIN,
    READ,
    WRITE_USAGE,
    Token,
    actor_of,
    enterprise_of,
)
from enterprise.api.v1_links import Asked, Patch, WallTime, Whole, instance_of, reads, writes
from enterprise.api.v1_paging import PageNumber, PerPage, page_of
from enterprise.api.v1_settings import ConnectionTestOut, test_out
from enterprise.models import Enterprise, Rhythm, Source
from enterprise.selectors.connect import InstanceLine, InstanceState, instance_lines
from enterprise.services import connect as switches
from enterprise.services import servers
from enterprise.services.connection_test import connection_test

router = Router(tags=["instances"])


# --- Reading -------------------------------------------------------------------------------------


class InstanceOut(Schema):
    """An instance of the enterprise; `state` is this console's, `github_state` GitHub's own."""

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


class InstanceDetailOut(InstanceOut):
    """An instance with its settings, schedule and license; never its token."""

    url: str
    enterprise_slug: str = Field(
        description="The slug of the instance's own enterprise account; empty: as registered here"
    )
    proxy: str
    has_ca_bundle: bool
    plain_http_confirmed: bool
    guard_share: int | None = Field(
        description="Per cent of the accounts that may go before a result is held; null: as set for"
        " the enterprise"
    )
    keep_logins: bool = Field(description="Whether logins and last activity are kept")
    has_credentials: bool
    rhythm: str
    schedule_weekday: int | None = Field(description="From Monday, 0, in the enterprise's zone")
    schedule_time: WallTime | None = Field(description="In the enterprise's zone")
    github_error: str = Field(description="GitHub's own text of its last failure")
    license_url: str = Field(description="The instance's License page, with GitHub's “Sync now”")
    seats: int | None
    seats_unlimited: bool
    seats_used: int | None
    license_kind: str
    license_expires_on: dt.date | None
    certificate_expires_at: dt.datetime | None = Field(description="Of its TLS, as last seen")


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
    *,
    state: InstanceState | None = None,
    source: Source | None = None,
    page: PageNumber = 1,
    per_page: PerPage = PER_PAGE,
) -> Instances:
    """By host name."""
    lines = [
        line
        for line in instance_lines(enterprise_of(request, slug))
        if state in (None, line.state) and source in (None, line.instance.source)
    ]
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


@router.get(
    "/enterprises/{slug}/instances/{host}",
    response=InstanceDetailOut,
    auth=reads,
    summary="Get a server instance",
)
def get_instance(request: HttpRequest, slug: str, host: str) -> InstanceDetailOut:
    enterprise = enterprise_of(request, slug)
    return _detail(enterprise, instance_of(enterprise, host).pk)


def _detail(enterprise: Enterprise, pk: int) -> InstanceDetailOut:
    (line,) = instance_lines(enterprise, only=pk)
    instance = line.instance
    return InstanceDetailOut(
        **_instance_out(line).dict(),
        **{name: getattr(instance, name) for name in _SAME},
        has_ca_bundle=bool(instance.ca_bundle),
        has_credentials=line.credential is not None,
        github_error=line.github.error,
        license_url=line.license_url,
    )


_SAME = InstanceDetailOut.model_fields.keys() - {
    *InstanceOut.model_fields,
    "has_ca_bundle",
    "has_credentials",
    "github_error",
    "license_url",
}


# --- Adding, changing, removing ------------------------------------------------------------------


class InstanceSettings(Patch):
    """How an instance is reached and read. Changing `url`, `proxy` or `ca_bundle` erases the token."""

    url: str = Field(default="", description="The address; `https://HOST_NAME` if left out")
    enterprise_slug: str = Field(default="", max_length=100, description="See the instance")
    proxy: str = Field(default="", max_length=300)
    ca_bundle: str = Field(default="", description="Certificate authority, PEM")
    plain_http_confirmed: bool = Field(
        default=False, description="Say that a token may go over plain HTTP"
    )
    guard_share: Whole | None = Field(default=None, description="See the instance")
    source: Source = Source.SITE_ADMIN_REPORT
    keep_logins: bool = Field(
        default=False, description="Keep logins and last activity; false erases them at once"
    )


class NewInstance(InstanceSettings):
    """An instance to register, with GitHub Connect and license sync off."""

    host_name: str = Field(max_length=253, description="As in `HOST:ID`")


class InstanceChanges(InstanceSettings):
    """What of an instance to change: all of it, or, if something is refused, nothing.

    Enabling anchors the weekly schedule at that moment, unless it has one from before. Disabling
    GitHub Connect also disables license sync, and deletes the token.
    """

    connect_enabled: bool = False
    license_sync_enabled: bool = False
    rhythm: Rhythm = Rhythm.WEEKLY
    schedule_weekday: Whole = Field(default=0, description="See the instance; of a weekly rhythm")
    schedule_time: WallTime = Field(default=dt.time(), description="See the instance")


@router.post(
    "/enterprises/{slug}/instances",
    response={201: InstanceDetailOut},
    auth=writes,
    summary="Register a server instance",
)
def add_instance(request: HttpRequest, slug: str, new: NewInstance) -> Status[InstanceDetailOut]:
    enterprise = enterprise_of(request, slug)
    instance = servers.instance_add(
        enterprise=enterprise, actor=actor_of(request), **new.dict(exclude_unset=True)
    )
    return Status(201, _detail(enterprise, instance.pk))


@router.patch(
    "/enterprises/{slug}/instances/{host}",
    response=InstanceDetailOut,
    auth=writes,
    summary="Change a server instance",
)
def change_instance(
    request: HttpRequest, slug: str, host: str, changes: InstanceChanges
) -> InstanceDetailOut:
    enterprise, actor = enterprise_of(request, slug), actor_of(request)
    instance = instance_of(enterprise, host)
    values = changes.dict(exclude_unset=True)
    with transaction.atomic():
        connect = values.pop("connect_enabled", None)
        license_sync = values.pop("license_sync_enabled", None)
        schedule = {name: values.pop(name) for name in switches.SCHEDULE if name in values}
        if values:
            servers.instance_edit(instance=instance, actor=actor, **values)
        if connect:
            switches.connect_enable(instance=instance, actor=actor)
        elif connect is False:
            switches.connect_disable(instance=instance, actor=actor)
        if license_sync is not None:
            switches.license_sync_set(instance=instance, enabled=license_sync, actor=actor)
        switches.schedule_set(instance=instance, actor=actor, **schedule)
    return _detail(enterprise, instance.pk)


@router.delete(
    "/enterprises/{slug}/instances/{host}",
    response={204: None},
    auth=writes,
    summary="Remove a server instance and its data",
)
def remove_instance(request: HttpRequest, slug: str, host: str) -> Status[None]:
    """Its token and all that was read of it go; its runs and the history stay."""
    instance = instance_of(enterprise_of(request, slug), host)
    servers.instance_remove(instance=instance, actor=actor_of(request))
    return Status(204, None)


# --- The token -----------------------------------------------------------------------------------


class InstanceToken(Asked):
    """A token for the instance's address; it is never shown again."""

    username: str = Field(default="", description="Its site administrator, for the report")
    token: str


@router.put(
    "/enterprises/{slug}/instances/{host}/token",
    response={204: None},
    auth=writes,
    summary="Save a server instance's token",
)
def set_instance_token(
    request: HttpRequest, slug: str, host: str, token: InstanceToken
) -> Status[None]:
    instance = instance_of(enterprise_of(request, slug), host)
    servers.instance_token_set(instance=instance, actor=actor_of(request), **token.dict())
    return Status(204, None)


@router.post(
    "/enterprises/{slug}/instances/{host}/test",
    response=ConnectionTestOut,
    auth=writes,
    summary="Test the connection to a server instance",
)
def test_instance(request: HttpRequest, slug: str, host: str) -> ConnectionTestOut:
    """Asks the instance for its version and its report now, without reading the report."""
    return test_out(connection_test(instance=instance_of(enterprise_of(request, slug), host)))
