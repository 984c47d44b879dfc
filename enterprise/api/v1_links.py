"""What operations of ``/api/v1`` share: who may, what is asked for, and how a list goes on."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, NamedTuple, get_args

from django.http import HttpRequest, HttpResponse
from ninja import Field, Path, Query, Schema
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from enterprise.api.v1_access import ADMIN, READ, Token, actor_of, enterprise_of
from enterprise.api.v1_problems import Problem, not_found
from enterprise.models import Enterprise, ServerInstance, Snapshot
from enterprise.selectors.licenses import snapshot_get, snapshot_latest
from enterprise.services.audit import Actor, audit_read

MOST = 2**63 - 1  # what a database takes
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # JSON's \ud800 is no character by itself

reads = Token(READ, ADMIN)
writes = Token(ADMIN)

Id = Annotated[int, Path(ge=1, le=MOST)]
AsOf = Annotated[int | None, Query(ge=1, le=MOST, description="The id of a snapshot")]
After = Annotated[int, Query(ge=0, le=MOST, description="As in `Link`: where to go on")]
Before = Annotated[int | None, Query(ge=1, le=MOST, description="As in `Link`: where to go on")]


def _no_number(value: object) -> object:
    """Pydantic would take one, as text too, for the seconds since 1970."""
    if not isinstance(value, str) or "-" not in value[1:]:
        raise ValueError("should be a time with its zone (RFC 3339)")
    return value


def _in_utc(at: dt.datetime) -> dt.datetime:
    """Not at the ends of the calendar, where it has no time of day in some zones."""
    if not dt.MINYEAR < at.year < dt.MAXYEAR:
        raise ValueError("is out of range")
    return at.astimezone(dt.UTC)


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_in_utc)]
"""A time with its zone (RFC 3339)."""


WallTime = Annotated[
    dt.time,
    WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d:\d\d$", "examples": ["03:00:00"]}),
]
"""A time of day without a zone, which the format ``time`` of JSON Schema does not allow."""

Whole = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
"""A whole number that a column takes; the rules of its setting are narrower."""


class Asked(Schema):
    """What a client sends. A name that a body should not have is a mistake, and not left unread."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _as_described(cls, value: Any, info: ValidationInfo) -> Any:
        """Neither what a database cannot store, nor a number for true or false, nor these for one."""
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and _UNSTORABLE.search(text) for text in texts):
            raise ValueError("must not contain NUL or half a character")
        wanted = cls.model_fields[str(info.field_name)].annotation
        takes_truth = wanted is bool or bool in get_args(wanted)
        if isinstance(value, bool) and not takes_truth:
            raise ValueError("must not be true or false")
        if type(value) in (int, float) and takes_truth:
            raise ValueError("must be true or false")
        return value


def _without_defaults(schema: dict[str, Any]) -> None:
    for member in schema["properties"].values():
        member.pop("default", None)


class Patch(Asked):
    """Settings to change: those that are sent. The defaults mean nothing, and nobody is told them."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


class SnapshotRef(Schema):
    """Which count an answer is of, and its time."""

    id: int
    taken_at: dt.datetime


def snapshot_ref(snapshot: Snapshot) -> SnapshotRef:
    return SnapshotRef(id=snapshot.pk, taken_at=snapshot.taken_at)


class TokenReader(NamedTuple):
    """A token that takes a file away: it sees e-mails, and only owners make one."""

    enterprise: Enterprise
    actor: Actor
    masked: bool = False


def reader_of(request: HttpRequest, slug: str) -> TokenReader:
    return TokenReader(enterprise_of(request, slug), actor_of(request))


def note_read(request: HttpRequest, slug: str, what: str, **facts: Any) -> None:
    """Record that personal data leaves: one event a walk, whichever page of it is asked for."""
    enterprise = enterprise_of(request, slug)
    audit_read(enterprise=enterprise, actor=actor_of(request), target=what, after=facts)


def instance_of(enterprise: Enterprise, host: str) -> ServerInstance:
    """The instance with this host name, its ``enterprise`` at hand. Raises Problem 404."""
    known = enterprise.instances.filter(host_name=host.lower()) if "\0" not in host else None
    instance = known.first() if known is not None else None
    if instance is None:
        raise not_found()
    instance.enterprise = enterprise
    return instance


def snapshot_asked(enterprise: Enterprise, as_of: int | None) -> Snapshot:
    """The snapshot ``as_of``, else the newest. Raises Problem 404, or 409 before the first count."""
    if as_of is not None:
        snapshot = snapshot_get(enterprise, as_of)
        if snapshot is None:
            raise not_found()
        return snapshot
    snapshot = snapshot_latest(enterprise)
    if snapshot is None:
        raise Problem(409, "not_counted", "Nothing has been counted yet.")
    return snapshot


def link(
    request: HttpRequest, response: HttpResponse, **relations: dict[str, int | None] | None
) -> None:
    """Set ``Link``: each relation is this request with other parameters; None leaves one out."""
    links = []
    for relation, parameters in relations.items():
        if parameters is None:
            continue
        query = request.GET.copy()
        for name, value in parameters.items():
            query.pop(name, None)
            if value is not None:
                query[name] = str(value)
        address = f"{request.build_absolute_uri(request.path)}?{query.urlencode()}"
        links.append(f'<{address}>; rel="{relation}"')
    if links:
        response["Link"] = ", ".join(links)


def link_pages(
    request: HttpRequest,
    response: HttpResponse,
    *,
    page: int,
    last: int,
    fixed: dict[str, int | None],
) -> None:
    """Set ``Link`` by page numbers; each address carries ``fixed``, so that a walk sees one list."""
    pages = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
    link(
        request,
        response,
        **{
            relation: {**fixed, "page": number}
            for relation, number in pages.items()
            if number != page and 1 <= number <= last
        },
    )
