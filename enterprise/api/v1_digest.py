"""``/api/v1``: the digest: when it comes, to whom, and sending it now."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status
from pydantic import field_validator

from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_alerts import sent_values
from enterprise.api.v1_links import Asked, Patch, WallTime, Whole, reads, writes
from enterprise.models import DigestRhythm, Enterprise, Role
from enterprise.services.alerts import members_named
from enterprise.services.digests import SETTINGS, digest_get, digest_send_to, digest_set

router = Router(tags=["alerts"])


class DigestOut(Schema):
    """When the digest comes, by the enterprise's clock, and to whom. `people` are usernames."""

    rhythm: str = Field(description="off, weekly or monthly")
    weekday: int = Field(description="Monday is 0")
    month_day: int
    time: WallTime
    roles: list[str]
    people: list[str]
    attach_csv: bool
    next_at: dt.datetime | None
    last_at: dt.datetime | None


class DigestChange(Patch):
    """Settings to change."""

    rhythm: DigestRhythm = DigestRhythm.OFF
    weekday: Whole = 0
    month_day: Whole = 1
    time: WallTime = dt.time(8)
    roles: list[Role] = Field(default=[])
    people: list[str] = Field(default=[])
    attach_csv: bool = False

    @field_validator("time")
    @classmethod
    def _without_zone(cls, value: dt.time) -> dt.time:
        if value.tzinfo is not None:
            raise ValueError("is by the enterprise's clock and names no zone")
        return value


def _digest_out(enterprise: Enterprise) -> DigestOut:
    digest = digest_get(enterprise)
    people: list[str] = []
    if not digest._state.adding:
        people = sorted(digest.people.values_list("user__username", flat=True))
    names = (*SETTINGS, "next_at", "last_at")
    return DigestOut(**{name: getattr(digest, name) for name in names}, people=people)


@router.get("/enterprises/{slug}/digest", response=DigestOut, auth=reads, summary="Get the digest")
def get_digest(request: HttpRequest, slug: str) -> DigestOut:
    return _digest_out(enterprise_of(request, slug))


@router.patch(
    "/enterprises/{slug}/digest", response=DigestOut, auth=writes, summary="Change the digest"
)
def change_digest(request: HttpRequest, slug: str, change: DigestChange) -> DigestOut:
    enterprise = enterprise_of(request, slug)
    sent = change.dict(exclude_unset=True)
    if "rhythm" in sent:
        sent["rhythm"] = str(sent["rhythm"])
    digest_set(enterprise=enterprise, actor=actor_of(request), **sent_values(sent))
    return _digest_out(enterprise)


class DigestReceivers(Asked):
    """Who gets the digest now: usernames of people with a role."""

    people: list[str] = Field(min_length=1, max_length=100)


class DigestSent(Schema):
    """Its deliveries, one a person."""

    deliveries: list[UUID]


@router.post(
    "/enterprises/{slug}/digest/send",
    response={202: DigestSent},
    auth=writes,
    summary="Send the digest now",
)
def send_digest(request: HttpRequest, slug: str, receivers: DigestReceivers) -> Status[DigestSent]:
    """As it would be now, to these people alone; the next one comes when it is due all the same."""
    enterprise = enterprise_of(request, slug)
    members = members_named(enterprise, receivers.people)
    event = digest_send_to(
        enterprise=enterprise,
        users=[member.user_id for member in members],
        actor=actor_of(request),
    )
    guids = event.deliveries.order_by("pk").values_list("guid", flat=True)
    return Status(202, DigestSent(deliveries=list(guids)))
