"""The audit log by its filters, and as a file."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from enterprise.models import AuditEvent, Enterprise
from enterprise.services.audit import SYSTEM, audit_record
from enterprise.views.audit import ACTIONS
from tests.factories import AuditEventFactory, EnterpriseFactory

PAGE = "/enterprises/acme/settings/audit"
FILE = f"{PAGE}.csv"
pytestmark = pytest.mark.django_db


@pytest.fixture
def events(acme: Enterprise) -> list[AuditEvent]:
    return [
        AuditEventFactory(enterprise=acme, actor="mona", action="token.make", target="first"),
        AuditEventFactory(enterprise=acme, actor="paul@example.com", target="second"),
        AuditEventFactory(enterprise=acme, actor="Simona", action="token.make", target="third"),
        AuditEventFactory(enterprise=EnterpriseFactory(slug="other"), target="foreign"),
    ]


def targets(client: Client, query: str = "") -> list[str]:
    html = client.get(PAGE + query).content.decode()
    return re.findall(r"<td>(first|second|third|foreign)</td>", html)


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    response = client.get(FILE + query)
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("owner", 200),
        ("auditor", 200),
        ("billing_manager", 404),
        ("stranger", 404),
        ("signed_out", 302),
    ],
)
@pytest.mark.parametrize("path", [PAGE, FILE])
def test_owners_and_auditors_see_it(
    cast: Callable[[str], Client], who: str, status: int, path: str
) -> None:
    assert cast(who).get(path).status_code == status


@pytest.mark.usefixtures("events")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["third", "second", "first"]),
        ("?action=token.make", ["third", "first"]),
        ("?actor=MONA", ["third", "first"]),
        ("?actor=mona&action=token.make", ["third", "first"]),
        ("?actor=example.com", ["second"]),
        ("?actor=nobody", []),
        ("?action=unknown", ["third", "second", "first"]),
    ],
)
def test_it_is_filtered_by_action_and_by_who_acted(
    owner: Client, query: str, found: list[str]
) -> None:
    assert targets(owner, query) == found
    assert [row["Target"] for row in rows(owner, query) if row["Action"] != "report.download"] == (
        found
    )


@pytest.mark.usefixtures("events")
def test_nothing_found_says_so_and_offers_to_clear(owner: Client) -> None:
    html = owner.get(f"{PAGE}?actor=nobody").content.decode()
    assert "No event matches" in html
    assert "Clear" in html


@pytest.mark.usefixtures("events")
def test_an_auditor_neither_sees_nor_finds_an_address(auditor: Client) -> None:
    assert "paul@example.com" not in auditor.get(PAGE).content.decode()
    assert "p•••@example.com" in auditor.get(PAGE).content.decode()
    assert targets(auditor, "?actor=paul") == []
    assert targets(auditor, "?actor=mona") == ["third", "first"]
    assert {row["Actor"] for row in rows(auditor)} >= {"p•••@example.com", "mona"}


def test_filters_stay_on_the_next_page(acme: Enterprise, owner: Client) -> None:
    AuditEventFactory.create_batch(60, enterprise=acme, action="token.make")
    html = owner.get(f"{PAGE}?action=token.make&actor=mona").content.decode()
    assert re.search(r'href="\?action=token.make&amp;actor=mona&amp;before=\d+"', html)
    assert 'href="/enterprises/acme/settings/audit.csv?action=token.make&amp;actor=mona"' in html


def test_the_file_holds_every_event_in_codes(acme: Enterprise, owner: Client) -> None:
    AuditEventFactory(
        enterprise=acme,
        actor="=1+1",
        ip_address="192.0.2.7",
        action="enterprise.edit",
        target="acme",
        before={"guard_share": 20},
        after={"guard_share": 30},
    )
    AuditEventFactory.create_batch(1100, enterprise=acme)
    found = [row for row in rows(owner) if row["Action"] != "report.download"]
    assert len(found) == 1101
    oldest = found[-1]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", oldest.pop("Time"))
    assert int(oldest.pop("Event")) > 0
    assert oldest == {
        "Actor": "'=1+1",
        "Actor kind": "user",
        "Via": "",
        "IP address": "192.0.2.7",
        "Batch": "",
        "Action": "enterprise.edit",
        "Target": "acme",
        "Before": '{"guard_share":20}',
        "After": '{"guard_share":30}',
    }


def test_every_action_that_is_recorded_has_its_words() -> None:
    package = Path(__file__).parents[2] / "enterprise"
    trees = (ast.parse(path.read_text()) for path in package.rglob("*.py"))
    used = {
        word.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "action"
        for word in ast.walk(node.value)
        if isinstance(word, ast.Constant) and re.fullmatch(r"[a-z_]+\.[a-z_]+", str(word.value))
    }
    assert used == set(ACTIONS)


def test_an_auditor_sees_no_address_in_what_changed(acme: Enterprise, auditor: Client) -> None:
    audit_record(
        enterprise=acme,
        actor=SYSTEM,
        action="enterprise.add",
        target="acme",
        after={"owner": "paul@example.com", "people": ["ada@example.com"]},
    )
    page = auditor.get(PAGE).content.decode()
    assert "p•••@example.com" in page
    for address in ("paul@example.com", "ada@example.com"):
        assert address not in page
        assert address not in str(rows(auditor))
