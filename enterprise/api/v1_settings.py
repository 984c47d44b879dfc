"""``/api/v1``: the settings of the enterprise, and its cloud side."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from django.http import HttpRequest
from django.utils import translation
from ninja import Field, Router, Schema, Status

from enterprise import wording
from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_links import Asked, Patch, WallTime, Whole, reads, writes
from enterprise.api.v1_told import Told, told
from enterprise.models import BillingModel, Enterprise
from enterprise.selectors.connect import cloud_line
from enterprise.services.connection_test import ConnectionTest, cloud_connection_test
from enterprise.services.enterprises import SETTINGS, enterprise_edit, enterprise_token_set

router = Router(tags=["settings"])


WEEKDAY = "Of the cloud's own weekly sync: from Monday, 0, in the enterprise's zone"
TIME = "Of the cloud's own weekly sync, in the enterprise's zone"


# --- The enterprise ------------------------------------------------------------------------------


class EnterpriseSettings(Patch):
    """Settings of the enterprise. Changing scheme, host or port of `api_url` erases its token."""

    name: str = ""
    api_url: str = Field(default="", description="Of GitHub Enterprise Cloud")
    billing_model: BillingModel = BillingModel.VOLUME
    time_zone: str = Field(default="", description="In which the schedules are anchored")
    exclude_never_signed_in: bool = Field(
        default=False, description="Do not count accounts that nobody ever signed in to"
    )
    guard_share: Whole = Field(
        default=0, description="Per cent of the accounts that may go before a result is held"
    )
    guard_minimum: Whole = Field(default=0, description="So many may always go")
    cloud_max_age_hours: Whole = Field(
        default=0, description="An instance's sync also syncs the cloud if that is older"
    )
    schedule_weekday: Whole = Field(default=0, description=WEEKDAY)
    schedule_time: WallTime = Field(default=dt.time(), description=TIME)
    renewal_on: dt.date | None = Field(
        default=None, description="The day until which licenses are bought; null takes it away"
    )
    seat_price: Decimal | None = Field(
        default=None, description="What one more license costs; null takes it away"
    )
    currency: str = Field(default="", description="Of the price, by ISO 4217, such as `USD`")


class EnterpriseOut(Schema):
    """The enterprise account and its settings."""

    slug: str
    name: str
    api_url: str
    billing_model: str
    time_zone: str
    exclude_never_signed_in: bool
    guard_share: int
    guard_minimum: int
    cloud_max_age_hours: int
    schedule_weekday: int | None = Field(description=WEEKDAY)
    schedule_time: WallTime | None = Field(description=TIME)
    renewal_on: dt.date | None
    seat_price: str | None = Field(description="An exact amount, as text")
    currency: str


def _enterprise_out(enterprise: Enterprise) -> EnterpriseOut:
    values = {name: getattr(enterprise, name) for name in ("slug", *SETTINGS)}
    price = values["seat_price"]
    return EnterpriseOut(**{**values, "seat_price": None if price is None else str(price)})


@router.get("/enterprises/{slug}", response=EnterpriseOut, auth=reads, summary="Get the enterprise")
def get_enterprise(request: HttpRequest, slug: str) -> EnterpriseOut:
    return _enterprise_out(enterprise_of(request, slug))


@router.patch(
    "/enterprises/{slug}",
    response=EnterpriseOut,
    auth=writes,
    summary="Change the enterprise's settings",
)
def change_enterprise(
    request: HttpRequest, slug: str, changes: EnterpriseSettings
) -> EnterpriseOut:
    enterprise = enterprise_of(request, slug)
    values = changes.dict(exclude_unset=True)
    enterprise_edit(enterprise=enterprise, actor=actor_of(request), **values)
    enterprise.refresh_from_db()
    return _enterprise_out(enterprise)


# --- The cloud side ------------------------------------------------------------------------------


class CloudOut(Schema):
    """The cloud side. `gaps` are parts that could not be read, so that the count may be too high."""

    has_credentials: bool
    read_at: dt.datetime | None
    last_success_at: dt.datetime | None
    next_sync_at: dt.datetime | None
    total: int | None = Field(description="Licenses that GitHub says are consumed")
    purchased: int | None
    listed: int | None
    gaps: list[str]
    active_run: int | None
    held_run: int | None
    failed_run: int | None


@router.get(
    "/enterprises/{slug}/cloud", response=CloudOut, auth=reads, summary="Get the cloud side"
)
def get_cloud(request: HttpRequest, slug: str) -> CloudOut:
    enterprise = enterprise_of(request, slug)
    line = cloud_line(enterprise)
    return CloudOut(
        **{name: getattr(line.state, name) for name in _OF_STATE},
        has_credentials=line.credential is not None,
        next_sync_at=enterprise.next_sync_at,
        gaps=[wording.gap_sentence(gap) for gap in line.state.gaps],
        active_run=line.active.pk if line.active else None,
        held_run=line.held.pk if line.held else None,
        failed_run=line.failed.pk if line.failed else None,
    )


_OF_STATE = ("read_at", "last_success_at", "total", "purchased", "listed")


class CloudToken(Asked):
    """A token for the enterprise's `api_url`; it is never shown again."""

    token: str


@router.put(
    "/enterprises/{slug}/cloud/token",
    response={204: None},
    auth=writes,
    summary="Save the cloud token",
)
def set_cloud_token(request: HttpRequest, slug: str, token: CloudToken) -> Status[None]:
    """The cloud's own weekly schedule runs from the day of the first one."""
    enterprise_token_set(
        enterprise=enterprise_of(request, slug), actor=actor_of(request), token=token.token
    )
    return Status(204, None)


# --- Connection tests ----------------------------------------------------------------------------


class FindingOut(Told):
    """One thing found; `level` is `ok`, `warning` or `error`."""

    level: str


class ConnectionTestOut(Schema):
    """What a test of a connection found. `ok` says whether a sync would get its data."""

    ok: bool
    host: str
    version: str
    findings: list[FindingOut]


def test_out(test: ConnectionTest) -> ConnectionTestOut:
    with translation.override("en"):
        return ConnectionTestOut(
            ok=test.ok,
            host=test.host,
            version=test.version,
            findings=[
                FindingOut(level=found.level, **told(found.code, found.params).dict())
                for found in test.findings
            ],
        )


@router.post(
    "/enterprises/{slug}/cloud/test",
    response=ConnectionTestOut,
    auth=writes,
    summary="Test the connection to the cloud",
)
def test_cloud(request: HttpRequest, slug: str) -> ConnectionTestOut:
    """Asks GitHub now for what a sync would read."""
    return test_out(cloud_connection_test(enterprise=enterprise_of(request, slug)))
