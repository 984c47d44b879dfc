"""Every past snapshot can be read as it was, after any changes (architecture.md, "by versions")."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
import pytest

from enterprise.counting.match import match
from enterprise.models import CurrentPerson, MembershipVersion, PersonVersion, Snapshot
from enterprise.records import CloudRow
from enterprise.selectors.licenses import report_rows, report_walk
from enterprise.selectors.persons import valid_as_of
from enterprise.services.count_inputs import Inputs
from enterprise.services.ledger import pack_anchors, unpack_anchors
from tests.services.applied import Applied

pytestmark = pytest.mark.django_db

SECOND = "ghes2.example.com"
PEOPLE = 260  # more than two anchors
NAMES = [f"person{number}" for number in range(PEOPLE)] + ["josé", "straße", "Ünal", "x#2", "a+b"]

PERSON = ("number", "key", "license_type", "accounts", "report", "cloud_key")
MEMBERSHIP = ("account", "number", "rule", "attribute", "value", "candidates")


class State(NamedTuple):
    """Everything the ledger says at one moment."""

    persons: list[tuple[Any, ...]]
    memberships: list[tuple[Any, ...]]


def state_now(applied: Applied) -> State:
    current = {"enterprise": applied.enterprise, "to_snapshot": None}
    persons = PersonVersion.objects.filter(**current).values_list(*PERSON)
    memberships = MembershipVersion.objects.filter(**current).values_list(*MEMBERSHIP)
    return State(sorted(persons, key=lambda person: person[1].encode()), sorted(memberships))


def state_as_of(applied: Applied, snapshot: Snapshot) -> State:
    then = {"enterprise": applied.enterprise}
    persons = PersonVersion.objects.filter(valid_as_of(snapshot), **then)
    memberships = MembershipVersion.objects.filter(valid_as_of(snapshot), **then)
    return State(
        list(persons.order_by("key").values_list(*PERSON)),
        sorted(memberships.values_list(*MEMBERSHIP)),
    )


def email(chance: random.Random) -> str:
    name = chance.choice(NAMES)
    return chance.choice(
        ["", f"{name}@example.com", f"{name}@example.com", f"{name}@Straße.example"]
    )


def put_row(applied: Applied, chance: random.Random) -> None:
    name = chance.choice(NAMES)
    kind = chance.randrange(10)
    ref = f"{chance.choice(['ghes1', SECOND, 'ghes9'])}:{chance.randrange(PEOPLE)}"
    if kind < 7:
        row = CloudRow(
            login=name.capitalize(),
            cloud_user=True,
            verified_emails=(email(chance),),
            saml_name_id=email(chance) if kind < 2 else "",
            server_user=True,
            server_user_ids=(ref,),
            server_emails=(email(chance),),
            license_type=chance.choice(["enterprise", "Visual Studio subscription"]),
        )
    elif kind == 7:
        row = CloudRow(
            visual_studio_user=True,
            visual_studio_status=chance.choice(["Matched", "Pending"]),
            visual_studio_email=f"{name}@example.com",
        )
    elif kind == 8:
        row = CloudRow(server_user=True, server_user_ids=(ref,), license_type="visual studio")
    else:
        row = CloudRow(pending_invites=("org",), server_emails=(f"{name}@example.com",))
    applied.cloud(row)


def take_row(applied: Applied, chance: random.Random) -> None:
    keys = sorted(applied.enterprise.cloud_accounts.values_list("key", flat=True))
    if keys:
        applied.cloud_gone(chance.choice(keys))


def put_account(applied: Applied, chance: random.Random) -> None:
    applied.account(
        chance.randrange(PEOPLE),
        email(chance),
        host=chance.choice(sorted(applied.instances)),
        suspended=chance.random() < 0.1,
        never_signed_in=chance.random() < 0.1,
    )


def take_account(applied: Applied, chance: random.Random) -> None:
    host = chance.choice(sorted(applied.instances))
    applied.account_gone(chance.randrange(PEOPLE), host=host)


CHANGES: list[Callable[[Applied, random.Random], None]] = [
    put_row,
    put_row,
    put_account,
    put_account,
    put_account,
    take_row,
    take_account,
]


def check_now(applied: Applied) -> None:
    """The open versions are the count of what is applied, and the search table says the same."""
    now = state_now(applied)
    inputs = Inputs(applied.enterprise, beat=lambda _: None)
    count = match(inputs.cloud(), inputs.accounts, inputs.not_consuming)
    keys = {number: key for number, key, *_ in now.persons}
    assert [key for _, key, *_ in now.persons] == [person.key for person in count]
    assert [
        (account, keys[number], rule, attribute, value, candidates)
        for account, number, rule, attribute, value, candidates in now.memberships
    ] == sorted(
        (
            membership.account,
            person.key,
            membership.rule,
            membership.attribute,
            membership.value,
            orjson.dumps(membership.candidates).decode() if membership.candidates else "",
        )
        for person in count
        for membership in person.memberships
    )
    accounts: dict[int, list[str]] = {}
    ambiguous = set()
    for account, number, _, _, _, candidates in now.memberships:
        accounts.setdefault(number, []).append(account)
        if candidates:
            ambiguous.add(number)
    search = CurrentPerson.objects.filter(enterprise=applied.enterprise)
    columns = ("number", "key", "license_type", "accounts", "ambiguous")
    assert sorted(search.values_list(*columns)) == sorted(
        (number, key, license_type, size, number in ambiguous)
        for number, key, license_type, size, _, _ in now.persons
    )
    for number, _, _, size, report, _ in now.persons:
        assert orjson.loads(report)["enterprise_server_user_ids"] == accounts.get(number, [])
        assert size == len(accounts.get(number, []))


def check_identity(before: State, now: State) -> None:
    """A cloud row that stays keeps its number; of accounts that stay together one number stays."""
    rows = {cloud_key: number for number, *_, cloud_key in before.persons if cloud_key}
    assert all(
        rows.get(cloud_key, number) == number for number, *_, cloud_key in now.persons if cloud_key
    )
    numbers = [number for number, *_ in now.persons]
    assert len(set(numbers)) == len(numbers)
    accounts_then: dict[int, set[str]] = {}
    for account, number, *_ in before.memberships:
        accounts_then.setdefault(number, set()).add(account)
    accounts_now: dict[int, set[str]] = {}
    for account, number, *_ in now.memberships:
        accounts_now.setdefault(number, set()).add(account)
    server_only = {number for number, *_, cloud_key in now.persons if not cloud_key}
    same = {frozenset(accounts): number for number, accounts in accounts_then.items()}
    apart_then = {number for number, *_, cloud_key in before.persons if not cloud_key}
    for number in server_only:
        was = same.get(frozenset(accounts_now[number]))
        if was in apart_then:
            assert number == was


@pytest.mark.parametrize("seed", range(6))
def test_every_snapshot_reads_as_it_was_when_it_was_current(seed: int) -> None:
    chance = random.Random(seed)
    applied = Applied()
    applied.instance(SECOND)
    for _ in range(PEOPLE):
        put_row(applied, chance)
        put_account(applied, chance)
    remembered: dict[int, State] = {}
    before = State([], [])
    for step in range(12):
        for _ in range(chance.choice([0, 1, 5, 40])):
            chance.choice(CHANGES)(applied, chance)
        if step == 7:
            applied.enterprise.exclude_never_signed_in = True
            applied.enterprise.save()
        applied.recount()
        check_now(applied)
        now = state_now(applied)
        check_identity(before, now)
        newest = applied.snapshots[-1].pk
        assert remembered.setdefault(newest, now) == now
        before = now

    assert [snapshot.pk for snapshot in applied.snapshots] == list(remembered)
    for snapshot in applied.snapshots:
        state = remembered[snapshot.pk]
        assert state_as_of(applied, snapshot) == state
        lines = [person[:-1] for person in state.persons]
        assert list(report_walk(snapshot)) == lines
        assert snapshot.persons == len(lines) > 2 * 100
        for per_page in (7, 30, 99, 100, 101, 1000):
            pages = [
                report_rows(snapshot, page=page, per_page=per_page)
                for page in range(1, len(lines) // per_page + 3)
            ]
            assert [line for page in pages for line in page] == lines
            assert [len(page) for page in pages if page][:-1] == [per_page] * (
                (len(lines) - 1) // per_page
            )


def test_only_what_differs_is_written() -> None:
    applied = Applied()
    for number in range(20):
        applied.account(number, f"person{number}@example.com")
    applied.recount()
    applied.account(7, "moved@example.com")
    run = applied.recount()
    assert run.counts == {"read": 20, "persons": 20, "added": 0, "changed": 1, "removed": 0}
    first, second = applied.snapshots
    versions = PersonVersion.objects.filter(enterprise=applied.enterprise)
    assert versions.filter(from_snapshot=first.pk).count() == 20
    assert list(versions.filter(to_snapshot=second.pk).values_list("key", flat=True)) == [
        "person7@example.com"
    ]
    assert list(versions.filter(from_snapshot=second.pk).values_list("key", flat=True)) == [
        "moved@example.com"
    ]
    assert MembershipVersion.objects.filter(from_snapshot=second.pk).count() == 1


def test_a_membership_that_stays_is_not_written_anew_when_its_person_changes() -> None:
    applied = Applied()
    applied.member("mona", "mona@example.com")
    applied.account(1, "mona@example.com")
    applied.recount()
    applied.member("mona", "mona@example.com", name="Mona Lisa")
    applied.recount()
    assert PersonVersion.objects.count() == 2
    assert MembershipVersion.objects.count() == 1


def test_accounts_that_swap_persons_in_one_recount_stay_open_once() -> None:
    applied = Applied()
    applied.account(1, "ann@example.com")
    applied.account(2, "bob@example.com")
    applied.recount()
    applied.member("ann", "bob@example.com")
    applied.member("bob", "ann@example.com")
    applied.recount()
    applied.member("ann", "ann@example.com")
    applied.member("bob", "bob@example.com")
    applied.recount()
    assert applied.accounts_of("ann") == {"ghes1.example.com:1": "verified_email"}
    assert applied.accounts_of("bob") == {"ghes1.example.com:2": "verified_email"}


def test_keys_are_in_byte_order_whatever_the_locale() -> None:
    applied = Applied()
    for number, name in enumerate(["ändern", "Z", "_", "a", "z", "~", "ß"]):
        applied.account(number, f"{name}@example.com")
    applied.recount()
    keys = [row[1] for row in report_walk(applied.snapshots[-1])]
    assert keys == sorted(keys, key=str.encode)
    assert [row[1] for row in report_rows(applied.snapshots[-1], page=1, per_page=100)] == keys


def test_anchors_are_every_hundredth_key() -> None:
    keys = [f"{number:04}" for number in range(250)]
    assert unpack_anchors(pack_anchors(keys)) == ["0000", "0100", "0200"]
    assert unpack_anchors(pack_anchors([])) == []


def test_the_email_as_given_stands_in_the_report_and_a_new_spelling_is_a_new_version() -> None:
    applied = Applied()
    applied.account(1, "Ann@Example.com")
    applied.recount()
    applied.account(1, "ANN@example.com")
    applied.recount()
    first, second = applied.snapshots
    for snapshot, given in ((first, "Ann@Example.com"), (second, "ANN@example.com")):
        (row,) = report_walk(snapshot)
        assert row[1] == "ann@example.com"
        assert orjson.loads(row[4])["enterprise_server_primary_emails"] == [given]
