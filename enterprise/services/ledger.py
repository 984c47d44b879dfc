"""The ledger by versions: closing and inserting only what a recount found different."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson
from django.db.models import Max

from enterprise.counting.match import Membership, Person
from enterprise.models import (
    CloudAccount,
    CurrentPerson,
    MembershipVersion,
    PersonVersion,
    Snapshot,
)
from enterprise.services.bulk import (
    IN_LIST,
    WRITE_ROWS,
    bulk_execute,
    bulk_insert,
    bulk_read,
    in_batches,
)
from enterprise.services.count_inputs import Inputs
from enterprise.services.person_rows import person_row
from enterprise.services.staging import digest_of

ANCHOR_EVERY = 100


def pack_anchors(keys: list[str]) -> bytes:
    """Every hundredth of the sorted person keys, compressed."""
    return zlib.compress(orjson.dumps(keys[::ANCHOR_EVERY]))


def unpack_anchors(packed: bytes | memoryview[int]) -> list[str]:
    anchors: list[str] = orjson.loads(zlib.decompress(packed))
    return anchors


def person_digest(person: Person, inputs: Inputs) -> int:
    """Eight bytes over everything a person is made of: key, cloud rows, accounts, e-mails, reasons."""
    parts: list[Any] = [person.key, inputs.cloud_digests.get(person.cloud_ref or 0)]
    for membership in person.memberships:
        parts.append(membership)
        parts.append(inputs.emails.get(membership.account))
    if person.cloud_ref is None:
        parts.append(inputs.cloud_digests.get(server_only_ref(person, inputs) or 0))
    return digest_of(parts)


def server_only_ref(person: Person, inputs: Inputs) -> int | None:
    """GHEC's own row for the first account of a server-only person that has one."""
    for membership in person.memberships:
        ref = inputs.server_only.get(membership.account)
        if ref is not None:
            return ref
    return None


class Current(NamedTuple):
    """The open versions: digest by number, and the numbers that identity is inherited from."""

    digests: dict[int, int]
    by_cloud_key: dict[str, int]
    by_account: dict[str, int]


def read_current(enterprise_id: int) -> Current:
    digests: dict[int, int] = {}
    by_cloud_key: dict[str, int] = {}
    for number, digest, cloud_key in bulk_read(
        "SELECT number, digest, cloud_key FROM enterprise_personversion"
        " WHERE enterprise_id = %s AND to_snapshot IS NULL",
        [enterprise_id],
    ):
        digests[number] = digest
        if cloud_key:
            by_cloud_key[cloud_key] = number
    by_account = dict(
        bulk_read(
            "SELECT account, number FROM enterprise_membershipversion"
            " WHERE enterprise_id = %s AND to_snapshot IS NULL",
            [enterprise_id],
        )
    )
    return Current(digests, by_cloud_key, by_account)


def assign_numbers(
    enterprise_id: int, persons: Iterable[Person], inputs: Inputs, current: Current
) -> list[int]:
    """The number of each person, in the order of ``persons`` (section 3, rule 6).

    Cloud rows first, in key order, take the number of their last person, one that has left
    included; then, in key order, groups take the smallest unclaimed number among their accounts;
    each number once; the rest are new.
    """
    numbers: list[int] = []
    claimed: set[int] = set()
    without: list[tuple[int, str, tuple[str, ...]]] = []
    for index, person in enumerate(persons):
        number = 0
        if person.cloud_ref is not None:
            number = current.by_cloud_key.get(inputs.cloud_keys[person.cloud_ref], 0)
        numbers.append(number)
        if number:
            claimed.add(number)
        else:
            accounts = tuple(membership.account for membership in person.memberships)
            without.append((index, "" if person.cloud_ref is None else person.key, accounts))
    everyone = PersonVersion.objects.filter(enterprise_id=enterprise_id)
    newest = everyone.aggregate(Max("number"))["number__max"] or 0
    departed = dict(
        _numbers_of_the_departed(enterprise_id, [key for _, key, _ in without if key])
        if newest
        else ()
    )
    for index, key, _ in without:
        number = departed.get(key, 0)
        if number and number not in claimed:
            numbers[index] = number
            claimed.add(number)
    for index, _, accounts in without:
        if numbers[index]:
            continue
        found = (current.by_account.get(account, 0) for account in accounts)
        number = min((n for n in found if n and n not in claimed), default=0)
        if not number:
            newest += 1
            number = newest
        numbers[index] = number
        claimed.add(number)
    return numbers


def _numbers_of_the_departed(enterprise_id: int, keys: Iterable[str]) -> Iterator[tuple[str, int]]:
    """(key, number) of the last person that had a cloud row of this key, for cloud rows without one."""
    for batch in in_batches(sorted(keys), IN_LIST):
        yield from (
            PersonVersion.objects.filter(enterprise_id=enterprise_id, key__in=batch)
            .exclude(cloud_key="")
            .values_list("key")
            .annotate(Max("number"))
            .order_by("key")
        )


class Changes(NamedTuple):
    """What a recount found: persons to write, with their numbers and digests, and numbers that went."""

    written: list[tuple[int, int, Person]]
    gone: list[int]
    known: set[int]  # of the written, those that had an open version


def write_changes(snapshot: Snapshot, changes: Changes, inputs: Inputs) -> None:
    """Close what changed or went and insert what is new, as of ``snapshot``."""
    closing = [*changes.gone, *changes.known]
    enterprise_id = snapshot.enterprise_id
    where = "enterprise_id = %s AND number = %s"
    bulk_execute(
        f"UPDATE enterprise_personversion SET to_snapshot = %s WHERE {where} AND to_snapshot IS NULL",  # noqa: S608
        ((snapshot.pk, enterprise_id, number) for number in closing),
    )
    bulk_execute(
        f"DELETE FROM enterprise_currentperson WHERE {where}",  # noqa: S608
        ((enterprise_id, number) for number in closing),
    )
    _write_memberships(snapshot, changes)
    for batch in in_batches(_rendered(changes.written, inputs), WRITE_ROWS):
        _insert_persons(snapshot, batch, inputs)
        _insert_current(snapshot, batch)


def _rendered(written: list[tuple[int, int, Person]], inputs: Inputs) -> Iterator[tuple[Any, ...]]:
    """(number, digest, person, row) of each person to write, reading cloud rows a batch at a time."""
    for batch in in_batches(written, IN_LIST):
        wanted = {}
        for number, _, person in batch:
            ref = person.cloud_ref
            wanted[number] = server_only_ref(person, inputs) if ref is None else ref
        reports = dict(
            CloudAccount.objects.filter(pk__in={ref for ref in wanted.values() if ref}).values_list(
                "pk", "report"
            )
        )
        for number, digest, person in batch:
            text = reports.get(wanted[number] or 0)
            facts = orjson.loads(text) if text else None
            own = facts if person.cloud_ref is not None else None
            other = facts if person.cloud_ref is None else None
            yield number, digest, person, person_row(person, own, other, inputs.emails)


def _insert_persons(snapshot: Snapshot, rendered: list[tuple[Any, ...]], inputs: Inputs) -> None:
    bulk_insert(
        PersonVersion,
        (
            "enterprise",
            "number",
            "key",
            "cloud_key",
            "license_type",
            "accounts",
            "digest",
            "report",
            "from_snapshot",
            "to_snapshot",
        ),
        (
            (
                snapshot.enterprise_id,
                number,
                person.key,
                inputs.cloud_keys.get(person.cloud_ref, ""),
                row.license_type,
                len(person.memberships),
                digest,
                row.report,
                snapshot.pk,
                None,
            )
            for number, digest, person, row in rendered
        ),
    )


def _insert_current(snapshot: Snapshot, rendered: list[tuple[Any, ...]]) -> None:
    bulk_insert(
        CurrentPerson,
        (
            "enterprise",
            "number",
            "key",
            "kind",
            "license_type",
            "accounts",
            "ambiguous",
            "words",
            "public_words",
        ),
        (
            (
                snapshot.enterprise_id,
                number,
                person.key,
                row.kind,
                row.license_type,
                len(person.memberships),
                any(membership.candidates for membership in person.memberships),
                row.words,
                row.public_words,
            )
            for number, _, person, row in rendered
        ),
    )


def _write_memberships(snapshot: Snapshot, changes: Changes) -> None:
    """Close and insert the memberships that differ, of the persons that changed."""
    stored: dict[tuple[Any, ...], int] = {}
    for batch in in_batches([*changes.gone, *changes.known], IN_LIST):
        for pk, *stored_columns in MembershipVersion.objects.filter(
            enterprise_id=snapshot.enterprise_id, number__in=batch, to_snapshot=None
        ).values_list("pk", "account", "number", "rule", "attribute", "value", "candidates"):
            stored[tuple(stored_columns)] = pk
    fresh = []
    for number, _, person in changes.written:
        for membership in person.memberships:
            columns = _columns(membership, number)
            if stored.pop(columns, None) is None:
                fresh.append(columns)
    bulk_execute(
        "UPDATE enterprise_membershipversion SET to_snapshot = %s WHERE id = %s",
        ((snapshot.pk, pk) for pk in stored.values()),
    )
    bulk_insert(
        MembershipVersion,
        (
            "enterprise",
            "account",
            "number",
            "rule",
            "attribute",
            "value",
            "candidates",
            "from_snapshot",
            "to_snapshot",
        ),
        ((snapshot.enterprise_id, *columns, snapshot.pk, None) for columns in fresh),
    )


def _columns(membership: Membership, number: int) -> tuple[Any, ...]:
    candidates = orjson.dumps(membership.candidates).decode() if membership.candidates else ""
    return (
        membership.account,
        number,
        membership.rule,
        membership.attribute,
        membership.value,
        candidates,
    )
