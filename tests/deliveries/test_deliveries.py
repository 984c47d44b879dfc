"""Telling a receiver: signed, once claimed, again where that can help, and never lost."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import ipaddress
import json
import socket
import threading
import time
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from enterprise import outbound
from enterprise.faults import Refused
from enterprise.models import AuditEvent, Delivery, DeliveryState, Enterprise, Event, Webhook
from enterprise.services import deliveries
from enterprise.services.audit import SYSTEM
from enterprise.services.deliveries import (
    LONGEST_WAIT,
    PATIENCE,
    TRIES,
    delivery_redeliver,
    delivery_send,
    lease_of,
)
from enterprise.services.delivery_sweep import FURTHEST, deliveries_sweep
from enterprise.services.retention import deliveries_expire
from enterprise.services.webhooks import webhook_edit, webhook_enable, webhook_ping
from tests.deliveries.conftest import SECRET, count_event, hook_to, send
from tests.deliveries.receiver import Receiver, receiver
from tests.factories import ago

pytestmark = pytest.mark.django_db


def only() -> Delivery:
    return Delivery.objects.get()


def test_a_receiver_gets_a_signed_body_with_the_delivery_id(
    enterprise: Enterprise, there: Receiver
) -> None:
    hook_to(enterprise, there.url)
    count_event(enterprise)
    delivery = send(only())
    assert (delivery.state, delivery.status) == (DeliveryState.DELIVERED, 200)
    (request,) = there.received
    assert request.path == "/hook?key=of-the-receiver"
    expected = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-hub-signature-256"] == f"sha256={expected}"
    assert request.headers["x-licsync-delivery"] == str(delivery.guid)
    assert request.headers["x-licsync-event"] == "count.changed"
    body = json.loads(request.body)
    assert body["delivery"] == str(delivery.guid)
    assert body["enterprise"] == {"slug": "acme", "name": "Acme & Co"}
    assert body["count"]["now"] == {"persons": 12, "github_total": 11, "github_purchased": 20}
    assert body["text"] == (
        "This console finds 12 persons (10 before); GitHub counts 11 of 20 purchased."
    )


def test_slack_gets_text_in_the_language_chosen_with_its_signs_escaped(
    enterprise: Enterprise, there: Receiver
) -> None:
    hook_to(enterprise, there.url, body="slack", language="zh-hans")
    count_event(enterprise)
    send(only())
    body = json.loads(there.received[0].body)
    assert list(body) == ["text"]
    assert body["text"].startswith("*Acme &amp; Co*: ")
    assert "GitHub" in body["text"]
    assert "finds" not in body["text"]


def test_only_who_listens_is_told_and_nothing_is_kept_for_nobody(enterprise: Enterprise) -> None:
    hook = hook_to(enterprise, "https://hooks.example.com/x", events=["run.failed"])
    count_event(enterprise)
    assert not Event.objects.exists()
    count_event(enterprise, webhooks={hook.pk})
    assert only().webhook == hook
    webhook_edit(webhook=hook, actor=SYSTEM, active=False)
    count_event(enterprise, webhooks={hook.pk})
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_may_pass_is_tried_again_with_the_same_bytes(
    enterprise: Enterprise, published: list[int], status: int
) -> None:
    with receiver(status, 200) as there:
        hook_to(enterprise, there.url)
        count_event(enterprise)
        delivery = send(only())
        assert (delivery.state, delivery.status) == (DeliveryState.QUEUED, status)
        assert delivery.error_code == "receiver_failed"
        assert published == [delivery.pk]
        assert send(delivery).state == DeliveryState.DELIVERED
        first, second = there.received
    assert first.body == second.body
    assert first.headers["x-hub-signature-256"] == second.headers["x-hub-signature-256"]
    assert [attempt.status for attempt in delivery.attempts.order_by("number")] == [status, 200]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (301, "receiver_redirects"),
        (302, "receiver_redirects"),
        (307, "receiver_redirects"),
        (400, "receiver_refused"),
        (404, "receiver_refused"),
        (410, "receiver_gone"),
    ],
)
def test_what_will_not_pass_fails_at_once_and_no_redirect_is_followed(
    enterprise: Enterprise, there: Receiver, status: int, code: str
) -> None:
    with receiver(status, headers={"Location": there.url}) as first:
        hook_to(enterprise, first.url)
        count_event(enterprise)
        delivery = send(only())
    assert (delivery.state, delivery.error_code) == (DeliveryState.FAILED, code)
    assert there.received == []


def test_the_wait_grows_and_the_tries_end(enterprise: Enterprise, settings: Settings) -> None:
    settings.LICSYNC_RETRY_BASE_SECONDS = 5
    with receiver(500) as there, time_machine.travel("2026-11-23T10:00Z", tick=False) as clock:
        hook_to(enterprise, there.url)
        count_event(enterprise)
        waits = []
        delivery = send(only())
        while delivery.state == DeliveryState.QUEUED:
            waits.append((delivery.not_before - timezone.now()).total_seconds())
            assert delivery_send(delivery_id=delivery.pk) is None  # not before its time
            clock.move_to(delivery.not_before)
            send(delivery)
        assert waits == [5, 20, 80, 320, 1280, 5120, 20480]
        assert (delivery.state, delivery.tries) == (DeliveryState.FAILED, TRIES)
        assert len(there.received) == TRIES


def test_a_receiver_may_ask_to_wait_longer(enterprise: Enterprise) -> None:
    with receiver(429, headers={"Retry-After": "900"}) as there:
        hook_to(enterprise, there.url)
        count_event(enterprise)
        delivery = send(only())
    assert 890 < (delivery.not_before - timezone.now()).total_seconds() <= 900


def test_while_a_receiver_fails_what_else_waits_for_it_waits_as_long(
    enterprise: Enterprise, settings: Settings, published: list[int]
) -> None:
    settings.LICSYNC_RETRY_BASE_SECONDS = 5
    with receiver(500, 200) as there:
        hook_to(enterprise, there.url)
        for _ in range(3):
            count_event(enterprise)
        first, second, third = Delivery.objects.order_by("pk")
        send(first)
        assert delivery_send(delivery_id=second.pk) is None
        Delivery.objects.update(not_before=ago(seconds=1))
        published.clear()
        send(first)
        assert published == [second.pk]
        published.clear()
        send(second)
        assert published == [third.pk]


def test_what_waited_for_a_receiver_goes_on_as_soon_as_it_answers(
    enterprise: Enterprise, settings: Settings, published: list[int]
) -> None:
    settings.LICSYNC_RETRY_BASE_SECONDS = 3600
    with receiver(500, 200, 200) as there:
        hook = hook_to(enterprise, there.url)
        count_event(enterprise)
        held = send(only())
        assert held.not_before > timezone.now()
        webhook_ping(webhook=hook, actor=SYSTEM)
        published.clear()
        send(Delivery.objects.latest("pk"))
        assert published == [held.pk]
        assert send(held).state == DeliveryState.DELIVERED


def test_what_waits_goes_on_when_an_owner_enables_its_receiver_again(
    enterprise: Enterprise, there: Receiver, published: list[int]
) -> None:
    hook = hook_to(enterprise, there.url)
    count_event(enterprise)
    Delivery.objects.update(not_before=ago(hours=-5))
    Webhook.objects.update(disabled_at=ago(hours=1))
    assert webhook_enable(webhook=hook, actor=SYSTEM)
    assert published == [only().pk]
    assert send(only()).state == DeliveryState.DELIVERED


def test_a_receiver_that_hangs_costs_its_patience_and_one_worker(
    enterprise: Enterprise, settings: Settings
) -> None:
    settings.LICSYNC_HTTP_TIMEOUT_SECONDS = 0.3
    with receiver() as there:
        there.hang = 3
        hook_to(enterprise, there.url)
        count_event(enterprise)
        started = time.monotonic()
        delivery = send(only())
        assert time.monotonic() - started < 2
    assert (delivery.state, delivery.error_code) == (DeliveryState.QUEUED, "timed_out")


def test_a_receiver_that_trickles_its_header_is_cut(
    enterprise: Enterprise, settings: Settings
) -> None:
    settings.LICSYNC_HTTP_TIMEOUT_SECONDS = 0.4
    server = socket.create_server(("127.0.0.1", 0))

    def trickle() -> None:
        with socket.socket.accept(server)[0] as peer:
            try:
                peer.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                for _ in range(50):
                    time.sleep(0.1)
                    peer.sendall(b"x")
            except OSError:
                return

    threading.Thread(target=trickle, daemon=True).start()
    hook_to(enterprise, f"http://127.0.0.1:{server.getsockname()[1]}/")
    count_event(enterprise)
    started = time.monotonic()
    delivery = send(only())
    server.close()
    assert time.monotonic() - started < 3
    assert delivery.error_code == "timed_out"


def test_a_receiver_that_lies_about_its_body_is_not_read(enterprise: Enterprise) -> None:
    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        peer = socket.socket.accept(server)[0]
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")

    threading.Thread(target=answer, daemon=True).start()
    hook_to(enterprise, f"http://127.0.0.1:{server.getsockname()[1]}/")
    count_event(enterprise)
    assert send(only()).state == DeliveryState.DELIVERED
    server.close()


@pytest.mark.parametrize(
    ("addresses", "code"),
    [
        (["169.254.169.254"], "address_refused"),
        (["100.100.100.200"], "address_refused"),
        (["93.184.216.34", "169.254.169.254"], "address_refused"),
        (["10.1.2.3"], "private_address_refused"),
        (["fd12::1"], "private_address_refused"),
        (["fec0::1"], "private_address_refused"),
        (["64:ff9b:1::a00:1"], "private_address_refused"),  # NAT64 of one's own network
        (["::ffff:0:a00:1"], "private_address_refused"),  # IPv4 translated
        (["4000::1"], "private_address_refused"),
        (["100.64.0.1"], "private_address_refused"),
    ],
)
def test_a_name_is_checked_when_it_is_connected_to(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch, addresses: list[str], code: str
) -> None:
    hook_to(enterprise, "https://hooks.example.com/services/T/B/x")
    count_event(enterprise)

    def resolve(_host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    delivery = send(only())
    assert (delivery.state, delivery.error_code) == (DeliveryState.FAILED, code)


def test_a_private_network_may_be_admitted_even_by_plain_http(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    hook_to(enterprise, "http://chat.example.com/x")

    def resolve(_host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", ("10.1.2.3", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    count_event(enterprise)
    assert send(only()).error_code == "receiver_plain_http"
    settings.LICSYNC_WEBHOOK_NETWORKS = [ipaddress.ip_network("10.0.0.0/8")]
    asked: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> None:
        asked.append(address)
        raise OSError

    monkeypatch.setattr(outbound, "create_connection", connect)
    delivery = only()
    delivery_redeliver(delivery=delivery, actor=SYSTEM)
    assert send(delivery).error_code == "connection_failed"
    assert asked == [("10.1.2.3", 80)]


def test_a_claimed_delivery_is_not_to_be_had_twice(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook_to(enterprise, "https://hooks.example.com/x")
    count_event(enterprise)
    delivery = only()
    again: list[DeliveryState | None] = []

    def meanwhile(*_: Any, **__: Any) -> int:
        again.append(delivery_send(delivery_id=delivery.pk))
        return 200

    monkeypatch.setattr(deliveries, "post", meanwhile)
    assert send(delivery).state == DeliveryState.DELIVERED
    assert again == [None]
    assert delivery_send(delivery_id=delivery.pk) is None


def test_one_delivery_at_a_time_goes_to_a_receiver(enterprise: Enterprise, there: Receiver) -> None:
    hook_to(enterprise, there.url)
    count_event(enterprise)
    count_event(enterprise)
    first, second = Delivery.objects.order_by("pk")
    Delivery.objects.filter(pk=first.pk).update(
        state=DeliveryState.SENDING, attempt=1, lease_until=ago(seconds=-60)
    )
    assert delivery_send(delivery_id=second.pk) is None
    second.refresh_from_db()
    assert second.state == DeliveryState.QUEUED


def killed(*_: Any) -> bool:
    raise KeyboardInterrupt


def test_a_worker_killed_between_sending_and_noting_leads_to_one_more_under_the_same_id(
    enterprise: Enterprise, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook_to(enterprise, there.url)
    count_event(enterprise)
    delivery = only()

    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "_note", killed)
        with pytest.raises(KeyboardInterrupt):
            delivery_send(delivery_id=delivery.pk)
    assert deliveries_sweep() == 0  # its lease still runs
    Delivery.objects.update(lease_until=ago(seconds=1))
    assert deliveries_sweep() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == (DeliveryState.QUEUED, "delivery_worker_lost")
    assert send(delivery).state == DeliveryState.DELIVERED
    first, second = there.received
    assert first.headers["x-licsync-delivery"] == second.headers["x-licsync-delivery"]
    assert first.body == second.body


def test_a_worker_that_was_given_up_writes_nothing_any_more(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook_to(enterprise, "https://hooks.example.com/x")
    count_event(enterprise)
    delivery = only()

    def too_late(*_: Any, **__: Any) -> int:
        Delivery.objects.update(lease_until=ago(seconds=1))
        deliveries_sweep()
        return 200

    monkeypatch.setattr(deliveries, "post", too_late)
    assert delivery_send(delivery_id=delivery.pk) is None
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempt) == (DeliveryState.QUEUED, 1)


def test_the_sweep_wakes_a_worker_for_what_waits_too_long(
    enterprise: Enterprise, published: list[int]
) -> None:
    hook_to(enterprise, "https://hooks.example.com/x")
    count_event(enterprise)
    count_event(enterprise)
    assert deliveries_sweep() == 0
    assert published == []
    Delivery.objects.update(not_before=ago(minutes=5))
    deliveries_sweep()
    assert published == [Delivery.objects.order_by("pk")[0].pk]  # it wakes the next


def test_a_receiver_that_fails_for_days_is_disabled_and_told_no_more(
    enterprise: Enterprise,
) -> None:
    with receiver(500) as there:
        hook = hook_to(enterprise, there.url)
        Webhook.objects.update(failures=20, failing_since=ago(days=2))
        count_event(enterprise)
        send(only())
        hook.refresh_from_db()
        assert hook.disabled_at is None
        Webhook.objects.update(failing_since=ago(days=3, seconds=1))
        count_event(enterprise)
        send(Delivery.objects.latest("pk"))
        hook.refresh_from_db()
        assert hook.disabled_at is not None
        assert AuditEvent.objects.latest("pk").action == "webhook.disable"
        received = len(there.received)
        count_event(enterprise)
        waiting = Delivery.objects.earliest("pk")
        assert send(waiting).error_code == "webhook_disabled"
        assert len(there.received) == received
        with pytest.raises(Refused, match="webhook_off"):
            webhook_ping(webhook=hook, actor=SYSTEM)
        there.answers = [200]
        assert webhook_enable(webhook=hook, actor=SYSTEM)
        assert not webhook_enable(webhook=hook, actor=SYSTEM)
        delivery_redeliver(delivery=waiting, actor=SYSTEM)
        assert send(waiting).state == DeliveryState.DELIVERED


def test_a_success_forgives_the_failures(enterprise: Enterprise, there: Receiver) -> None:
    hook = hook_to(enterprise, there.url)
    Webhook.objects.update(failures=7, failing_since=ago(days=9))
    webhook_ping(webhook=hook, actor=SYSTEM)
    send(only())
    hook.refresh_from_db()
    assert (hook.failures, hook.failing_since, hook.disabled_at) == (0, None, None)
    assert json.loads(there.received[0].body)["event"] == "ping"


def test_only_what_has_ended_is_redelivered(enterprise: Enterprise, there: Receiver) -> None:
    hook_to(enterprise, there.url)
    count_event(enterprise)
    delivery = only()
    with pytest.raises(Refused, match="delivery_not_ended"):
        delivery_redeliver(delivery=delivery, actor=SYSTEM)
    send(delivery)
    delivery_redeliver(delivery=delivery, actor=SYSTEM)
    send(delivery)
    assert len(there.received) == 2
    assert [attempt.number for attempt in delivery.attempts.order_by("pk")] == [1, 2]


def test_ended_deliveries_go_after_their_days_and_events_with_the_last(
    enterprise: Enterprise, settings: Settings
) -> None:
    settings.LICSYNC_DELIVERY_RETENTION_DAYS = 30
    hook_to(enterprise, "https://hooks.example.com/x")
    for days in (29, 31, 31):
        count_event(enterprise)
        Event.objects.filter(at__gt=ago(days=1)).update(at=ago(days=days))
        Delivery.objects.filter(finished_at=None).update(
            state=DeliveryState.FAILED, finished_at=ago(days=days)
        )
    Delivery.objects.filter(pk=Delivery.objects.latest("pk").pk).update(
        state=DeliveryState.QUEUED, finished_at=None
    )
    assert deliveries_expire(as_of=timezone.now()) == 1
    assert Delivery.objects.count() == Event.objects.count() == 2


def test_neither_address_nor_secret_is_kept_in_clear(enterprise: Enterprise) -> None:
    hook_to(enterprise, "https://hooks.example.com/services/T000/B000/letmein")
    stored = str(Webhook.objects.values()) + str(AuditEvent.objects.values())
    assert "letmein" not in stored
    assert SECRET not in stored
    assert Webhook.objects.get().origin == "https://hooks.example.com"


def test_the_lease_outlives_the_patience() -> None:
    assert lease_of(Delivery(webhook=Webhook(pk=1))) > dt.timedelta(seconds=2 * PATIENCE)
    assert dt.timedelta(seconds=LONGEST_WAIT) < FURTHEST
