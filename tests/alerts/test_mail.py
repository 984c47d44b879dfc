"""E-mail over real SMTP: in the reader's language, at least once, and no address kept."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from pytest_django import Settings

from enterprise.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Enterprise,
    Event,
    Membership,
    Role,
    Snapshot,
    User,
)
from enterprise.services import deliveries as sending
from enterprise.services import events
from enterprise.services.alerts import alert_test
from enterprise.services.audit import SYSTEM
from enterprise.services.deliveries import delivery_redeliver, delivery_send, lease_of
from licsync import smtp
from tests.alerts.conftest import check, deliveries, rule_of
from tests.alerts.postbox import Postbox
from tests.deliveries.conftest import send
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_people_by_role_and_by_name_get_it_in_their_language(
    enterprise: Enterprise, mona: User, snapshot: Snapshot, post: Postbox
) -> None:
    lena = UserFactory(username="lena", email="lena@example.com", language="de")
    MembershipFactory(enterprise=enterprise, user=lena, role=Role.BILLING_MANAGER)
    UserFactory(username="stranger")
    rule_of(enterprise, "free_seats", 10, people=["LENA"])
    check(enterprise)
    assert [send(delivery).state for delivery in deliveries()] == [DeliveryState.DELIVERED] * 2
    assert sorted(post.recipients) == ["lena@example.com", "mona@example.com"]
    english, german = post.letters
    assert english["To"] == "mona@example.com"
    assert "[Acme] Licenses are running short: GitHub counts 195 of 200" in english["Subject"]
    assert "Licenses" not in german["Subject"]
    for letter in post.letters:
        plain = letter.get_body(("plain",))
        html = letter.get_body(("html",))
        assert plain is not None
        assert html is not None
        assert "195" in plain.get_content()
        assert "/enterprises/acme/licensing" in html.get_content()
        assert letter["Auto-Submitted"] == "auto-generated"
    assert english["Message-ID"].startswith(f"<{deliveries()[0].guid}@")


def test_an_address_that_the_server_refuses_fails_at_once_and_is_not_kept(
    enterprise: Enterprise, mona: User, snapshot: Snapshot, post: Postbox
) -> None:
    post.refusal = "550 mona@example.com is unknown"
    rule_of(enterprise, "free_seats", 10)
    check(enterprise)
    delivery = send(deliveries()[0])
    assert (delivery.state, delivery.error_code) == (DeliveryState.FAILED, "mail_refused")
    assert delivery.error_params == {"status": 550}
    kept = [Delivery, DeliveryAttempt, Event]
    assert "mona@example.com" not in str([list(model.objects.values()) for model in kept])
    post.refusal = ""
    delivery_redeliver(delivery=delivery, actor=SYSTEM)
    assert send(delivery).state == DeliveryState.DELIVERED


def test_a_server_that_is_busy_or_away_is_tried_again(
    enterprise: Enterprise, mona: User, snapshot: Snapshot, post: Postbox, settings: Settings
) -> None:
    post.refusal = "451 later"
    rule_of(enterprise, "free_seats", 10)
    check(enterprise)
    delivery = send(deliveries()[0])
    assert (delivery.state, delivery.error_code) == (DeliveryState.QUEUED, "mail_refused")
    post.close()
    delivery = send(delivery)
    assert (delivery.state, delivery.error_code) == (DeliveryState.QUEUED, "mail_failed")
    assert delivery.tries == 2


@pytest.mark.parametrize("verb", ["EHLO", "RCPT", "QUIT"])
def test_a_server_that_trickles_is_hung_up_on(
    enterprise: Enterprise,
    mona: User,
    snapshot: Snapshot,
    post: Postbox,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
) -> None:
    monkeypatch.setattr(smtp, "SESSION_SECONDS", 0.4)
    post.trickles_at = verb
    rule_of(enterprise, "free_seats", 10)
    check(enterprise)
    started = time.monotonic()
    delivery = send(deliveries()[0])
    assert time.monotonic() - started < 3
    if verb == "QUIT":  # the letter is taken by then
        assert delivery.state == DeliveryState.DELIVERED
    else:
        assert (delivery.state, delivery.error_code) == (DeliveryState.QUEUED, "mail_failed")


def test_nothing_is_sent_after_a_session_had_its_time(
    enterprise: Enterprise,
    mona: User,
    snapshot: Snapshot,
    post: Postbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing can be cut while no address answers yet."""
    monkeypatch.setattr(smtp, "SESSION_SECONDS", 0.1)

    def slowly(*args: Any, **options: Any) -> socket.socket:
        time.sleep(0.5)
        return connect(*args, **options)

    connect = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", slowly)
    rule_of(enterprise, "free_seats", 10)
    check(enterprise)
    assert send(deliveries()[0]).error_code == "mail_failed"
    assert post.recipients == []


def test_letters_leave_threads_to_others_and_each_wakes_the_next(
    enterprise: Enterprise, mona: User, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        MembershipFactory(enterprise=enterprise, role=Role.OWNER)
    rule_of(enterprise, "free_seats", 10)
    check(enterprise)
    waiting = deliveries()
    states: list[DeliveryState | None] = []
    woken: list[int] = []

    def meanwhile(_delivery: Delivery) -> None:
        if len(waiting) > 1:
            states.append(delivery_send(delivery_id=waiting.pop(0).pk))

    monkeypatch.setattr(sending, "mail_send", meanwhile)
    monkeypatch.setattr(events, "delivery_publish", lambda pk, **_: woken.append(pk))
    states.append(delivery_send(delivery_id=waiting.pop(0).pk))
    assert states == [None, DeliveryState.DELIVERED, DeliveryState.DELIVERED]
    third = deliveries()[2]
    assert third.state == DeliveryState.QUEUED
    assert woken == [third.pk, third.pk]


def test_the_lease_of_a_letter_outlives_the_session(mona: User) -> None:
    lease = lease_of(Delivery(user=mona)).total_seconds()
    assert lease > smtp.SESSION_SECONDS + 60  # the answer to a search for the server's name


def test_who_lost_the_role_or_has_no_address_gets_none(
    enterprise: Enterprise, mona: User, snapshot: Snapshot, post: Postbox
) -> None:
    rule_of(enterprise, "free_seats", 10)
    check(enterprise)
    User.objects.update(email="")
    delivery = send(deliveries()[0])
    assert (delivery.state, delivery.error_code) == (DeliveryState.FAILED, "person_without_email")
    Membership.objects.all().delete()
    delivery_redeliver(delivery=delivery, actor=SYSTEM)
    assert send(delivery).error_code == "person_without_role"
    assert post.letters == []


def test_a_test_goes_to_the_receivers_of_the_rule_alone(
    enterprise: Enterprise, mona: User, post: Postbox
) -> None:
    MembershipFactory(enterprise=enterprise, auditor=True)
    rule = rule_of(enterprise, "sync")
    event = alert_test(rule=rule, actor=SYSTEM)
    (delivery,) = event.deliveries.all()
    send(delivery)
    (letter,) = post.letters
    assert "This is a test of the alert" in letter["Subject"]
