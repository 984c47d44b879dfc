"""The people of an enterprise, and its API tokens, as the settings show them."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from enterprise.emails import mask
from enterprise.models import (
    AlertRule,
    ApiToken,
    Digest,
    DigestRhythm,
    Enterprise,
    EventKind,
    GroupRole,
    Membership,
    User,
    Webhook,
)
from enterprise.selectors.persons import mask_key
from enterprise.services.members import never_signed_in

PAGE = 30


class MemberLine(NamedTuple):
    """One person with a role. ``may_get_link``: they never signed in, and have a role only here."""

    pk: int  # of the membership
    user_id: int
    username: str
    email: str
    role: str
    role_label: str
    given_by: str  # the identity provider by whose group the role came, "" where by hand
    last_login: dt.datetime | None
    may_get_link: bool


def members_page(
    enterprise: Enterprise, *, after: int = 0, role: str = "", masked: bool
) -> tuple[list[MemberLine], int | None]:
    """People in the order in which they got their roles, and the membership to go on after."""
    elsewhere = Membership.objects.filter(user=OuterRef("user")).exclude(enterprise=enterprise)
    members = Membership.objects.filter(enterprise=enterprise, pk__gt=after)
    if role:
        members = members.filter(role=role)
    found = list(
        members.select_related("user")
        .annotate(has_role_elsewhere=Exists(elsewhere))
        .order_by("pk")[: PAGE + 1]
    )
    lines = [
        MemberLine(
            pk=member.pk,
            user_id=member.user_id,
            username=mask_key(member.user.username) if masked else member.user.username,
            email=mask(member.user.email) if masked else member.user.email,
            role=member.role,
            role_label=member.get_role_display(),
            given_by=member.given_by,
            last_login=member.user.last_login,
            may_get_link=never_signed_in(member.user) and not member.has_role_elsewhere,
        )
        for member in found[:PAGE]
    ]
    return lines, found[PAGE - 1].pk if len(found) > PAGE else None


def member_get(enterprise: Enterprise, pk: int) -> Membership | None:
    """A membership of this enterprise, both at hand."""
    members = Membership.objects.select_related("user", "enterprise")
    return members.filter(enterprise=enterprise, pk=pk).first()


class MemberLost(NamedTuple):
    """What goes with a person, besides what they see: what is sent to them by their name or role."""

    tokens: int  # that they made and that go on working
    alerts: int  # that name them
    alerts_unheard: int  # that nobody is told of then
    digest: bool  # names them
    digest_unheard: bool  # nobody gets it then


def member_lost(member: Membership) -> MemberLost:
    enterprise = member.enterprise
    active = Membership.objects.filter(enterprise=enterprise, user__is_active=True)
    others = dict(active.exclude(pk=member.pk).values_list("pk", "role"))
    hooks = Webhook.objects.filter(enterprise=enterprise, active=True, disabled_at=None)
    listening = {hook.pk: EventKind.THRESHOLD_CROSSED in hook.events for hook in hooks}
    rules = AlertRule.objects.filter(enterprise=enterprise, active=True)
    digests = Digest.objects.filter(enterprise=enterprise).exclude(rhythm=DigestRhythm.OFF)

    def is_last(told: AlertRule | Digest) -> bool:
        """Whether nobody else gets an e-mail by it."""
        people = {each.pk for each in told.people.all()}
        gets_it = member.pk in people or member.role in told.roles
        return gets_it and not (people & others.keys() or {*told.roles} & {*others.values()})

    def is_heard(rule: AlertRule) -> bool:
        """Whether a webhook gets it."""
        return any(listening.values()) or any(hook.pk in listening for hook in rule.webhooks.all())

    return MemberLost(
        tokens_made_by(enterprise, member.user.username),
        rules.filter(people=member).count(),
        sum(
            is_last(rule) and not is_heard(rule)
            for rule in rules.prefetch_related("people", "webhooks")
        ),
        digests.filter(people=member).exists(),
        any(is_last(digest) for digest in digests.prefetch_related("people")),
    )


class Identity(NamedTuple):
    """A provider at which a person may have an identity; ``linked_at`` is None if they have none."""

    id: str
    name: str
    linked_at: dt.datetime | None


def identities_of(user: User) -> list[Identity]:
    """Each provider of ``LICSYNC_SSO``, and whether the person signs in by it."""
    providers = settings.LICSYNC_IDENTITY_PROVIDERS
    if not providers:
        return []
    accounts = SocialAccount.objects.filter(user=user).order_by("-pk")
    linked = dict(accounts.values_list("provider", "date_joined"))
    return [Identity(each.id, each.name, linked.get(named)) for named, each in providers.items()]


class TokenLine(NamedTuple):
    token: ApiToken
    created_by: str


def tokens_page(
    enterprise: Enterprise, *, before: int | None = None, masked: bool
) -> tuple[list[TokenLine], int | None]:
    """Tokens that are not revoked, newest first, and the one to go on before."""
    tokens = ApiToken.objects.filter(enterprise=enterprise, revoked_at=None).order_by("-pk")
    if before is not None:
        tokens = tokens.filter(pk__lt=before)
    found = list(tokens[: PAGE + 1])
    hide = mask_key if masked else str
    lines = [TokenLine(token, hide(token.created_by)) for token in found[:PAGE]]
    return lines, found[PAGE - 1].pk if len(found) > PAGE else None


def token_get(enterprise: Enterprise, pk: int) -> ApiToken | None:
    """A token of this enterprise that is not revoked."""
    return ApiToken.objects.filter(enterprise=enterprise, pk=pk, revoked_at=None).first()


def group_roles(enterprise: Enterprise) -> list[GroupRole]:
    """The rules by which groups of identity providers have roles, in the order of their names."""
    return list(enterprise.group_roles.order_by("provider", "group"))


def group_role_get(enterprise: Enterprise, pk: int) -> GroupRole | None:
    return enterprise.group_roles.select_related("enterprise").filter(pk=pk).first()


def persons_by_groups(enterprise: Enterprise, provider: str) -> int:
    """How many have their role here by a group of that identity provider."""
    return enterprise.memberships.filter(given_by=provider).count()


def tokens_made_by(enterprise: Enterprise, username: str) -> int:
    """How many tokens that somebody made still work."""
    return (
        ApiToken.objects.filter(enterprise=enterprise, created_by=username, revoked_at=None)
        .exclude(expires_at__lte=timezone.now())
        .count()
    )
