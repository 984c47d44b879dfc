"""Every page of the console by a short name, and what makes each show itself in full.

``tests/views/test_pages_are_seen.py`` holds the list complete: a new route has its line here, or says
there why it is no page to look at.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, timedelta
from hashlib import sha256

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from cryptography.hazmat.primitives.asymmetric import ec
from django.urls import resolve
from django.utils import timezone
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
)

from enterprise.models import (
    CostCenterEntry,
    CurrentPerson,
    Duplicate,
    Enterprise,
    GroupRole,
    Membership,
    PersonVersion,
    ReclaimCandidate,
    ReclaimExemption,
    ReclaimPlan,
    ReclaimSeat,
    Role,
    SeatState,
    ServerInstance,
    Snapshot,
    SyncRun,
    User,
)
from enterprise.reports.lists import LISTS
from enterprise.services.alert_checks import alerts_check
from enterprise.services.audit import SYSTEM
from enterprise.services.members import sign_in_link_make
from enterprise.services.tokens import token_make
from enterprise.views.how_to import PAGES as HELP
from tests.alerts.conftest import rule_of
from tests.deliveries.conftest import count_event, hook_to
from tests.factories import EnterpriseFactory, MembershipFactory, SyncRunFactory

_CONNECT = "/settings/connect"
_INSTANCE = f"{_CONNECT}/instances/{{instance}}"
_PLAN = "/insights/reclaim/plans/{plan}"
_PERSON = "/licensing/persons"
_HOOK = "/settings/webhooks/{hook}"

SIGNED_OUT = {
    "sign-in": "/accounts/login/",
    "sign-in-link": "/sign-in/{link}",
    "switched-off": "/accounts/inactive/",
    "single-sign-on-cancelled": "/accounts/3rdparty/login/cancelled/",
    "single-sign-on-error": "/accounts/3rdparty/login/error/",
    "not-found": "/nowhere",
    "api-docs": "/api/v1/docs",
    **{f"help-{page}": f"/help/{page}" for page in HELP},
}

ONESELF = {
    "home": "/",
    "enterprise-new": "/enterprises/new",
    "profile": "/settings/profile",
    "styleguide": "/styleguide",
    "password": "/accounts/password/change/",
    "confirm-access": "/accounts/reauthenticate/",
    "sessions": "/accounts/sessions/",
    "sign-out": "/accounts/logout/",
    "two-factor": "/accounts/2fa/",
    "authenticator-activate": "/accounts/2fa/totp/activate/",
    "passkeys-none": "/accounts/2fa/webauthn/",
    "passkey-add": "/accounts/2fa/webauthn/add/",
}
"""Of whoever is signed in."""

SECOND_FACTORS = {
    "two-factor-active": "/accounts/2fa/",
    "authenticator-deactivate": "/accounts/2fa/totp/deactivate/",
    "recovery-codes": "/accounts/2fa/recovery-codes/",
    "recovery-codes-new": "/accounts/2fa/recovery-codes/generate/",
    "passkeys": "/accounts/2fa/webauthn/",
    "passkey-edit": "/accounts/2fa/webauthn/keys/{passkey}/edit/",
    "passkey-remove": "/accounts/2fa/webauthn/keys/{passkey}/remove/",
    "confirm-access-by-code": "/accounts/2fa/reauthenticate/",
    "confirm-access-by-passkey": "/accounts/2fa/webauthn/reauthenticate/",
}
"""Of whoever has given themselves some: ``give_second_factors``."""

SECOND_STEP = {"second-step": "/accounts/2fa/authenticate/"}
"""Between the password and being signed in."""

EMPTY = {
    "overview-empty": "/enterprises/empty",
    "licensing-empty": "/enterprises/empty/licensing",
    "history-empty": "/enterprises/empty/licensing/history",
    "compare-empty": "/enterprises/empty/licensing/compare",
    "difference-empty": "/enterprises/empty/licensing/difference",
    "list-empty": "/enterprises/empty/licensing/lists/excluded",
    "duplicates-empty": "/enterprises/empty/insights/duplicates",
    "changes-empty": "/enterprises/empty/insights/changes",
    "forecast-empty": "/enterprises/empty/insights/forecast",
    "reclaim-empty": "/enterprises/empty/insights/reclaim",
    "allocation-empty": "/enterprises/empty/insights/allocation",
    "cost-centers-empty": "/enterprises/empty/insights/cost-centers",
    "runs-empty": "/enterprises/empty/runs",
    "connect-empty": "/enterprises/empty/settings/connect",
    "upload-empty": "/enterprises/empty/settings/connect/upload",
    "tokens-empty": "/enterprises/empty/settings/tokens",
    "groups-empty": "/enterprises/empty/settings/groups",
    "alerts-empty": "/enterprises/empty/settings/alerts",
    "webhooks-empty": "/enterprises/empty/settings/webhooks",
    "audit-empty": "/enterprises/empty/settings/audit",
}
"""What to do next, where there is nothing yet."""

ENTERPRISE = {
    name: f"/enterprises/acme{path}"
    for name, path in {
        "overview": "",
        "licensing": "/licensing",
        "licensing-found": "/licensing?kind=server&sort=-accounts",
        "licensing-nobody": "/licensing?q=nobody-is-called-so",
        "licensing-as-of": "/licensing?as_of={old}",
        "person": f"{_PERSON}/{{person}}",
        "person-gone": f"{_PERSON}/{{gone}}",
        "person-erase": f"{_PERSON}/{{gone}}/erase",
        "history": "/licensing/history",
        "compare": "/licensing/compare?from={old}&to={new}",
        "difference": "/licensing/difference",
        "lists": "/licensing/lists",
        **{f"list-{name}": f"/licensing/lists/{name}" for name in LISTS},
        "duplicates": "/insights/duplicates",
        "duplicates-none": "/insights/duplicates?state=closed",
        "duplicate": "/insights/duplicates/{duplicate}",
        "allocation": "/insights/allocation",
        "allocation-by-instance": "/insights/allocation?by=instance",
        "cost-centers": "/insights/cost-centers",
        "cost-centers-erase": "/insights/cost-centers/erase",
        "changes": "/insights/changes?since=2020-01-01",
        "reclaim": "/insights/reclaim",
        "exemption": "/insights/reclaim/persons/{person}",
        "plan": _PLAN,
        "plan-end": f"{_PLAN}/end",
        "forecast": "/insights/forecast",
        "runs": "/runs",
        "runs-found": "/runs?state=failed&kind=instance",
        "runs-none": "/runs?state=failed&trigger=upload",
        "run": "/runs/{run}",
        "run-held": "/runs/{held}",
        "run-failed": "/runs/{failed}",
        "run-running": "/runs/{running}",
        "run-cancel": "/runs/{running}/cancel",
        "run-discard": "/runs/{held}/discard",
        "connect": _CONNECT,
        "cloud-edit": f"{_CONNECT}/cloud/edit",
        "upload": f"{_CONNECT}/upload",
        "instance-new": f"{_CONNECT}/instances/new",
        "instance": "/instances/{instance}",
        "instance-edit": f"{_INSTANCE}/edit",
        "disable": f"{_INSTANCE}/disable",
        "remove": f"{_INSTANCE}/remove",
        "general": "/settings/general",
        "members": "/settings/members",
        "member-new": "/settings/members/new",
        "member-remove": "/settings/members/{member}/remove",
        "member-role": "/settings/members/{member}/role?role=auditor",
        "groups": "/settings/groups",
        "group-remove": "/settings/groups/{group}/remove",
        "tokens": "/settings/tokens",
        "token-new": "/settings/tokens/new",
        "token-revoke": "/settings/tokens/{token}/revoke",
        "alerts": "/settings/alerts",
        "alert-new": "/settings/alerts/new",
        "alert-edit": "/settings/alerts/{alert}/edit",
        "alert-remove": "/settings/alerts/{alert}/remove",
        "digest": "/settings/digest",
        "webhooks": "/settings/webhooks",
        "webhook-new": "/settings/webhooks/new",
        "webhook": _HOOK,
        "webhook-edit": f"{_HOOK}/edit",
        "webhook-remove": f"{_HOOK}/remove",
        "delivery": f"{_HOOK}/deliveries/{{delivery}}",
        "audit": "/settings/audit",
        "audit-none": "/settings/audit?actor=nobody",
    }.items()
}

ALL = {**SIGNED_OUT, **ONESELF, **SECOND_FACTORS, **SECOND_STEP, **EMPTY, **ENTERPRISE}


class _AnyPlace(defaultdict[str, str]):
    def __init__(self) -> None:
        super().__init__(lambda: "1")


def route_of(path: str) -> str:
    """The key of the route that an address above is of, as ``tests/access/table.py`` has it.

    Raises Resolver404 if there is none.
    """
    match = resolve(path.format_map(_AnyPlace()).split("?")[0])
    return f"{match.namespace}:{match.url_name}" if match.namespace else match.url_name or ""


def furnish(enterprise: Enterprise, owner: User) -> dict[str, object]:
    """Let ``acme`` show everything: two counts, runs in each state, one of whatever has a page of its
    own; beside it an enterprise that is empty. Gives what stands in the addresses.
    """
    now = timezone.now()
    instance, busy = ServerInstance.objects.latest("pk"), ServerInstance.objects.earliest("pk")
    gone = _somebody_who_left(enterprise)
    new = Snapshot.objects.latest("pk")
    old = Snapshot.objects.get(pk=new.pk)
    old.pk = None
    old.save()
    old, new = new, old  # the later one has the greater number
    Snapshot.objects.filter(pk=old.pk).update(
        taken_at=now - timedelta(weeks=3),
        persons=old.persons + 1,  # who left was there
    )
    hook = hook_to(enterprise, "https://hooks.example.com/x")
    count_event(enterprise)
    alert = rule_of(enterprise, "sync")
    held = SyncRunFactory(instance=instance, held=True)
    failed = SyncRunFactory(instance=instance, failed=True)
    alerts_check(enterprise_id=enterprise.pk)
    # After the alerts, which would wait for it to end.
    running = SyncRunFactory(instance=busy, running=True, phase="reading", done=40, expected=120)
    token, _value = token_make(
        enterprise=enterprise, actor=SYSTEM, name="Inventory", scopes=["read:enterprise"]
    )
    group = GroupRole.objects.create(
        enterprise=enterprise, provider="corp", group="staff", role=Role.AUDITOR
    )
    CostCenterEntry.objects.create(
        enterprise=enterprise, identifier="mona@example.com", cost_center="Research"
    )
    empty = EnterpriseFactory(slug="empty", name="Empty")
    MembershipFactory(enterprise=empty, user=owner)
    person = CurrentPerson.objects.filter(kind="cloud_and_server").latest("accounts").number
    return {
        "link": sign_in_link_make(user=MembershipFactory(enterprise=empty).user),
        "instance": instance.pk,
        "person": person,
        "gone": gone,
        "old": old.pk,
        "new": new.pk,
        "duplicate": _duplicate(enterprise, new),
        "plan": _plan(enterprise, person, busy.host_name),
        "run": SyncRun.objects.filter(state="succeeded").earliest("pk").pk,
        "held": held.pk,
        "failed": failed.pk,
        "running": running.pk,
        "member": Membership.objects.get(enterprise=enterprise, user=owner).pk,
        "group": group.pk,
        "token": token.pk,
        "alert": alert.pk,
        "hook": hook.pk,
        "delivery": hook.deliveries.latest("pk").pk,
    }


def _somebody_who_left(enterprise: Enterprise) -> int:
    """The number of a person whose version has ended with the newest count."""
    version = PersonVersion.objects.filter(enterprise=enterprise).latest("number")
    version.pk, version.number = None, version.number + 1
    version.key, version.cloud_key = "former-colleague", ""
    version.to_snapshot = version.from_snapshot + 1
    version.save()
    return version.number


def _duplicate(enterprise: Enterprise, snapshot: Snapshot) -> int:
    found = Duplicate.objects.filter(enterprise=enterprise, state="open").first()
    if found is not None:
        return found.pk
    one, other = CurrentPerson.objects.filter(enterprise=enterprise).order_by("number")[:2]
    return Duplicate.objects.create(
        enterprise=enterprise,
        one=one.number,
        other=other.number,
        with_cloud=False,
        confidence=90,
        group=one.number,
        group_saves=1,
        rules="",
        hosts="",
        accounts="[]",
        found_at=timezone.now(),
        found_snapshot=snapshot.pk,
    ).pk


def _plan(enterprise: Enterprise, person: int, host: str) -> int:
    """A plan that is under way, and ``person`` to be planned or exempt."""
    now = timezone.now()
    plan = ReclaimPlan.objects.create(
        enterprise=enterprise, wanted=3, made_at=now, made_by="mona", checked_at=now
    )
    for number, state in enumerate(SeatState, start=person + 1):
        ReclaimSeat.objects.create(
            enterprise=enterprise,
            plan=plan,
            number=number,
            accounts=f'["{host}:{number}"]',
            state=state,
            open=True,
        )
    ReclaimCandidate.objects.update_or_create(
        enterprise=enterprise,
        number=person,
        defaults={
            "accounts": f'["{host}:1"]',
            "last_active": date(2026, 3, 1),
            "unknown": False,
        },
    )
    ReclaimExemption.objects.create(
        enterprise=enterprise,
        number=person,
        reason="On parental leave",
        until=now.date() + timedelta(days=90),
        decided_by="mona",
        decided_at=now,
    )
    return plan.pk


def give_second_factors(user: User) -> dict[str, object]:
    """An authenticator app, recovery codes and two passkeys, one of them used already."""
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    for name, used in (("Laptop", None), ("Phone", timezone.now() - timedelta(days=2))):
        passkey = Authenticator.objects.create(
            user=user,
            type=Authenticator.Type.WEBAUTHN,
            last_used_at=used,
            data={"name": name, "credential": _registered(name)},
        )
    return {"passkey": passkey.pk}


def _registered(name: str) -> dict[str, object]:
    """What a browser sends once a passkey is made."""
    key = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    made = AttestedCredentialData.create(Aaguid.NONE, name.encode(), key)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT
    told = AuthenticatorData.create(sha256(b"localhost").digest(), flags, 0, made)
    client = {"type": "webauthn.create", "challenge": "", "origin": "http://localhost"}
    return {
        "id": websafe_encode(name.encode()),
        "rawId": websafe_encode(name.encode()),
        "type": "public-key",
        "response": {
            "clientDataJSON": websafe_encode(json.dumps(client).encode()),
            "attestationObject": websafe_encode(bytes(AttestationObject.create("none", told, {}))),
        },
        "clientExtensionResults": {"credProps": {"rk": True}},
    }
