"""Tokens of this console's own API."""

from __future__ import annotations

import datetime as dt
import sqlite3
import time
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from enterprise.models import ApiToken, AuditEvent, Enterprise
from enterprise.services import tokens
from enterprise.services.tokens import (
    LEAST_LENGTH,
    PREFIX,
    token_check,
    token_make,
    token_revoke,
    token_scopes_set,
)
from tests.factories import EnterpriseFactory
from tests.services.conftest import MONA, actions, refusal

READ = "read:enterprise"


def make(enterprise: Enterprise, name: str = "reports", **values: Any) -> tuple[ApiToken, str]:
    return token_make(enterprise=enterprise, actor=MONA, name=name, **{"scopes": [READ], **values})


def test_a_token_is_made_with_our_prefix_and_only_its_hash_is_kept(enterprise: Enterprise) -> None:
    token, value = make(enterprise)
    assert value.startswith(PREFIX)
    assert len(value) >= LEAST_LENGTH
    assert (token.scopes, token.created_by) == ([READ], "mona")
    assert value not in str(ApiToken.objects.values())
    assert value not in str(AuditEvent.objects.values())
    assert token_check(value) == token


@pytest.mark.parametrize(("length", "taken"), [(39, False), (40, True), (200, True)])
def test_a_value_from_elsewhere_is_taken_as_it_is_if_long_enough(
    enterprise: Enterprise, length: int, taken: bool
) -> None:
    value = "v" * length
    if taken:
        assert make(enterprise, value=value)[1] == value
        assert token_check(value) is not None
    else:
        assert refusal(make, enterprise, value=value) == ("token_too_short", "value")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"name": " "}, ("name_needed", "name")),
        ({"name": "x" * 101}, ("too_long", "name")),
        ({"scopes": []}, ("scope_needed", "scopes")),
        ({"scopes": [READ, "write:everything"]}, ("bad_scope", "scopes")),
    ],
)
def test_bad_requests_are_refused(
    enterprise: Enterprise, values: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert refusal(make, enterprise, **values) == expected


def test_a_name_is_taken_until_its_token_is_revoked(enterprise: Enterprise) -> None:
    token, _ = make(enterprise)
    assert refusal(make, enterprise, " reports ") == ("token_name_taken", "name")
    make(EnterpriseFactory())
    token_revoke(token=token, actor=MONA)
    make(enterprise)


def test_of_two_tokens_made_at_once_under_one_name_the_later_is_refused(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = tokens.token_digest

    def meanwhile(value: str) -> str:
        monkeypatch.setattr(tokens, "token_digest", digest)
        make(enterprise)
        return digest(value)

    monkeypatch.setattr(tokens, "token_digest", meanwhile)
    assert refusal(make, enterprise) == ("token_name_taken", "name")


def test_a_value_is_never_used_twice_not_even_a_revoked_one(enterprise: Enterprise) -> None:
    token, value = make(enterprise)
    token_revoke(token=token, actor=MONA)
    assert refusal(make, EnterpriseFactory(), value=value) == ("token_value_taken", "value")


def test_a_revoked_token_is_dead_at_once(enterprise: Enterprise) -> None:
    token, value = make(enterprise)
    assert token_revoke(token=token, actor=MONA) is True
    assert token_revoke(token=token, actor=MONA) is False
    assert token_check(value) is None
    assert actions() == ["token.make", "token.revoke"]


@pytest.mark.parametrize(("seconds", "alive"), [(59, True), (60, False), (61, False)])
def test_an_expired_token_is_dead(enterprise: Enterprise, seconds: int, alive: bool) -> None:
    with time_machine.travel("2026-11-23T10:00:00Z", tick=False) as clock:
        ends = timezone.now() + dt.timedelta(seconds=60)
        _, value = make(enterprise, expires_at=ends)
        clock.shift(seconds)
        assert (token_check(value) is not None) == alive


@pytest.mark.parametrize("value", ["", "wrong", "\x00", "ü" * 40])
def test_a_wrong_value_is_no_token(enterprise: Enterprise, value: str) -> None:
    make(enterprise)
    assert token_check(value) is None


def test_the_last_use_is_noted_at_most_once_a_minute(enterprise: Enterprise) -> None:
    with time_machine.travel("2026-11-23T10:00:00Z", tick=False) as clock:
        token, value = make(enterprise)
        noted = []
        for seconds in (0, 60, 1):
            clock.shift(seconds)
            token_check(value)
            token.refresh_from_db()
            assert token.last_used_at is not None
            noted.append(token.last_used_at.strftime("%M:%S"))
    assert noted == ["00:00", "00:00", "01:01"]


def test_scopes_may_change_and_keep_the_value(enterprise: Enterprise) -> None:
    token, value = make(enterprise)
    more = ["read:metrics", READ, READ]
    assert token_scopes_set(token=token, scopes=more, actor=MONA) is True
    assert token_scopes_set(token=token, scopes=more, actor=MONA) is False
    checked = token_check(value)
    assert checked is not None
    assert checked.scopes == [READ, "read:metrics"]
    assert refusal(token_scopes_set, token=token, scopes=[], actor=MONA) == (
        "scope_needed",
        "scopes",
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="one writer at a time is SQLite's")
def test_whoever_asks_does_not_wait_for_a_writer(enterprise: Enterprise) -> None:
    _, value = make(enterprise)
    writer = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        begun = time.monotonic()
        token = token_check(value)
        assert token is not None
        assert time.monotonic() - begun < 5
        assert ApiToken.objects.get(pk=token.pk).last_used_at is None
    finally:
        writer.execute("ROLLBACK")
        writer.close()
    token_check(value)
    assert ApiToken.objects.get(pk=token.pk).last_used_at is not None
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA busy_timeout").fetchone()[0] >= 5000
