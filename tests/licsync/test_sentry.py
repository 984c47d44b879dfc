"""Errors to Sentry: that one is sent, and that nothing of anybody's is."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from sentry_sdk.transport import Transport

from licsync import sentry

DSN = "https://key@sentry.example.com/1"
SECRET = "mona@example.com"


class Kept(Transport):
    """Keeps what would have been sent."""

    sent: list[str]

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        type(self).sent = []

    def capture_envelope(self, envelope: Any) -> None:
        self.sent.extend(
            json.dumps(item.payload.json) for item in envelope.items if item.type == "event"
        )


@pytest.fixture
def sent() -> Iterator[list[str]]:
    structlog.contextvars.clear_contextvars()
    sentry.start(DSN, transport=Kept)
    yield Kept.sent
    sentry_sdk.get_client().close()
    sentry_sdk.init()


def fail_for(email: str) -> None:
    raise ValueError(f"cannot read {email}")


def test_an_error_is_sent_with_its_place_and_ids_only(sent: list[str]) -> None:
    with structlog.contextvars.bound_contextvars(run_id=7, email=SECRET):
        sentry_sdk.set_user({"email": SECRET, "ip_address": "192.0.2.7"})
        sentry_sdk.set_tag("whose", SECRET)
        sentry_sdk.add_breadcrumb(message=SECRET)
        try:
            fail_for(SECRET)
        except ValueError as error:
            sentry_sdk.capture_exception(error)
    (text,) = sent
    assert SECRET not in text
    assert "192.0.2.7" not in text
    event = json.loads(text)
    (error,) = event["exception"]["values"]
    assert (error["type"], error["value"]) == ("ValueError", "[removed]")
    last = error["stacktrace"]["frames"][-1]
    assert last["function"] == "fail_for"
    assert set(last) <= {"filename", "function", "module", "lineno", "in_app"}
    assert event["tags"] == {"run_id": "7"}


@pytest.mark.django_db
def test_an_error_in_a_page_sends_no_request(
    sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("allauth.account.views.LoginView.dispatch", lambda *_: fail_for(SECRET))
    client = Client(raise_request_exception=False, REMOTE_ADDR="192.0.2.7")
    client.cookies["licsync_session"] = "a-session-key"
    answer = client.get(f"/accounts/login/?q={SECRET}")
    assert answer.status_code == 500
    assert len(sent) >= 1
    for text in sent:
        for each in (SECRET, "192.0.2.7", "a-session-key", "accounts/login"):
            assert each not in text
    assert json.loads(sent[0])["tags"] == {"request_id": answer["X-Request-ID"]}


def test_a_log_line_of_an_error_sends_no_words(sent: list[str]) -> None:
    logging.getLogger("licsync.test").error("cannot read %s", SECRET)
    assert all(SECRET not in text for text in sent)


def test_a_dsn_that_is_none_stops_the_start() -> None:
    with pytest.raises(ImproperlyConfigured, match="is not a DSN"):
        sentry.start("sentry.example.com")


def test_without_the_extra_the_start_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sentry_sdk", None)
    with pytest.raises(ImproperlyConfigured, match=r"pip install licsync\[sentry\]"):
        sentry.start(DSN)
