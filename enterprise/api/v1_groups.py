"""``/api/v1``: which group of an identity provider has which role."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from enterprise.api.v1_access import actor_of, enterprise_of
from enterprise.api.v1_links import Asked, Id, reads, writes
from enterprise.api.v1_problems import Problem, not_found
from enterprise.models import GroupRole, Role
from enterprise.selectors.members import group_role_get, group_roles
from enterprise.services.single_sign_on import group_role_remove, group_role_set

router = Router(tags=["people and tokens"])


class GroupRoleOut(Schema):
    """Who is in this group of this provider has this role, from the next sign-in on."""

    id: int
    provider: str
    group: str
    role: str


class GroupRoles(Schema):
    items: list[GroupRoleOut]


class NewGroupRole(Asked):
    """The role of a group; it replaces the one that the group has."""

    provider: str = Field(max_length=100, description="The id of an identity provider set up here")
    group: str = Field(description="As the identity provider tells it")
    role: Role


def _out(rule: GroupRole) -> GroupRoleOut:
    return GroupRoleOut(**{name: getattr(rule, name) for name in GroupRoleOut.model_fields})


@router.get(
    "/enterprises/{slug}/groups", response=GroupRoles, auth=reads, summary="List roles of groups"
)
def list_groups(request: HttpRequest, slug: str) -> GroupRoles:
    """By provider and group."""
    return GroupRoles(items=[_out(rule) for rule in group_roles(enterprise_of(request, slug))])


@router.put(
    "/enterprises/{slug}/groups",
    response=GroupRoleOut,
    auth=writes,
    summary="Give a group a role",
)
def set_group(request: HttpRequest, slug: str, rule: NewGroupRole) -> GroupRoleOut:
    enterprise = enterprise_of(request, slug)
    if rule.provider not in settings.LICSYNC_IDENTITY_PROVIDERS:
        detail = "No identity provider with this id is set up: see LICSYNC_SSO."
        raise Problem(422, "bad_provider", detail, field="provider")
    group_role_set(
        enterprise=enterprise,
        actor=actor_of(request),
        provider=rule.provider,
        group=rule.group,
        role=rule.role.value,
    )
    return next(
        _out(each)
        for each in group_roles(enterprise)
        if (each.provider, each.group) == (rule.provider, rule.group.strip())
    )


@router.delete(
    "/enterprises/{slug}/groups/{group_id}",
    response={204: None},
    auth=writes,
    summary="Take a group's role away",
)
def remove_group(request: HttpRequest, slug: str, group_id: Id) -> Status[None]:
    """Its members are signed out, and sign in without it."""
    rule = group_role_get(enterprise_of(request, slug), group_id)
    if rule is None:
        raise not_found()
    group_role_remove(rule=rule, actor=actor_of(request))
    return Status(204, None)
