"""The work-list: searched after each recount, and kept as rows that pages read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson
from django.utils import timezone

from enterprise.counting.duplicates import Evidence, Suspicion, find
from enterprise.counting.joining import Joining, confidence
from enterprise.models import (
    Duplicate,
    DuplicateEnding,
    DuplicateSearch,
    DuplicateState,
    Enterprise,
    Snapshot,
)
from enterprise.services.bulk import bulk_execute, bulk_insert
from enterprise.services.duplicate_inputs import DuplicateInputs, PersonFacts

STEPS = (90, 75, 50, 0)
"""Confidences, in per cent, for which the page says what joining all of at least so many saves."""

_NOBODY = PersonFacts([])


class Found(NamedTuple):
    """A pair as it is kept; the columns of ``Duplicate`` by name."""

    one: int
    other: int
    with_cloud: bool
    confidence: int
    group: int
    group_saves: int
    rules: str
    hosts: str
    evidence: str
    accounts: str
    change: str


class Search(NamedTuple):
    found: list[Found]
    inputs: DuplicateInputs


def duplicates_search(*, enterprise: Enterprise) -> Search:
    """Look for persons who are probably one, in the ledger as it is now. Writes nothing."""
    inputs = DuplicateInputs(enterprise)
    secondaries, logins = list(inputs.secondaries()), list(inputs.logins())
    suspicions = find(
        inputs.known(), inputs.clouds, inputs.domains, logins=logins, secondaries=secondaries
    )
    facts = inputs.facts({number for each in suspicions for number in (each.one, each.other)})
    pairs = [
        _pair(each, facts.get(each.one, _NOBODY), facts.get(each.other, _NOBODY), inputs)
        for each in suspicions
    ]
    return Search(grouped(pairs, inputs.clouds), inputs)


def grouped(pairs: list[Found], clouds: Iterable[int]) -> list[Found]:
    """The pairs, each with the group that it belongs to and the seats that the group would save."""
    joining = Joining(frozenset(clouds))
    for pair in pairs:
        joining.join(pair.one, pair.other)
    return [
        pair._replace(group=joining.group(pair.one), group_saves=joining.saved_by(pair.one))
        for pair in pairs
    ]


def _pair(
    suspicion: Suspicion, one: PersonFacts, other: PersonFacts, inputs: DuplicateInputs
) -> Found:
    hosts = [
        {account.rpartition(":")[0] for account, _ in facts.accounts} for facts in (one, other)
    ]
    shared = sorted(hosts[0] & hosts[1])
    accounts = {
        "one": [account for account, _ in one.accounts],
        "other": [account for account, _ in other.accounts],
    }
    return Found(
        suspicion.one,
        suspicion.other,
        suspicion.other in inputs.clouds,
        confidence(suspicion.evidence, same_host=bool(shared)),
        group=0,
        group_saves=0,
        rules=_listed(each.rule for each in suspicion.evidence),
        hosts=_listed(sorted(hosts[0] | hosts[1])),
        evidence=_json([each._asdict() for each in suspicion.evidence]),
        accounts=_json(accounts),
        change=_json(_change(suspicion, one, other, inputs, shared)),
    )


def _listed(words: Iterable[str]) -> str:
    return f" {' '.join(words)} "


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _change(
    suspicion: Suspicion,
    one: PersonFacts,
    other: PersonFacts,
    inputs: DuplicateInputs,
    shared: list[str],
) -> dict[str, Any]:
    """What to change where, as parameters of ``wording.duplicates``.

    ``accounts`` get the primary e-mail ``email``, or ``verify`` is verified on the cloud account
    ``login``. On an instance in ``shared`` an e-mail can be there once only, so one account has to
    go. Of two persons on servers only, those with an e-mail at a domain of the enterprise keep it.
    """
    if suspicion.other in inputs.clouds:
        return {
            "accounts": [account for account, _ in one.accounts],
            "email": _target(suspicion.evidence, other),
            "verify": next((email for _, email in one.accounts if email), ""),
            "login": other.login,
            "shared": shared,
        }
    stays, moves = other, one
    if not _is_own(stays, inputs) and _is_own(moves, inputs):
        stays, moves = moves, stays
    return {
        "accounts": [account for account, _ in moves.accounts],
        "email": next((email for _, email in stays.accounts if email), ""),
        "verify": "",
        "login": "",
        "shared": shared,
    }


def _target(evidence: tuple[Evidence, ...], cloud: PersonFacts) -> str:
    """The e-mail of a cloud account that the evidence names, else its best one."""
    named = [each.other for each in evidence if each.other in cloud.emails]
    return next(iter([*named, *cloud.emails]), "")


def _is_own(facts: PersonFacts, inputs: DuplicateInputs) -> bool:
    return any(email and inputs.own(email.rpartition("@")[2]) for _, email in facts.accounts)


# --- Keeping what was found ----------------------------------------------------------------------


def duplicates_record(*, enterprise: Enterprise, snapshot: Snapshot, search: Search) -> None:
    """Bring the rows up to what was found, and close what is over. Inside the caller's transaction.

    What a person decided is not touched: only what was found of a row is written.
    """
    now = timezone.now()
    rows = {(row.one, row.other): row for row in Duplicate.objects.filter(enterprise=enterprise)}
    found = {(each.one, each.other): each for each in search.found}
    _update(rows, found)
    _insert(enterprise, snapshot, now, [found[pair] for pair in found if pair not in rows])
    over = [
        row for pair, row in rows.items() if pair not in found and row.state == DuplicateState.OPEN
    ]
    endings = _endings(over, search.inputs)
    bulk_execute(
        "UPDATE enterprise_duplicate SET state = %s, ending = %s, saved = %s, closed_at = %s,"
        " evidence = '', change = '' WHERE id = %s AND state = %s",
        (
            (
                DuplicateState.CLOSED.value,
                ending.value,
                saved,
                now,
                row.pk,
                DuplicateState.OPEN.value,
            )
            for row, (ending, saved) in zip(over, endings, strict=True)
        ),
    )
    DuplicateSearch.objects.update_or_create(
        enterprise=enterprise,
        defaults={
            "snapshot": snapshot.pk,
            "searched_at": now,
            "unavailable": search.inputs.unavailable,
        },
    )
    duplicates_sum_up(enterprise=enterprise)


def _update(
    rows: Mapping[tuple[int, int], Duplicate], found: Mapping[tuple[int, int], Found]
) -> None:
    """Write what is found otherwise than before; what faded and is found again is open again."""
    columns = Found._fields[2:]  # without the pair itself
    changed = [
        (row, found[pair])
        for pair, row in rows.items()
        if pair in found
        and (
            row.state == DuplicateState.CLOSED
            or any(getattr(row, name) != getattr(found[pair], name) for name in columns)
        )
    ]
    quoted = ", ".join(f'"{name}" = %s' for name in columns)
    bulk_execute(
        f"UPDATE enterprise_duplicate SET {quoted} WHERE id = %s",  # noqa: S608 - names, no input
        ((*(getattr(each, name) for name in columns), row.pk) for row, each in changed),
    )
    bulk_execute(
        "UPDATE enterprise_duplicate SET state = %s, ending = '', closed_at = NULL, saved = 0"
        " WHERE id = %s AND state = %s",
        (
            (DuplicateState.OPEN.value, row.pk, DuplicateState.CLOSED.value)
            for row, _ in changed
            if row.state == DuplicateState.CLOSED
        ),
    )


def _insert(enterprise: Enterprise, snapshot: Snapshot, now: Any, found: list[Found]) -> None:
    bulk_insert(
        Duplicate,
        (
            *("enterprise", *Found._fields, "state", "found_at", "found_snapshot"),
            *("decided_by", "reason", "ending", "saved"),
        ),
        (
            (enterprise.pk, *each, DuplicateState.OPEN.value, now, snapshot.pk, "", "", "", 0)
            for each in found
        ),
    )


def _endings(over: list[Duplicate], inputs: DuplicateInputs) -> list[tuple[DuplicateEnding, int]]:
    """How each of these ended, and the seats that saved: of persons joined, one less than they were."""
    accounts = {row.pk: orjson.loads(row.accounts) for row in over}
    now = inputs.whose({a for each in accounts.values() for a in (*each["one"], *each["other"])})
    joined = Joining(inputs.clouds)
    endings = []
    for row in sorted(over, key=lambda row: (-row.confidence, row.pk)):
        one = {now[account] for account in accounts[row.pk]["one"] if account in now}
        other = {now[account] for account in accounts[row.pk]["other"] if account in now}
        if row.other in inputs.clouds:
            other = {row.other}
        if not one or not other:
            ending = DuplicateEnding.LEFT
        elif one == other and len(one) == 1:
            ending = DuplicateEnding.JOINED
        elif row.one in one and row.other in other:
            ending = DuplicateEnding.FADED
        else:
            ending = DuplicateEnding.ELSEWHERE
        saved = ending == DuplicateEnding.JOINED and joined.join(row.one, row.other)
        endings.append((row.pk, (ending, int(saved))))
    by_row = dict(endings)
    return [by_row[row.pk] for row in over]


def duplicates_sum_up(*, enterprise: Enterprise) -> None:
    """Add up what is open, by confidence, so that the page need not."""
    pairs = list(
        Duplicate.objects.filter(enterprise=enterprise, state=DuplicateState.OPEN)
        .order_by("-confidence", "pk")
        .values_list("confidence", "one", "other", "with_cloud")
    )
    joining = Joining(frozenset(other for _, _, other, with_cloud in pairs if with_cloud))
    count: dict[str, int] = {}
    saves: dict[str, int] = {}
    at = 0
    for step in STEPS:
        while at < len(pairs) and pairs[at][0] >= step:
            joining.join(*pairs[at][1:3])
            at += 1
        count[str(step)], saves[str(step)] = at, joining.saved
    DuplicateSearch.objects.filter(enterprise=enterprise).update(open=count, saves=saves)
