"""The digest: when it is due, to whom, and what it tells."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import (
    AlertKind,
    AlertRule,
    AlertUnit,
    Digest,
    DigestRhythm,
    Enterprise,
    Event,
    EventKind,
    Membership,
    Role,
    Snapshot,
)
from enterprise.selectors.alert_facts import Facts
from enterprise.selectors.changes import changes_between
from enterprise.selectors.history import snapshot_at
from enterprise.selectors.licenses import snapshot_latest
from enterprise.services.alerts import members_named
from enterprise.services.audit import Actor, audit_record
from enterprise.services.events import event_record
from enterprise.services.scheduling import next_window

SETTINGS = ("rhythm", "weekday", "month_day", "time", "roles", "attach_csv")
SOON = 30  # days before an end that the digest tells of
SPANS = {DigestRhythm.WEEKLY: dt.timedelta(days=7), DigestRhythm.MONTHLY: dt.timedelta(days=31)}
FURTHEST = dt.timedelta(days=33)  # later than any window: a clock was wrong


def digest_get(enterprise: Enterprise) -> Digest:
    """The enterprise's digest; one that is off where it was never set."""
    return Digest.objects.filter(enterprise=enterprise).first() or Digest(enterprise=enterprise)


@transaction.atomic
def digest_set(*, enterprise: Enterprise, actor: Actor, **values: Any) -> bool:
    """Change what is given of ``SETTINGS`` and ``people`` (usernames). False if nothing changed.

    Raises Refused with the field at fault.
    """
    digest, _new = Digest.objects.get_or_create(enterprise=enterprise)
    before = _told(digest)
    for name in SETTINGS:
        if name in values:
            setattr(digest, name, values[name])
    _check(digest)
    digest.next_at = digest_next(digest, timezone.now())
    digest.save()
    if "people" in values:
        digest.people.set(members_named(enterprise, values["people"]))
    after = _told(digest)
    if before == after:
        return False
    audit_record(
        enterprise=enterprise,
        actor=actor,
        action="digest.set",
        before={name: value for name, value in before.items() if after[name] != value},
        after={name: value for name, value in after.items() if before[name] != value},
    )
    return True


def _check(digest: Digest) -> None:
    if digest.rhythm not in DigestRhythm.values:
        raise Refused("bad_digest_rhythm", field="rhythm", value=str(digest.rhythm)[:50])
    for name, least, most in (("weekday", 0, 6), ("month_day", 1, 28)):
        value = getattr(digest, name)
        if not least <= value <= most:
            raise Refused("out_of_range", field=name, value=value, least=least, most=most)
    for role in digest.roles:
        if role not in Role.values:
            raise Refused("bad_role", field="roles", value=str(role)[:50])
    digest.roles = sorted(set(digest.roles))


def _told(digest: Digest) -> dict[str, Any]:
    """What the audit log keeps; a username may be an address, so people are counted."""
    kept = {name: getattr(digest, name) for name in SETTINGS}
    return {**kept, "time": digest.time.strftime("%H:%M"), "people": digest.people.count()}


def digest_next(digest: Digest, after: dt.datetime) -> dt.datetime | None:
    """The first window later than ``after``, None while it is off."""
    zone = digest.enterprise.time_zone
    if digest.rhythm == DigestRhythm.OFF:
        return None
    weekly = digest.rhythm == DigestRhythm.WEEKLY
    window = after
    for _day in range(40):
        window = next_window(
            after=window, weekday=digest.weekday if weekly else None, time=digest.time, zone=zone
        )
        if weekly or window.astimezone(ZoneInfo(zone)).day == digest.month_day:
            break
    return window


def digests_send_due() -> int:
    """Write the digest of each enterprise whose window has come; one that was missed comes once, now."""
    now = timezone.now()
    sent = 0
    due = Digest.objects.exclude(rhythm=DigestRhythm.OFF).select_related("enterprise")
    due = due.filter(next_at__lte=now) | due.filter(next_at__gt=now + FURTHEST)
    for digest in due:
        params = digest_params(digest)
        with transaction.atomic():
            # Two beats may meet here: only one moves the window on.
            moved = Digest.objects.filter(pk=digest.pk, next_at=digest.next_at).update(
                next_at=digest_next(digest, now),
                **(
                    {"last_at": now, "last_snapshot": params["snapshot"]}
                    if params is not None
                    else {}
                ),
            )
            if moved and params is not None:
                sent += _record(digest, params, readers_of(digest)) is not None
    return sent


def digest_send_to(*, enterprise: Enterprise, users: list[int], actor: Actor) -> Event:
    """Send the digest as it would be now to these people. Raises Refused ``digest_not_counted``."""
    digest = digest_get(enterprise)
    params = digest_params(digest)
    if params is None:
        raise Refused("digest_not_counted")
    with transaction.atomic():
        event = _record(digest, params, users)
        if event is None:
            raise Refused("digest_not_counted")
        audit_record(
            enterprise=enterprise, actor=actor, action="digest.send", after={"people": len(users)}
        )
    return event


def _record(digest: Digest, params: dict[str, Any], users: list[int]) -> Event | None:
    return event_record(
        enterprise_id=digest.enterprise_id,
        kind=EventKind.DIGEST,
        params=params,
        users=users,
        subscribed=False,
    )


def readers_of(digest: Digest) -> list[int]:
    """The users that get it, by role or by name."""
    members = Membership.objects.filter(enterprise=digest.enterprise_id, user__is_active=True)
    by_role = members.filter(role__in=digest.roles).values_list("user", flat=True)
    by_name = digest.people.filter(user__is_active=True).values_list("user", flat=True)
    return sorted({*by_role, *by_name})


# --- What it tells -------------------------------------------------------------------------------


def digest_params(digest: Digest) -> dict[str, Any] | None:
    """Numbers, changes and what needs attention, without a name; None before the first count."""
    enterprise = digest.enterprise
    snapshot = snapshot_latest(enterprise)
    if snapshot is None:
        return None
    before = _before(digest)
    changes = None
    if before is not None and before.pk != snapshot.pk:
        found = changes_between(before, snapshot)
        changes = {name: len(getattr(found, name)) for name in found._fields}
    return {
        "snapshot": snapshot.pk,
        "now": _numbers(snapshot),
        "before": _numbers(before) if before is not None else None,
        "before_snapshot": before.pk if before is not None else None,
        "changes": changes,
        "attention": _attention(enterprise),
        "attach_csv": digest.attach_csv,
    }


def _before(digest: Digest) -> Snapshot | None:
    """What the last digest told, else the count a week or month ago."""
    if digest.last_snapshot is not None:
        kept = Snapshot.objects.filter(enterprise=digest.enterprise_id, pk=digest.last_snapshot)
        return kept.defer("anchors").first()
    span = SPANS.get(DigestRhythm(digest.rhythm), SPANS[DigestRhythm.WEEKLY])
    return snapshot_at(digest.enterprise, timezone.now() - span)


def _numbers(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "persons": snapshot.persons,
        "github_total": snapshot.github_total,
        "github_purchased": snapshot.github_purchased,
        "server_only": snapshot.totals.get("server_only_persons", 0),
        "ambiguous": snapshot.totals.get("ambiguous", 0),
        "at": snapshot.taken_at.isoformat(),
    }


def _attention(enterprise: Enterprise) -> list[dict[str, Any]]:
    """What alerts would tell by the thresholds that everybody shares: none free, ends within 30 days."""
    facts = Facts(enterprise)
    rules = [
        AlertRule(kind=AlertKind.FREE_SEATS, threshold=0, unit=AlertUnit.NUMBER),
        AlertRule(kind=AlertKind.SYNC),
        AlertRule(kind=AlertKind.GITHUB_SYNC),
        AlertRule(kind=AlertKind.LICENSE_EXPIRY, threshold=SOON, unit=AlertUnit.DAYS),
        AlertRule(kind=AlertKind.TOKEN_EXPIRY, threshold=SOON, unit=AlertUnit.DAYS),
        AlertRule(kind=AlertKind.CERTIFICATE_EXPIRY, threshold=SOON, unit=AlertUnit.DAYS),
    ]
    return [
        {"alert": str(rule.kind), **params}
        for rule in rules
        for params in (facts.beyond(rule) or {}).values()
    ]
