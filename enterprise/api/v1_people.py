"""``/api/v1``: the people of the enterprise and their roles, and the tokens of this API."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from ninja import Field, Router, Schema, Status

from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_links import After, Asked, Before, Id, Moment, link, reads, writes
from enterprise.api.v1_problems import Problem, not_found
from enterprise.models import ApiToken, Enterprise, Membership, Role, User
from enterprise.selectors.members import MemberLine, members_page, token_get, tokens_page
from enterprise.services.members import (
    member_link_make,
    member_remove,
    member_set,
    user_find_or_add,
)
from enterprise.services.tokens import token_make, token_revoke

router = Router(tags=["people and tokens"])


# --- Members -------------------------------------------------------------------------------------


class MemberOut(Schema):
    """A person with a role. `may_get_link`: they never signed in, and have no role elsewhere."""

    username: str
    email: str
    role: str
    last_login: dt.datetime | None
    may_get_link: bool


class Members(Schema):
    items: list[MemberOut]


class MemberRole(Asked):
    """The one role of a person. `email` is for somebody who is new to this console."""

    role: Role
    email: str = ""


class MemberSet(Schema):
    """What was done. Somebody new gets `sign_in_link`, good once and for an hour, shown only here."""

    username: str
    role: str
    sign_in_link: str | None


class SignInLinkOut(Schema):
    sign_in_link: str


@router.get("/enterprises/{slug}/members", response=Members, auth=reads, summary="List people")
def list_members(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    *,
    role: Role | None = None,
    after: After = 0,
) -> Members:
    """In the order in which they got their roles."""
    enterprise = enterprise_of(request, slug)
    lines, following = members_page(enterprise, after=after, role=role or "", masked=False)
    link(request, response, next={"after": following} if following else None)
    return Members(items=[_member_out(line) for line in lines])


def _member_out(line: MemberLine) -> MemberOut:
    return MemberOut(**{name: getattr(line, name) for name in MemberOut.model_fields})


@router.put(
    "/enterprises/{slug}/members/{username}",
    response={200: MemberSet, 201: MemberSet},
    auth=writes,
    summary="Give a person a role",
)
def set_member(
    request: HttpRequest, slug: str, username: str, member: MemberRole
) -> Status[MemberSet]:
    """201 for somebody who is new to this console. The last owner stays an owner."""
    enterprise, actor = enterprise_of(request, slug), actor_of(request)
    if "\0" in username:
        raise not_found()
    with transaction.atomic():
        user, new = user_find_or_add(username=username, email=member.email)
        member_set(enterprise=enterprise, user=user, role=member.role, actor=actor)
        token = member_link_make(enterprise=enterprise, user=user, actor=actor) if new else None
    done = MemberSet(
        username=user.username,
        role=member.role,
        sign_in_link=_address(token) if token else None,
    )
    return Status(201 if new else 200, done)


@router.delete(
    "/enterprises/{slug}/members/{username}",
    response={204: None},
    auth=writes,
    summary="Take a person's role away",
)
def remove_member(request: HttpRequest, slug: str, username: str) -> Status[None]:
    """Refused for the last owner."""
    enterprise = enterprise_of(request, slug)
    user = _member(enterprise, username)
    member_remove(enterprise=enterprise, user=user, actor=actor_of(request))
    return Status(204, None)


@router.post(
    "/enterprises/{slug}/members/{username}/sign-in-link",
    response={201: SignInLinkOut},
    auth=writes,
    summary="Make a sign-in link for somebody who never signed in",
)
def make_sign_in_link(request: HttpRequest, slug: str, username: str) -> Status[SignInLinkOut]:
    """Good once and for an hour; earlier ones end."""
    enterprise = enterprise_of(request, slug)
    user = _member(enterprise, username)
    token = member_link_make(enterprise=enterprise, user=user, actor=actor_of(request))
    return Status(201, SignInLinkOut(sign_in_link=_address(token)))


def _member(enterprise: Enterprise, username: str) -> User:
    """The person of this name, if they have a role in this enterprise. Raises Problem 404."""
    if "\0" in username:
        raise not_found()
    members = Membership.objects.select_related("user")
    member = members.filter(enterprise=enterprise, user__username__iexact=username).first()
    if member is None:
        raise not_found()
    return member.user


def _address(token: str) -> str:
    return f"{settings.LICSYNC_PUBLIC_URL}{reverse('sign_in_link', args=[token])}"


# --- Tokens --------------------------------------------------------------------------------------


class TokenOut(Schema):
    """A token that is not revoked. `prefix` is how its value begins."""

    id: int
    name: str
    prefix: str
    scopes: list[str]
    created_at: dt.datetime
    created_by: str
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None


class Tokens(Schema):
    items: list[TokenOut]


class NewToken(Asked):
    """A token to make. It belongs to this enterprise only."""

    name: str = Field(description="By which the audit log names it")
    scopes: list[ApiToken.Scope] = Field(min_length=1)
    expires_at: Moment | None = Field(default=None, description="Never if left out")


class MadeToken(TokenOut):
    """A token with its value, which is shown only here."""

    value: str


def _token_out(token: ApiToken) -> TokenOut:
    return TokenOut(**{name: getattr(token, name) for name in TokenOut.model_fields})


@router.get("/enterprises/{slug}/tokens", response=Tokens, auth=reads, summary="List tokens")
def list_tokens(
    request: HttpRequest, response: HttpResponse, slug: str, before: Before = None
) -> Tokens:
    """Newest first."""
    lines, following = tokens_page(enterprise_of(request, slug), before=before, masked=False)
    link(request, response, next={"before": following} if following else None)
    return Tokens(items=[_token_out(line.token) for line in lines])


@router.post(
    "/enterprises/{slug}/tokens",
    response={201: MadeToken},
    auth=writes,
    summary="Make a token",
)
def make_token(request: HttpRequest, slug: str, new: NewToken) -> Status[MadeToken]:
    enterprise = enterprise_of(request, slug)
    if new.expires_at is not None and new.expires_at <= timezone.now():
        raise Problem(422, "expires_in_past", "expires_at has passed.", field="expires_at")
    token, value = token_make(
        enterprise=enterprise,
        actor=actor_of(request),
        name=new.name,
        scopes=[scope.value for scope in new.scopes],
        expires_at=new.expires_at,
    )
    return Status(201, MadeToken(**_token_out(token).dict(), value=value))


@router.delete(
    "/enterprises/{slug}/tokens/{token_id}",
    response={204: None},
    auth=writes,
    summary="Revoke a token",
)
def revoke_token(request: HttpRequest, slug: str, token_id: Id) -> Status[None]:
    """At once; a token may revoke itself."""
    token = token_get(enterprise_of(request, slug), token_id)
    if token is None:
        raise not_found()
    token_revoke(token=token, actor=actor_of(request))
    return Status(204, None)
