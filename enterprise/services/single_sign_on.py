"""Roles by the groups that an identity provider tells at each sign-in.

A rule says: who is in this group of this provider has this role in this enterprise. A role that came
so goes with the group, at the next sign-in; one that was given by hand is not touched. Of several
groups the one with the most rights counts. The last owner stays, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from enterprise.faults import Refused
from enterprise.models import Enterprise, GroupRole, Membership, Role, User
from enterprise.services.audit import Actor, audit_record, audit_record_of_person
from enterprise.services.members import member_remove, member_set
from licsync.sessions import sessions_end

GROUP_LENGTH = 200  # as the column
_MOST_FIRST = [Role.OWNER, Role.BILLING_MANAGER, Role.AUDITOR]


@transaction.atomic
def group_role_set(
    *, enterprise: Enterprise, provider: str, group: str, role: str, actor: Actor
) -> bool:
    """Let a group of a provider have a role. False if it has it.

    Raises Refused ``bad_role``, ``group_needed``, ``too_long``.
    """
    group = group.strip()
    if role not in Role.values:
        raise Refused("bad_role", field="role", value=str(role)[:50])
    if not group:
        raise Refused("group_needed", field="group")
    if len(group) > GROUP_LENGTH:
        raise Refused("too_long", field="group", most=GROUP_LENGTH)
    same = GroupRole.objects.filter(enterprise=enterprise, provider=provider, group=group)
    before = same.values_list("role", flat=True).first()
    if before == role:
        return False
    GroupRole.objects.update_or_create(
        enterprise=enterprise, provider=provider, group=group, defaults={"role": role}
    )
    if before is not None:
        _sign_in_anew(enterprise, provider, before)
    audit_record(
        enterprise=enterprise,
        actor=actor,
        action="group.set",
        target=group,
        before={"role": before},
        after={"role": role, "provider": provider},
    )
    return True


@transaction.atomic
def group_role_remove(*, rule: GroupRole, actor: Actor) -> None:
    """Forget a rule. Who may have a role by it is signed out, and has what is left on coming back."""
    audit_record(
        enterprise=rule.enterprise,
        actor=actor,
        action="group.remove",
        target=rule.group,
        before={"role": rule.role, "provider": rule.provider},
    )
    rule.delete()
    _sign_in_anew(rule.enterprise, rule.provider, rule.role)


def _sign_in_anew(enterprise: Enterprise, provider: str, role: str) -> None:
    """End the sessions of who has this role by a group: only the provider knows whether by that one."""
    having = Membership.objects.filter(enterprise=enterprise, given_by=provider, role=role)
    sessions_end(having.values_list("user_id", flat=True))


@transaction.atomic
def identity_link(*, user: User, provider: str, named: str, uid: str, actor: Actor) -> bool:
    """Let a person sign in by an identity of a provider, too. False if they could before.

    ``named`` is the provider as accounts have it (the entity ID of SAML). An identity that made an
    account here without a role today comes over. Raises Refused ``identity_taken``.
    """
    account = SocialAccount.objects.select_for_update().filter(provider=named, uid=uid).first()
    if account is not None and account.user_id == user.pk:
        return False
    if account is not None and Membership.objects.filter(user_id=account.user_id).exists():
        raise Refused("identity_taken")
    account = account or SocialAccount(provider=named, uid=uid)
    account.user = user
    account.save()
    audit_record_of_person(
        user=user, actor=actor, action="user.identity_link", after={"provider": provider}
    )
    return True


@transaction.atomic
def identity_unlink(*, user: User, provider: str, named: str, actor: Actor) -> bool:
    """Let a person sign in by this provider no more. False if they could not.

    Raises Refused ``identity_needed`` where it is what a role comes from, or the only way in.
    """
    accounts = SocialAccount.objects.filter(user=user)
    if not accounts.filter(provider=named).exists():
        return False
    by_group = Membership.objects.filter(user=user, given_by=provider).exists()
    passkeys = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    other_ways = (
        user.has_usable_password() or accounts.exclude(provider=named).exists() or passkeys.exists()
    )
    if by_group or not other_ways:
        raise Refused("identity_needed")
    accounts.filter(provider=named).delete()
    audit_record_of_person(
        user=user, actor=actor, action="user.identity_unlink", before={"provider": provider}
    )
    return True


def roles_of_groups(*, provider: str, groups: Iterable[str]) -> dict[int, str]:
    """The role by the enterprise's id, for somebody who is in these groups."""
    rules = GroupRole.objects.filter(provider=provider, group__in=list(groups))
    found: dict[int, str] = {}
    for enterprise_id, role in rules.values_list("enterprise_id", "role"):
        known = found.get(enterprise_id)
        if known is None or _MOST_FIRST.index(Role(role)) < _MOST_FIRST.index(Role(known)):
            found[enterprise_id] = role
    return found


def sign_in_roles_apply(*, user: User, provider: str, groups: Iterable[str], actor: Actor) -> None:
    """Give a person the roles of their groups, and take away what came by groups they left."""
    wanted = roles_of_groups(provider=provider, groups=groups)
    had = Membership.objects.filter(user=user).values_list("enterprise_id", "given_by")
    by_hand = {enterprise_id for enterprise_id, given_by in had if not given_by}
    gone = {enterprise_id for enterprise_id, given_by in had if given_by == provider} - {*wanted}
    enterprises = Enterprise.objects.in_bulk(gone | wanted.keys() - by_hand)
    for enterprise_id, enterprise in sorted(enterprises.items()):
        try:
            if enterprise_id in wanted:
                role = wanted[enterprise_id]
                member_set(
                    enterprise=enterprise, user=user, role=role, actor=actor, given_by=provider
                )
            else:
                member_remove(enterprise=enterprise, user=user, actor=actor)
        except Refused as refused:
            audit_record(
                enterprise=enterprise,
                actor=actor,
                action="member.kept",
                target=user.username,
                after={"reason": refused.code, "provider": provider},
            )
