"""E-mail over real SMTP: in the reader's language, at least once, and no address kept."""

from __future__ import annotations

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
from enterprise.services.alerts import alert_test
from enterprise.services.audit import SYSTEM
from enterprise.services.deliveries import delivery_redeliver
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
