"""Erasure: nobody who left can be found any more, and every past count is what it was."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import (
    AuditEvent,
    CostCenterEntry,
    Enterprise,
    MembershipVersion,
    PersonVersion,
    ReclaimExemption,
    ServerInstance,
    Snapshot,
)
from enterprise.records import CloudRow
from enterprise.selectors.licenses import report_walk
from enterprise.services.audit import SYSTEM
from enterprise.services.cloud_rows import report_of
from enterprise.services.erasure import person_erase, persons_expire
from enterprise.services.snapshot_expiry import snapshots_expire
from tests.factories import ServerInstanceFactory
from tests.views.counted import account, count, text_of

pytestmark = pytest.mark.django_db

OTHERS = [CloudRow(login=f"user{n:03}", cloud_user=True) for n in range(230)]
MONA = CloudRow(
    login="mona-lisa", name="Mona Lisa", cloud_user=True, verified_emails=("mona@gone.example",)
)


@pytest.fixture
def instance(acme: Enterprise) -> ServerInstance:
    made: ServerInstance = ServerInstanceFactory(enterprise=acme, host_name="ghes1.example.com")
    return made


@pytest.fixture
def left(acme: Enterprise, instance: ServerInstance) -> int:
    """The number of a person who was in two counts, by cloud and server, and is in none since."""
    theirs = account(instance, 7, "mona@gone.example")
    alone = account(instance, 8, "paul@gone.example")
    count(acme, [*OTHERS, MONA])
    count(acme, [*OTHERS, MONA, CloudRow(login="newer", cloud_user=True)])
    number = PersonVersion.objects.filter(key="mona-lisa").latest("pk").number
    theirs.delete()
    alone.delete()
    count(acme, OTHERS)
    return number


def everywhere(*words: str) -> set[str]:
    """The tables in which any of the words still stands."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                text = " ".join(
                    bytes(c).hex() if isinstance(c, bytes | memoryview) else str(c) for c in row
                )
                if any(word in text for word in words):
                    found.add(table)
    return found


def reports(enterprise: Enterprise) -> list[list[int]]:
    """The numbers of every report there ever was, each whole and in the order of its keys."""
    found = []
    for snapshot in Snapshot.objects.filter(enterprise=enterprise).order_by("pk"):
        rows = list(report_walk(snapshot))
        keys = [row[1] for row in rows]
        assert keys == sorted(keys, key=str.encode)
        assert len(rows) == snapshot.persons
        found.append(sorted(row[0] for row in rows))
    return found


def test_nothing_of_them_is_left_and_every_report_is_whole(
    acme: Enterprise,
    left: int,
) -> None:
    before = reports(acme)
    assert everywhere("mona-lisa", "Mona Lisa", "mona@gone.example")
    assert person_erase(enterprise=acme, number=left, actor=SYSTEM)
    assert everywhere("mona-lisa", "Mona Lisa", "mona@gone.example") == set()
    assert reports(acme) == before
    event = AuditEvent.objects.get(action="person.erase")
    assert event.target == f"removed #{left}"


def test_the_reason_says_that_the_e_mail_was_removed(
    acme: Enterprise,
    left: int,
    owner: Client,
) -> None:
    first = Snapshot.objects.order_by("pk").first()
    assert first is not None
    person_erase(enterprise=acme, number=left, actor=SYSTEM)
    page = text_of(owner.get(f"/enterprises/acme/licensing/persons/{left}?as_of={first.pk}"))
    assert f"removed #{left}" in page
    assert "e-mail removed" in page
    assert "ghes1.example.com:7" in page


def test_their_line_of_the_cost_centers_goes_too(acme: Enterprise, left: int) -> None:
    for identifier in ("mona-lisa", "mona@gone.example", "user001"):
        CostCenterEntry.objects.create(
            enterprise=acme, identifier=identifier, cost_center="Painting"
        )
    person_erase(enterprise=acme, number=left, actor=SYSTEM)
    assert [entry.identifier for entry in CostCenterEntry.objects.all()] == ["user001"]


def test_a_line_by_which_somebody_else_is_known_now_stays(acme: Enterprise, left: int) -> None:
    """And one of theirs that took part in no match goes."""
    PersonVersion.objects.filter(number=left).update(
        report=orjson.dumps(
            report_of(
                CloudRow(
                    login="mona-lisa",
                    cloud_user=True,
                    verified_emails=("shared@acme.example", "only@mona.example"),
                )
            )
        ).decode()
    )
    current = PersonVersion.objects.filter(to_snapshot=None).earliest("pk")
    report = orjson.loads(current.report)
    report["enterprise_server_primary_emails"] = ["shared@acme.example"]
    PersonVersion.objects.filter(pk=current.pk).update(report=orjson.dumps(report).decode())
    for identifier in ("shared@acme.example", "only@mona.example"):
        CostCenterEntry.objects.create(enterprise=acme, identifier=identifier, cost_center="X")
    before = Enterprise.objects.get(pk=acme.pk).cost_centers_version
    person_erase(enterprise=acme, number=left, actor=SYSTEM)
    assert [entry.identifier for entry in CostCenterEntry.objects.all()] == ["shared@acme.example"]
    assert Enterprise.objects.get(pk=acme.pk).cost_centers_version > before


def test_why_they_were_exempt_goes_too(acme: Enterprise, left: int) -> None:
    for number in (left, left + 10_000):
        ReclaimExemption.objects.create(
            enterprise=acme,
            number=number,
            reason="on parental leave",
            until=timezone.localdate(),
            decided_at=timezone.now(),
        )
    person_erase(enterprise=acme, number=left, actor=SYSTEM)
    assert ReclaimExemption.objects.get().number == left + 10_000


def test_who_consumes_a_license_is_not_erased(acme: Enterprise, left: int) -> None:
    current = PersonVersion.objects.filter(to_snapshot=None).values_list("number", flat=True)[0]
    with pytest.raises(Refused, match="person_consumes"):
        person_erase(enterprise=acme, number=current, actor=SYSTEM)
    with pytest.raises(Refused, match="person_unknown"):
        person_erase(enterprise=acme, number=987654, actor=SYSTEM)
    assert not AuditEvent.objects.filter(action="person.erase").exists()


def test_a_second_time_changes_nothing(acme: Enterprise, left: int) -> None:
    assert person_erase(enterprise=acme, number=left, actor=SYSTEM)
    assert not person_erase(enterprise=acme, number=left, actor=SYSTEM)
    assert AuditEvent.objects.filter(action="person.erase").count() == 1


def test_who_comes_back_counts_under_their_own_name_again(
    acme: Enterprise,
    left: int,
) -> None:
    person_erase(enterprise=acme, number=left, actor=SYSTEM)
    snapshot = count(acme, [*OTHERS, MONA])
    assert "mona-lisa" in [row[1] for row in report_walk(snapshot)]
    reports(acme)


def test_former_candidates_are_forgotten_too(
    acme: Enterprise,
    instance: ServerInstance,
) -> None:
    twin = CloudRow(login="twin", cloud_user=True, verified_emails=("mona@gone.example",))
    theirs = account(instance, 7, "mona@gone.example")
    count(acme, [MONA, twin])
    assert MembershipVersion.objects.exclude(candidates="").exists()
    theirs.delete()
    count(acme, [MONA])
    number = PersonVersion.objects.get(key="twin").number
    person_erase(enterprise=acme, number=number, actor=SYSTEM)
    assert everywhere("twin") == set()


def ago(days: int) -> dt.datetime:
    return timezone.now() - dt.timedelta(days=days)


def taken(*days: int) -> None:
    """Date the snapshots, oldest first."""
    for snapshot, age in zip(Snapshot.objects.order_by("pk"), days, strict=True):
        Snapshot.objects.filter(pk=snapshot.pk).update(taken_at=ago(age))


@pytest.mark.parametrize(("last", "erased"), [(99, 0), (101, 3)])
def test_who_is_long_gone_is_erased_by_itself(
    acme: Enterprise,
    left: int,
    last: int,
    erased: int,
) -> None:
    taken(300, 200, last)
    assert persons_expire(days=100, as_of=timezone.now()) == erased
    assert bool(everywhere("mona-lisa", "paul@gone.example")) is (erased == 0)
    assert persons_expire(days=100, as_of=timezone.now()) == 0
    reports(acme)


@pytest.mark.usefixtures("left")
def test_old_counts_go_with_what_only_they_show(acme: Enterprise) -> None:
    taken(300, 200, 1)
    kept = reports(acme)[2:]
    assert snapshots_expire(days=100, as_of=timezone.now()) == 2
    assert reports(acme) == kept
    assert everywhere("mona-lisa", "paul@gone.example") == set()
    assert not PersonVersion.objects.exclude(to_snapshot=None).exists()
    assert snapshots_expire(days=100, as_of=timezone.now()) == 0
    event = AuditEvent.objects.get(action="snapshot.expire")
    assert event.after == {"snapshots": 2, "older_than_days": 100}


@pytest.mark.usefixtures("left")
def test_the_newest_count_stays_however_old(acme: Enterprise) -> None:
    taken(300, 200, 150)
    assert snapshots_expire(days=100, as_of=timezone.now()) == 2
    assert Snapshot.objects.count() == 1


@pytest.mark.usefixtures("left")
def test_a_person_whose_first_count_is_gone_still_has_a_page(
    acme: Enterprise,
    owner: Client,
) -> None:
    taken(300, 200, 1)
    snapshots_expire(days=100, as_of=timezone.now())
    number = PersonVersion.objects.filter(key="user001").get().number
    page = text_of(owner.get(f"/enterprises/acme/licensing/persons/{number}"))
    assert "From before the oldest count kept until now" in page


# --- By page and by command ----------------------------------------------------------------------


def test_an_owner_is_asked_and_then_erases(
    acme: Enterprise,
    left: int,
    owner: Client,
) -> None:
    page = f"/enterprises/acme/licensing/persons/{left}"
    assert f"{page}/erase" in owner.get(page).content.decode()
    asked = text_of(owner.get(f"{page}/erase"))
    assert f"Erase the personal data of person {left}?" in asked
    assert everywhere("mona-lisa")
    said = text_of(owner.post(f"{page}/erase", follow=True))
    assert "The personal data is erased." in said
    assert "Erase personal data" not in said
    assert everywhere("mona-lisa") == set()


@pytest.mark.parametrize("who", ["billing_manager", "auditor", "stranger"])
def test_nobody_else_does(
    left: int,
    cast: Callable[[str], Client],
    who: str,
) -> None:
    page = f"/enterprises/acme/licensing/persons/{left}/erase"
    assert cast(who).post(page).status_code == 404
    assert everywhere("mona-lisa")


def test_one_who_consumes_again_meanwhile_is_told_so(
    acme: Enterprise,
    left: int,
    owner: Client,
) -> None:
    count(acme, [*OTHERS, MONA])
    number = PersonVersion.objects.filter(key="mona-lisa", to_snapshot=None).get().number
    page = f"/enterprises/acme/licensing/persons/{number}/erase"
    assert "consumes a license" in text_of(owner.post(page, follow=True))


def test_the_command_asks_first(left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _question: "no")
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("erase_person", str(left))
    said = io.StringIO()
    arguments: list[Any] = ["erase_person", str(left), "--yes"]
    call_command(*arguments, stdout=said)
    call_command(*arguments, stdout=said)
    assert said.getvalue() == (
        f"Erased; the history now says removed #{left}.\nremoved #{left} was erased before.\n"
    )
