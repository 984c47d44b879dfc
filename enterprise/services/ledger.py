"""The ledger by versions: closing and inserting only what a recount found different."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from enterprise.counting.match import Count, Membership, Person
from enterprise.models import CurrentPerson, MembershipVersion, PersonVersion, Snapshot
from enterprise.services.bulk import (
    WRITE_ROWS,
    bulk_execute_in,
    bulk_insert,
    bulk_read_in,
    in_batches,
)
from enterprise.services.count_inputs import Inputs
from enterprise.services.person_rows import PersonRow, person_row
from enterprise.services.search_index import newest_person, words_index_add
from enterprise.services.staging import digest_of

ANCHOR_EVERY = 100


def pack_anchors(keys: list[str]) -> bytes:
    """Every hundredth of the sorted person keys, compressed."""
    return zlib.compress(orjson.dumps(keys[::ANCHOR_EVERY]))


def unpack_anchors(packed: bytes | memoryview[int]) -> list[str]:
    anchors: list[str] = orjson.loads(zlib.decompress(packed))
    return anchors


def github_row_ref(person: Person, inputs: Inputs) -> int | None:
    """The cloud row that tells of this person, if any.

    That is the person's own; or, of a server-only person, GHEC's row for the first account that has
    one, which gives license type and Visual Studio facts (section 3, rule 2).
    """
    if person.cloud_ref is not None:
        return person.cloud_ref
    if inputs.server_only:
        for membership in person.memberships:
            ref = inputs.server_only.get(membership.account)
            if ref is not None:
                return ref
    return None


def person_digest(person: Person, ref: int | None, inputs: Inputs) -> int:
    """Eight bytes over everything a person is made of: key, GitHub's row, accounts, e-mails, reasons.

    ``ref`` is the person's ``github_row_ref``.
    """
    parts: list[Any] = [
        person.key,
        person.cloud_ref is None,
        None if ref is None else inputs.cloud_digests[ref],
    ]
    for membership in person.memberships:
        parts += membership
        parts.append(inputs.emails.get(membership.account))
    return digest_of(parts)


class Written(NamedTuple):
    """A person to write: its place in the count, its number and digest."""

    place: int
    number: int
    digest: int


class Changes(NamedTuple):
    """What a recount found: persons to write, numbers that went, and which of the written were open."""

    written: list[Written]
    gone: list[int]
    known: set[int]


def write_changes(snapshot: Snapshot, changes: Changes, count: Count, inputs: Inputs) -> None:
    """Close what changed or went, then insert what is new, as of ``snapshot``.

    Everything is closed before anything is inserted, since an account is open in one person only.
    """
    closing = [*changes.gone, *changes.known]
    bulk_execute_in(
        "UPDATE enterprise_personversion SET to_snapshot = %s"
        " WHERE enterprise_id = %s AND to_snapshot IS NULL AND number IN",
        [snapshot.pk, snapshot.enterprise_id],
        closing,
    )
    bulk_execute_in(
        "DELETE FROM enterprise_currentperson WHERE enterprise_id = %s AND number IN",
        [snapshot.enterprise_id],
        closing,
    )
    kept = _close_memberships(snapshot, changes, count)
    newest = newest_person()
    for batch in in_batches(changes.written, WRITE_ROWS):
        persons = [(number, digest, count[place]) for place, number, digest in batch]
        rows = _rows(persons, inputs)
        _insert_persons(snapshot, persons, rows, inputs)
        _insert_current(snapshot, persons, rows)
        _insert_memberships(snapshot, persons, kept)
    words_index_add(after=newest)


_Numbered = tuple[int, int, Person]  # number, digest, person


def _close_memberships(snapshot: Snapshot, changes: Changes, count: Count) -> set[str]:
    """Close the memberships that are no more; return the accounts whose own stays as it is."""
    kept: set[str] = set()
    wanted = {
        _columns(membership, number)
        for place, number, _ in changes.written
        if number in changes.known
        for membership in count[place].memberships
    }
    over = []
    for pk, *columns in bulk_read_in(
        "SELECT id, account, number, rule, attribute, value, candidates"
        " FROM enterprise_membershipversion"
        " WHERE enterprise_id = %s AND to_snapshot IS NULL AND number IN",
        [snapshot.enterprise_id],
        [*changes.gone, *changes.known],
    ):
        if tuple(columns) in wanted:
            kept.add(columns[0])
        else:
            over.append(pk)
    bulk_execute_in(
        "UPDATE enterprise_membershipversion SET to_snapshot = %s WHERE id IN", [snapshot.pk], over
    )
    return kept


def _rows(persons: Sequence[_Numbered], inputs: Inputs) -> list[PersonRow]:
    """Each person's row of the report, with what GitHub's rows tell."""
    refs = [github_row_ref(person, inputs) for _, _, person in persons]
    reports: dict[int | None, str] = dict(
        bulk_read_in(
            "SELECT id, report FROM enterprise_cloudaccount WHERE id IN",
            [],
            {ref for ref in refs if ref is not None},
        )
    )
    # A row may be missing only if an apply has just replaced it: then the recount rolls back.
    facts = {ref: orjson.loads(text) for ref, text in reports.items()}
    return [
        person_row(person, facts.get(ref, {}), inputs.emails)
        for (_, _, person), ref in zip(persons, refs, strict=True)
    ]


def _insert_persons(
    snapshot: Snapshot, persons: Iterable[_Numbered], rows: Iterable[PersonRow], inputs: Inputs
) -> None:
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
        ),
        (
            (
                snapshot.enterprise_id,
                number,
                person.key,
                "" if person.cloud_ref is None else inputs.cloud_keys[person.cloud_ref],
                row.license_type,
                len(person.memberships),
                digest,
                row.report,
                snapshot.pk,
            )
            for (number, digest, person), row in zip(persons, rows, strict=True)
        ),
    )


def _insert_current(
    snapshot: Snapshot, persons: Iterable[_Numbered], rows: Iterable[PersonRow]
) -> None:
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
            for (number, _, person), row in zip(persons, rows, strict=True)
        ),
    )


def _insert_memberships(snapshot: Snapshot, persons: Iterable[_Numbered], kept: set[str]) -> None:
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
        ),
        (
            (snapshot.enterprise_id, *_columns(membership, number), snapshot.pk)
            for number, _, person in persons
            for membership in person.memberships
            if membership.account not in kept
        ),
    )


def _columns(membership: Membership, number: int) -> tuple[Any, ...]:
    account, rule, attribute, value, candidates = membership
    packed = orjson.dumps(candidates).decode() if candidates else ""
    return account, number, rule, attribute, value, packed
