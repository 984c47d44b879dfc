"""Two enterprises in which whatever an address may name exists, and everybody who might go there."""

from __future__ import annotations

import datetime as dt
from hashlib import sha256
from typing import Any

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.test import Client
from django.utils import timezone

from enterprise.models import (
    AlertKind,
    AlertRule,
    Allocation,
    ApiToken,
    CostCenterEntry,
    Delivery,
    Dimension,
    Duplicate,
    Enterprise,
    Event,
    EventKind,
    GroupRole,
    Membership,
    ReclaimCandidate,
    ReclaimExemption,
    ReclaimPlan,
    ReclaimSeat,
    Role,
    SeatTarget,
    SignInLink,
    User,
    Webhook,
)
from enterprise.services.alert_checks import TEST, alert_event
from enterprise.services.audit import SYSTEM
from enterprise.services.ledger import pack_anchors
from enterprise.services.sealed import seal
from enterprise.services.tokens import token_digest, token_make
from tests.factories import (
    AuditEventFactory,
    CloudStateFactory,
    CredentialFactory,
    EnterpriseFactory,
    MembershipFactory,
    ServerInstanceFactory,
    SnapshotFactory,
    SyncRunFactory,
    UserFactory,
)
from tests.views.test_licensing import add_persons

# Whatever has a number has this one, in the enterprise acme and in the other; far from what the
# database would give.
ACME, OTHER = 7_000_007, 8_000_008
LINK = "open-sesame"

# By the name of a path's parameter: what stands there. All of it exists.
PLACES = {
    "slug": "acme",
    "enterprise": "acme",
    "pk": str(ACME),
    "run_id": str(ACME),
    "number": str(ACME),
    "snapshot_id": str(ACME),
    "token_id": str(ACME),
    "duplicate_id": str(ACME),
    "organization": "org-of-acme",
    "webhook_id": str(ACME),
    "delivery_pk": str(ACME),
    "delivery_id": str(ACME),
    "alert_id": str(ACME),
    "group_id": str(ACME),
    "failure_pk": str(ACME + 1),
    "failure_id": str(ACME + 1),
    "plan_id": str(ACME),
    "host": "ghes.acme.example.com",
    "username": "member-of-acme",
    "name": "excluded",
    "page": "license-sync",
    "token": LINK,
    "provider_id": "none",
    "organization_slug": "none",
}
# The same of the other enterprise, for parameters that name something of one enterprise only.
OF_THE_OTHER = {
    "pk": str(OTHER),
    "run_id": str(OTHER),
    "number": str(OTHER),
    "snapshot_id": str(OTHER),
    "token_id": str(OTHER),
    "duplicate_id": str(OTHER),
    "webhook_id": str(OTHER),
    "delivery_pk": str(OTHER),
    "delivery_id": str(OTHER),
    "alert_id": str(OTHER),
    "group_id": str(OTHER),
    "failure_pk": str(OTHER + 1),
    "failure_id": str(OTHER + 1),
    "plan_id": str(OTHER),
    "host": "ghes.other.example.com",
    "username": "member-of-other",
}


def populate(slug: str, number: int) -> Enterprise:
    """An enterprise with one of everything, each numbered ``number``."""
    enterprise = EnterpriseFactory(pk=number, slug=slug, compared_snapshot=number)
    CloudStateFactory(enterprise=enterprise, read=True)
    CredentialFactory(enterprise=enterprise)
    instance = ServerInstanceFactory(
        pk=number,
        enterprise=enterprise,
        host_name=f"ghes.{slug}.example.com",
        url="https://127.0.0.1:9",
        syncing=True,
        synced=True,
        with_token=True,
    )
    SyncRunFactory(pk=number, instance=instance, failed=True)
    anchors = pack_anchors([f"person{number:06}"])
    for pk in (number - 1, number):
        snapshot = SnapshotFactory(
            pk=pk,
            enterprise=enterprise,
            persons=1,
            anchors=anchors,
            difference={"ours": 1, "listed": 1, "not_listed": 0},
            github_total=1,
            github_listed=1,
        )
    add_persons(snapshot, [{"number": number}])
    member = UserFactory(pk=number, username=f"member-of-{slug}")
    MembershipFactory(pk=number, enterprise=enterprise, user=member, auditor=True)
    ApiToken.objects.create(pk=number, enterprise=enterprise, name="kept", digest=f"{number:064}")
    GroupRole.objects.create(
        pk=number, enterprise=enterprise, provider="corp", group="staff", role=Role.AUDITOR
    )
    CostCenterEntry.objects.create(
        enterprise=enterprise, identifier="octocat", cost_center="Research"
    )
    SeatTarget.objects.create(enterprise=enterprise, organization=f"org-of-{slug}", seats=3)
    Duplicate.objects.create(
        pk=number,
        enterprise=enterprise,
        one=number,
        other=number + 1,
        with_cloud=True,
        confidence=50,
        group=number,
        group_saves=1,
        rules="",
        hosts="",
        accounts="[]",
        found_at=timezone.now(),
        found_snapshot=number,
    )
    for dimension in Dimension:
        parts = [[f"org-of-{slug}", 1, 0, "1", 1]]
        Allocation.objects.create(
            enterprise=enterprise, snapshot=snapshot, dimension=dimension, parts=parts
        )
    reclaimable(enterprise, number)
    AuditEventFactory(enterprise=enterprise)
    undelivered(enterprise, number)
    return enterprise


def reclaimable(enterprise: Enterprise, number: int) -> None:
    """A person whose seat is in a plan, and who is exempt besides."""
    now = timezone.now()
    plan = ReclaimPlan.objects.create(pk=number, enterprise=enterprise, wanted=1, made_at=now)
    accounts = f'["ghes.{enterprise.slug}.example.com:{number}"]'
    ReclaimSeat.objects.create(enterprise=enterprise, plan=plan, number=number, accounts=accounts)
    ReclaimCandidate.objects.create(
        enterprise=enterprise, number=number, accounts=accounts, unknown=True
    )
    ReclaimExemption.objects.create(
        enterprise=enterprise,
        number=number,
        reason="on leave",
        until=now.date() + dt.timedelta(days=9),
        decided_at=now,
    )


def undelivered(enterprise: Enterprise, number: int) -> None:
    """An alert, a webhook that could not be told of it, and a member who did not get the digest."""
    hook = Webhook.objects.create(
        pk=number,
        enterprise=enterprise,
        name="Chat",
        origin="https://127.0.0.1:9",
        ciphertext=seal({"webhook": "https://127.0.0.1:9/", "secret": "x" * 16}),
    )
    rule = AlertRule.objects.create(pk=number, enterprise=enterprise, kind=AlertKind.SYNC)
    rule.webhooks.add(hook)
    event = alert_event(rule, TEST, {}, subscribed=False)
    assert event is not None
    event.deliveries.update(id=number, state="failed", finished_at=timezone.now())
    digest = Event.objects.create(
        enterprise=enterprise,
        kind=EventKind.DIGEST,
        at=timezone.now(),
        params={"now": {"persons": 1, "github_total": None}, "before": None},
    )
    Delivery.objects.create(
        pk=number + 1,
        event=digest,
        user_id=number,
        state="failed",
        created_at=timezone.now(),
        not_before=timezone.now(),
        finished_at=timezone.now(),
        error_code="person_without_email",
    )


def sign_in(username: str, *roles: tuple[Enterprise, Role]) -> Client:
    user: User = UserFactory(username=username)
    Membership.objects.bulk_create(
        Membership(enterprise=enterprise, user=user, role=role) for enterprise, role in roles
    )
    client = Client()
    client.force_login(user)
    return client


def by_token(enterprise: Enterprise, *scopes: str, **fields: Any) -> Client:
    """A client that sends a token of these scopes, every scope if none is named."""
    chosen = list(scopes) or list(ApiToken.Scope.values)
    name = f"{'-'.join(chosen)} {' '.join(fields)}"
    _, value = token_make(enterprise=enterprise, actor=SYSTEM, name=name, scopes=chosen)
    ApiToken.objects.filter(digest=token_digest(value)).update(**fields)
    return Client(headers={"Authorization": f"Bearer {value}"})


def drain(response: Any) -> Any:
    """Read a download to its end, as the test client wants it, and return the response."""
    if response.streaming:
        response.read_bytes = b"".join(response.streaming_content)
    return response


class World:
    """The two enterprises, and a client by who uses it."""

    def __init__(self) -> None:
        acme, other = populate("acme", ACME), populate("other", OTHER)
        self.acme, self.other = acme, other
        self.people: dict[str, Client] = {
            "owner": sign_in("owen", (acme, Role.OWNER)),
            "billing manager": sign_in("bill", (acme, Role.BILLING_MANAGER)),
            "auditor": sign_in("audrey", (acme, Role.AUDITOR)),
            "other enterprise's owner": sign_in("otto", (other, Role.OWNER)),
            "stranger": sign_in("hubot"),
            "signed out": Client(),
        }
        self._give_second_factors()
        past = timezone.now() - dt.timedelta(minutes=1)
        self.dead_tokens: dict[str, Client] = {
            "revoked token": by_token(acme, revoked_at=past),
            "expired token": by_token(acme, expires_at=past),
            "made-up token": Client(headers={"Authorization": f"Bearer lsc_{'x' * 40}"}),
        }
        self.tokens: dict[str, Client] = {
            str(scope): by_token(acme, scope) for scope in ApiToken.Scope
        }
        self.other_token = by_token(other)
        self.stale_owner = sign_in("stella", (acme, Role.OWNER))
        session = self.stale_owner.session
        for record in session[AUTHENTICATION_METHODS_SESSION_KEY]:
            record["at"] -= settings.SUDO_SECONDS
        session.save()
        SignInLink.objects.create(
            user=UserFactory(username="newcomer", password="!"),
            digest=sha256(LINK.encode()).hexdigest(),
            expires_at=timezone.now() + dt.timedelta(hours=1),
        )

    @staticmethod
    def _give_second_factors() -> None:
        """The stranger has an authenticator app and recovery codes; a passkey is somebody else's."""
        hubot = User.objects.get(username="hubot")
        TOTP.activate(hubot, generate_totp_secret())
        RecoveryCodes.activate(hubot)
        Authenticator.objects.create(
            pk=ACME, user=UserFactory(), type=Authenticator.Type.WEBAUTHN, data={"name": "Key"}
        )
