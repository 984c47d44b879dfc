"""Files by the API: always whole, or visibly broken; over real HTTP, too."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pytest_django.live_server_helper import LiveServer

from enterprise.models import AuditEvent, Enterprise, PersonVersion, ServerInstance, Snapshot
from enterprise.reports.csv import ReportIncomplete
from tests.api.conftest import make_token
from tests.api.v1.conftest import HOST, V1
from tests.reports.ledger import member, members
from tests.views.counted import account, count

pytestmark = pytest.mark.django_db


def body(response: Any) -> str:
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()


def rows(response: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body(response), newline="")))


def test_the_report_is_githubs(reader: V1, counted: Snapshot) -> None:
    response = reader.get(f"{reader.start}/persons.csv")
    head, *persons = rows(response)
    assert len(head) == 28
    assert [person[0] for person in persons] == ["hubot", "", "mona"]
    assert response["X-Licsync-Rows"] == "3"
    older = reader.get(f"{reader.start}/persons.csv", {"headers": "snake_case", "bom": "true"})
    assert body(older).startswith("\ufeffgithub_com_login,")


def test_persons_are_json_lines_as_in_the_list(reader: V1, counted: Snapshot) -> None:
    response = reader.get(f"{reader.start}/persons.jsonl", {"as_of": counted.pk})
    lines = [json.loads(line) for line in body(response).splitlines()]
    assert lines == reader.read("/persons")["items"]
    assert response["Content-Disposition"].endswith('Z.jsonl"')
    (event,) = AuditEvent.objects.filter(action="report.download", target="persons.jsonl")
    assert (event.actor, event.actor_kind) == ("reader", "token")


def test_json_lines_that_cannot_be_finished_say_so_and_break(reader: V1, counted: Snapshot) -> None:
    response = reader.get(f"{reader.start}/persons.jsonl")
    PersonVersion.objects.filter(key="mona").delete()
    read: list[bytes] = []
    with pytest.raises(ReportIncomplete):
        read.extend(response.streaming_content)
    last = json.loads(read[-1])
    assert last == {"incomplete": True, "written": 2, "persons": 3}


def test_changes_lists_the_difference_and_the_audit_log_are_tables(
    reader: V1, enterprise: Enterprise, instance: ServerInstance, counted: Snapshot
) -> None:
    account(instance, 9, "gone@example.com", suspended=True, consumes=False)
    newer = count(enterprise, [member("mona")])
    changes = reader.get(f"{reader.start}/changes.csv", {"from": counted.pk})
    assert rows(changes)[1][0] == "left"
    name = f"changes-{counted.pk}-{newer.pk}-acme-{newer.taken_at:%Y%m%dT%H%M%SZ}.csv"
    assert f'filename="{name}"' in changes["Content-Disposition"]
    excluded = rows(reader.get(f"{reader.start}/lists/excluded.csv"))
    assert excluded[0] == ["Account", "Email", "Why not"]
    assert excluded[1][0] == f"{HOST}:9"
    difference = rows(reader.get(f"{reader.start}/difference.csv"))
    assert "lone@example.com" in {row[4] for row in difference}
    audit = rows(reader.get(f"{reader.start}/audit.csv", {"actor": "reader"}))
    assert {row[1] for row in audit[1:]} == {"reader"}


@pytest.mark.parametrize("file", ["changes", "lists/excluded", "difference", "trend", "audit"])
def test_each_table_is_json_lines_too(
    reader: V1, enterprise: Enterprise, instance: ServerInstance, counted: Snapshot, file: str
) -> None:
    account(instance, 9, "gone@example.com", suspended=True, consumes=False)
    count(enterprise, [member("mona")])
    head, *table = rows(reader.get(f"{reader.start}/{file}.csv"))
    response = reader.get(f"{reader.start}/{file}.jsonl")
    assert response["Content-Type"] == "application/jsonl"
    assert response["Content-Disposition"].endswith('Z.jsonl"')
    lines = [json.loads(line) for line in body(response).splitlines()]
    assert len(lines) >= len(table) > 0
    assert [*lines[0]] == [name.lower().replace(" ", "_") for name in head]


# --- Real HTTP -----------------------------------------------------------------------------------


@pytest.fixture
def session(
    transactional_db: None, live_server: LiveServer, enterprise: Enterprise
) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {make_token(enterprise, 'admin:enterprise')}"
        yield session


def test_a_walk_by_link_and_a_start_over_real_http(
    session: requests.Session,
    live_server: LiveServer,
    enterprise: Enterprise,
    instance: ServerInstance,
) -> None:
    count(enterprise, members(250))
    start = f"{live_server.url}/api/v1/enterprises/acme"
    url, seen = f"{start}/persons?per_page=100", []
    while url:
        response = session.get(url, timeout=30)
        seen += [person["key"] for person in response.json()["items"]]
        url = response.links.get("next", {}).get("url", "")
    assert seen == [f"person{n:05}" for n in range(250)]
    started = session.post(f"{start}/runs", json={"target": HOST}, timeout=30)
    assert started.status_code == 201
    run = started.json()["items"][0]["run"]["id"]
    cancelled = session.post(f"{start}/runs/{run}/cancel", timeout=30)
    assert cancelled.json()["state"] == "cancelled"
    refused = session.patch(f"{start}/instances/{HOST}", json={"url": "ftp://x"}, timeout=30)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["field"] == "url"


def test_the_cookie_of_a_session_counts_for_nothing(
    session: requests.Session, live_server: LiveServer
) -> None:
    anonymous = requests.get(
        f"{live_server.url}/api/v1/enterprises/acme", cookies={"sessionid": "x"}, timeout=30
    )
    assert anonymous.status_code == 401
    assert "Set-Cookie" not in anonymous.headers


@pytest.mark.parametrize("neither", ["null", "", "2"])
def test_a_mark_is_asked_for_by_yes_or_no(reader: V1, counted: Snapshot, neither: str) -> None:
    response = reader.get(f"{reader.start}/allocation.csv", {"bom": neither})
    assert response.status_code == 400
