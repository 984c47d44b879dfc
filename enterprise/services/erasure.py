"""Taking personal data of somebody who consumes no license any more out of the history.

Counts stay as they were: a person's number, and which accounts (``HOST:ID``) they had, make the numbers
of old reports add up. Login, name, profile, e-mails and every linked value go; in their place stands a
pseudonym, ``removed #NUMBER``, and the reason of each account says "e-mail removed". What a source still
tells (a suspended account, say) is not the history's, and stays as long as the source tells it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import orjson
from django.db import transaction
from django.db.models import Max

from enterprise.emails import REMOVED
from enterprise.faults import Refused
from enterprise.models import (
    CostCenterEntry,
    Duplicate,
    Enterprise,
    MembershipVersion,
    PersonVersion,
    ReclaimExemption,
    Snapshot,
)
from enterprise.models.duplicates import DuplicateState
from enterprise.records import CloudRow
from enterprise.selectors.persons import valid_as_of
from enterprise.services.allocation import identifiers_of
from enterprise.services.audit import SYSTEM, Actor, audit_record
from enterprise.services.bulk import bulk_execute, in_batches
from enterprise.services.cloud_rows import report_of
from enterprise.services.cost_centers import mapping_version_raise
from enterprise.services.ledger import pack_anchors
from enterprise.services.staging import digest_of

PREFIX = "removed #"  # no login, e-mail or HOST:ID looks like it
KEPT = (
    "license_type",
    "total_user_accounts",
    "github_com_user",
    "enterprise_server_user",
    "enterprise_server_user_ids",
    "visual_studio_subscription_user",
)
"""What of a report's row tells nothing about a person but that they counted."""

_BLANK = report_of(CloudRow())
_A_BATCH = 500


def pseudonym(number: int) -> str:
    return f"{PREFIX}{number}"


def person_consumes(enterprise: Enterprise, number: int) -> bool:
    return PersonVersion.objects.filter(
        enterprise=enterprise, number=number, to_snapshot=None
    ).exists()


@transaction.atomic
def person_erase(*, enterprise: Enterprise, number: int, actor: Actor) -> bool:
    """Erase one person from the history. False if nothing of theirs is left.

    Raises Refused ``person_consumes`` for one who counts now, ``person_unknown`` for no such number.
    """
    Enterprise.objects.select_for_update().get(pk=enterprise.pk)
    if person_consumes(enterprise, number):
        raise Refused("person_consumes", number=number)
    if not PersonVersion.objects.filter(enterprise=enterprise, number=number).exists():
        raise Refused("person_unknown", number=number)
    if not _erase(enterprise, [number]):
        return False
    audit_record(
        enterprise=enterprise, actor=actor, action="person.erase", target=pseudonym(number)
    )
    return True


def persons_expire(*, days: int, as_of: dt.datetime) -> int:
    """Erase everybody who, by ``as_of``, had consumed no license for ``days``; how many.

    There is one event for all of them.
    """
    limit = as_of - dt.timedelta(days=days)
    erased = 0
    for enterprise in Enterprise.objects.order_by("pk"):
        before = Snapshot.objects.filter(enterprise=enterprise, taken_at__lt=limit).aggregate(
            newest=Max("pk")
        )["newest"]
        if before is None:
            continue
        with transaction.atomic():
            Enterprise.objects.select_for_update().get(pk=enterprise.pk)
            numbers = _long_gone(enterprise, before)
            count = _erase(enterprise, numbers) if numbers else 0
            if count:
                audit_record(
                    enterprise=enterprise,
                    actor=SYSTEM,
                    action="person.erase",
                    after={"persons": count, "gone_for_days": days},
                )
        erased += count
    return erased


def _long_gone(enterprise: Enterprise, before: int) -> list[int]:
    """The persons whose last version had ended with snapshot ``before``, and who are not erased."""
    versions = PersonVersion.objects.filter(enterprise=enterprise)
    current = versions.filter(to_snapshot=None).values("number")
    ended = versions.filter(to_snapshot__lte=before).exclude(key__startswith=PREFIX)
    later = versions.filter(to_snapshot__gt=before).values("number")
    left = ended.exclude(number__in=current).exclude(number__in=later)
    return sorted(set(left.values_list("number", flat=True)))


def _erase(enterprise: Enterprise, numbers: Sequence[int]) -> int:
    """Overwrite all versions of these persons; how many persons had something to erase."""
    touched: list[tuple[int, int]] = []
    keys: dict[str, str] = {}
    erased: set[int] = set()
    values: set[str] = set()
    rows = []
    for batch in in_batches(numbers, _A_BATCH):
        versions = PersonVersion.objects.filter(enterprise=enterprise, number__in=batch)
        for version in versions.exclude(to_snapshot=None).exclude(key__startswith=PREFIX):
            name = pseudonym(version.number)
            report = orjson.loads(version.report)
            values.update(identifiers_of(report))
            kept = {each: report[each] for each in KEPT if each in report}
            digest = digest_of([name, version.from_snapshot])
            rows.append((name, orjson.dumps({**_BLANK, **kept}).decode(), digest, version.pk))
            touched.append((version.from_snapshot, version.to_snapshot or 0))
            keys[version.key] = name
            erased.add(version.number)
        accounts = MembershipVersion.objects.filter(enterprise=enterprise, number__in=batch)
        values |= set(accounts.values_list("value", flat=True)) - {"", REMOVED}
        for one_of_two in ("one__in", "other__in"):  # closed ones hold no evidence any more
            dismissed = Duplicate.objects.filter(enterprise=enterprise, **{one_of_two: batch})
            dismissed.filter(state=DuplicateState.DISMISSED).delete()
        # An owner's own words about them, for a seat that they hold no more.
        ReclaimExemption.objects.filter(enterprise=enterprise, number__in=batch).delete()
        accounts.exclude(value="").update(value=REMOVED)
        accounts.exclude(candidates="").update(candidates="")
    bulk_execute(
        "UPDATE enterprise_personversion SET key = %s, cloud_key = '', report = %s, digest = %s"
        " WHERE id = %s",
        rows,
    )
    _forget_cost_centers(enterprise, {*keys, *values} - {""})
    _forget_candidates(enterprise, keys)
    _order_anew(enterprise, touched)
    return len(erased)


def _forget_cost_centers(enterprise: Enterprise, names: set[str]) -> None:
    """Their lines of the mapping, but for those that somebody is known by who consumes now."""
    entries = CostCenterEntry.objects.filter(enterprise=enterprise)
    theirs: set[str] = set()
    for batch in in_batches(sorted(names), _A_BATCH):
        theirs.update(entries.filter(identifier__in=batch).values_list("identifier", flat=True))
    if not theirs:
        return
    current = PersonVersion.objects.filter(enterprise=enterprise, to_snapshot=None)
    for report in current.values_list("report", flat=True).iterator(chunk_size=2000):
        theirs.difference_update(identifiers_of(orjson.loads(report)))
    for batch in in_batches(sorted(theirs), _A_BATCH):
        entries.filter(identifier__in=batch).delete()
    if theirs:
        mapping_version_raise(enterprise)


def _forget_candidates(enterprise: Enterprise, keys: dict[str, str]) -> None:
    """Former ambiguities of others name those who fitted too."""
    others = MembershipVersion.objects.filter(enterprise=enterprise).exclude(candidates="")
    for pk, text in others.exclude(to_snapshot=None).values_list("pk", "candidates"):
        names = orjson.loads(text)
        replaced = [keys.get(name, name) for name in names]
        if replaced != names:
            MembershipVersion.objects.filter(pk=pk).update(
                candidates=orjson.dumps(replaced).decode()
            )


def _order_anew(enterprise: Enterprise, spans: Iterable[tuple[int, int]]) -> None:
    """A new key stands elsewhere in the order of a report: the anchors of each one it is in change."""
    spans = list(spans)
    if not spans:
        return
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    snapshots = Snapshot.objects.filter(enterprise=enterprise, pk__gte=first, pk__lt=last)
    for pk in list(snapshots.order_by("pk").values_list("pk", flat=True)):
        if not any(start <= pk < end for start, end in spans):
            continue
        found = PersonVersion.objects.filter(valid_as_of(Snapshot(pk=pk)), enterprise=enterprise)
        found = found.order_by("key")
        ordered = list(found.values_list("key", flat=True).iterator(chunk_size=2000))
        Snapshot.objects.filter(pk=pk).update(anchors=pack_anchors(ordered))
