"""The digest: when it is due, and what the letter says to whom."""

from __future__ import annotations

import datetime as dt
from email.message import EmailMessage
from typing import Any

import orjson
import pytest
import time_machine
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import (
    AuditEvent,
    Delivery,
    DeliveryState,
    Digest,
    Enterprise,
    Role,
    Snapshot,
    User,
)
from enterprise.services import digest_letter
from enterprise.services.audit import SYSTEM
from enterprise.services.digests import digest_next, digest_send_to, digest_set, digests_send_due
from enterprise.services.ledger import pack_anchors
from tests.alerts.conftest import deliveries
from tests.alerts.postbox import Postbox
from tests.deliveries.conftest import send
from tests.factories import (
    MembershipFactory,
    PersonVersionFactory,
    ServerInstanceFactory,
    SnapshotFactory,
    SyncRunFactory,
    UserFactory,
    ago,
)

pytestmark = pytest.mark.django_db


def set_digest(enterprise: Enterprise, **values: Any) -> Digest:
    settings = {"rhythm": "weekly", "roles": ["owner"], **values}
    digest_set(enterprise=enterprise, actor=SYSTEM, **settings)
    return Digest.objects.get()


def sent_reports() -> dict[str, dict[str, Any]]:
    """What the audit log says of reports that went out, by who got one."""
    events = AuditEvent.objects.filter(action="report.send", actor="licsync", actor_kind="system")
    return {event.target: event.after for event in events}


def part(letter: EmailMessage, kind: str) -> str:
    found = letter.get_body((kind,))
    assert found is not None
    return str(found.get_content())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"rhythm": "weekly", "weekday": 4}, "2026-11-27T08:00+01:00"),
        ({"rhythm": "weekly", "weekday": 2, "time": dt.time(9, 30)}, "2026-12-02T09:30+01:00"),
        ({"rhythm": "monthly", "month_day": 28}, "2026-11-28T08:00+01:00"),
        ({"rhythm": "monthly", "month_day": 1}, "2026-12-01T08:00+01:00"),
        ({"rhythm": "monthly", "month_day": 25}, "2026-12-25T08:00+01:00"),
    ],
)
def test_the_window_is_wall_clock_time_in_the_enterprises_zone(
    enterprise: Enterprise, values: dict[str, Any], expected: str
) -> None:
    with time_machine.travel("2026-11-25T09:00Z", tick=False):  # a Wednesday, ten o'clock there
        digest = set_digest(enterprise, **values)
    assert digest.next_at == dt.datetime.fromisoformat(expected)


def test_one_that_is_off_has_no_window(enterprise: Enterprise) -> None:
    digest = set_digest(enterprise, rhythm="off")
    assert digest_next(digest, timezone.now()) is None
    assert digests_send_due() == 0


def test_one_that_was_missed_comes_once(
    enterprise: Enterprise, mona: User, snapshot: Snapshot
) -> None:
    set_digest(enterprise)
    assert digests_send_due() == 0
    Digest.objects.update(next_at=ago(days=20))
    assert [digests_send_due(), digests_send_due()] == [1, 0]
    digest = Digest.objects.get()
    assert digest.next_at is not None
    assert digest.next_at > timezone.now()
    assert digest.last_snapshot == snapshot.pk
    assert Delivery.objects.count() == 1


def test_before_the_first_count_there_is_nothing_to_tell(
    enterprise: Enterprise, mona: User
) -> None:
    set_digest(enterprise)
    Digest.objects.update(next_at=ago(hours=1))
    assert digests_send_due() == 0
    with pytest.raises(Refused, match="digest_not_counted"):
        digest_send_to(enterprise=enterprise, users=[mona.pk], actor=SYSTEM)


def test_the_letter_has_numbers_changes_and_what_needs_attention(
    enterprise: Enterprise, mona: User, post: Postbox
) -> None:
    old = SnapshotFactory(
        enterprise=enterprise,
        persons=188,
        github_total=195,
        github_purchased=200,
        taken_at=ago(days=8),
    )
    new = SnapshotFactory(
        enterprise=enterprise, persons=190, github_total=205, github_purchased=200
    )
    for number in (1, 2):
        PersonVersionFactory(enterprise=enterprise, number=number, from_snapshot=new.pk)
    instance = ServerInstanceFactory(
        enterprise=enterprise, host_name="ghes1.example.com", syncing=True, synced=True
    )
    SyncRunFactory(instance=instance, failed=True)
    assert old.pk < new.pk
    set_digest(enterprise)
    Digest.objects.update(next_at=ago(hours=1))
    digests_send_due()
    assert send(deliveries()[0]).state == DeliveryState.DELIVERED
    (letter,) = post.letters
    assert letter["Subject"].startswith("[Acme] License digest: This console finds 190 persons")
    for kind in ("plain", "html"):
        text = part(letter, kind).replace("&#x27;", "'")
        assert "Free, by GitHub's count" in text
        assert "-5" in text
        assert "+10" in text
        assert "Joined: 2" in text
        assert "This console's last sync of ghes1.example.com failed." in text
        assert "GitHub counts 205 of 200 purchased" in text
    assert [each.get_filename() for each in letter.iter_attachments()] == []


def test_each_reader_gets_it_in_their_language_and_zone(
    enterprise: Enterprise, post: Postbox
) -> None:
    SnapshotFactory(
        enterprise=enterprise,
        persons=1234,
        taken_at=dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC),
    )
    readers = [
        ("ann", "en", ""),
        ("lena", "de", "Europe/Berlin"),
        ("wei", "zh-hans", "Asia/Shanghai"),
    ]
    for name, language, zone in readers:
        user = UserFactory(username=name, language=language, time_zone=zone)
        MembershipFactory(enterprise=enterprise, user=user, role=Role.BILLING_MANAGER)
    set_digest(enterprise, roles=["billing_manager"])
    Digest.objects.update(next_at=ago(hours=1))
    digests_send_due()
    for delivery in deliveries():
        assert send(delivery).state == DeliveryState.DELIVERED
    english, german, chinese = (part(letter, "plain") for letter in post.letters)
    assert "This console finds: 1,234" in english
    assert "CET" in english  # the enterprise's zone, since this reader has none
    assert "Diese Konsole findet: 1.234" in german
    assert "21. November 2026 00:30 CET" in german
    assert "此控制台" in chinese
    assert "7:30" in chinese
    assert 'lang="zh-hans"' in part(post.letters[2], "html")


def test_the_report_is_attached_on_request_and_masked_for_auditors(
    enterprise: Enterprise, mona: User, post: Postbox
) -> None:
    snapshot = SnapshotFactory(enterprise=enterprise, persons=1, anchors=pack_anchors(["someone"]))
    PersonVersionFactory(
        enterprise=enterprise,
        key="someone",
        from_snapshot=snapshot.pk,
        report=orjson.dumps(
            {
                "github_com_login": "someone",
                "enterprise_server_primary_emails": ["someone@example.com"],
                "license_type": "Enterprise",
            }
        ).decode(),
    )
    audrey = UserFactory(username="audrey", email="audrey@example.com")
    MembershipFactory(enterprise=enterprise, user=audrey, auditor=True)
    set_digest(enterprise, roles=["owner", "auditor"], attach_csv=True)
    Digest.objects.update(next_at=ago(hours=1))
    digests_send_due()
    for delivery in deliveries():
        assert send(delivery).state == DeliveryState.DELIVERED
    files = {}
    for letter in post.letters:
        (file,) = letter.iter_attachments()
        assert file.get_content_type() == "text/csv"
        files[letter["To"]] = file.get_payload(decode=True).decode()
    assert "someone@example.com" in files["mona@example.com"]
    assert "someone@example.com" not in files["audrey@example.com"]
    assert "s•••@example.com" in files["audrey@example.com"]
    facts = {"file": "licensing.csv", "snapshot": snapshot.pk, "rows": snapshot.persons}
    assert sent_reports() == {
        "audrey": {**facts, "masked": True},
        "mona": {**facts, "masked": False},
    }


def test_a_report_that_is_too_large_is_left_to_the_page(
    enterprise: Enterprise, mona: User, post: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    SnapshotFactory(enterprise=enterprise, persons=0)
    monkeypatch.setattr(digest_letter, "MOST_ATTACHED", 10)
    set_digest(enterprise, attach_csv=True)
    digest_send_to(enterprise=enterprise, users=[mona.pk], actor=SYSTEM)
    send(deliveries()[0])
    (letter,) = post.letters
    assert list(letter.iter_attachments()) == []
    assert "too large for an e-mail" in part(letter, "plain")
    assert sent_reports() == {}


@pytest.mark.parametrize(
    "fault",
    [
        {"rhythm": "hourly"},
        {"weekday": 7},
        {"month_day": 29},
        {"roles": ["king"]},
        {"people": ["x"]},
    ],
)
def test_what_cannot_be_is_refused(enterprise: Enterprise, fault: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        set_digest(enterprise, **fault)
    assert not AuditEvent.objects.exists()
