"""The CSV of consumed licenses as it is downloaded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.http import StreamingHttpResponse
from django.test import Client

from enterprise.models import AuditEvent, Enterprise, Membership, PersonVersion
from enterprise.reports import csv as report
from enterprise.reports.csv import ReportIncomplete
from tests.factories import EnterpriseFactory, MembershipFactory
from tests.reports.ledger import count, member, members

pytestmark = pytest.mark.django_db


@pytest.fixture
def enterprise() -> Enterprise:
    return EnterpriseFactory(slug="acme")


def signed_in(enterprise: Enterprise, role: str = "owner") -> Client:
    membership: Membership = MembershipFactory(enterprise=enterprise, role=role)
    client = Client()
    client.force_login(membership.user)
    return client


def download(client: Client, query: str = "", **extra: Any) -> Any:
    return client.get(f"/enterprises/acme/licensing.csv{query}", **extra)


def table(response: Any) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_every_person_is_a_row_under_the_28_headers(enterprise: Enterprise) -> None:
    count(enterprise, members(1234))
    response = download(signed_in(enterprise))
    rows = table(response)
    assert rows[0][0] == "GitHub com login"
    assert [row[0] for row in rows[1:]] == [f"person{n:05}" for n in range(1234)]
    assert {len(row) for row in rows} == {28}
    assert response["X-Licsync-Rows"] == "1234"
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Type"].startswith("text/csv")


def test_the_file_name_has_the_enterprise_and_the_time(enterprise: Enterprise) -> None:
    snapshot = count(enterprise, members(1))
    name = f'consumed-licenses-acme-{snapshot.taken_at:%Y%m%dT%H%M%SZ}.csv"'
    assert name in download(signed_in(enterprise))["Content-Disposition"]


def test_the_older_headers_and_a_utf8_mark_come_on_request(enterprise: Enterprise) -> None:
    count(enterprise, members(1))
    response = download(signed_in(enterprise), "?headers=snake_case&bom=1")
    assert b"".join(response.streaming_content).startswith(b"\xef\xbb\xbfgithub_com_login,")


def test_an_auditor_sees_masked_addresses(enterprise: Enterprise) -> None:
    count(enterprise, [member("mona", saml_name_id="mona@corp.example")])
    text = b"".join(download(signed_in(enterprise, "auditor")).streaming_content).decode()
    assert "m•••@example.com" in text
    assert "m•••@corp.example" in text
    assert "mona@" not in text


def test_a_billing_manager_sees_addresses(enterprise: Enterprise) -> None:
    count(enterprise, members(1))
    rows = table(download(signed_in(enterprise, "billing_manager")))
    assert rows[1][10] == "person00000@example.com"


def test_a_stranger_gets_404(enterprise: Enterprise) -> None:
    count(enterprise, members(1))
    assert download(signed_in(EnterpriseFactory(slug="other"))).status_code == 404


def test_an_earlier_count_can_be_downloaded(enterprise: Enterprise) -> None:
    first = count(enterprise, members(3))
    count(enterprise, members(5))
    client = signed_in(enterprise)
    assert len(table(download(client, f"?as_of={first.pk}"))) == 1 + 3
    assert len(table(download(client))) == 1 + 5


@pytest.mark.parametrize("as_of", ["0", "-1", "x", "999999", "9" * 30, ""])
def test_a_count_that_does_not_exist_is_not_found(enterprise: Enterprise, as_of: str) -> None:
    count(enterprise, members(1))
    assert download(signed_in(enterprise), f"?as_of={as_of}").status_code == 404


def test_another_enterprises_count_is_not_found(enterprise: Enterprise) -> None:
    count(enterprise, members(1))
    foreign = count(EnterpriseFactory(slug="other"), members(1))
    assert download(signed_in(enterprise), f"?as_of={foreign.pk}").status_code == 404


def test_before_the_first_count_there_is_a_page_instead_of_an_empty_file(
    enterprise: Enterprise,
) -> None:
    response = download(signed_in(enterprise))
    assert response.status_code == 409
    assert b"Nothing has been counted yet" in response.content


def test_a_recount_in_between_does_not_change_what_is_being_downloaded(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "CHUNK_ROWS", 100)
    count(enterprise, members(2500))
    chunks = download(signed_in(enterprise)).streaming_content
    text = next(chunks) + next(chunks)
    count(enterprise, members(2500, start=1200))
    rows = list(csv.reader(io.StringIO((text + b"".join(chunks)).decode())))
    assert [row[0] for row in rows[1:]] == [f"person{n:05}" for n in range(2500)]


def test_a_missing_row_breaks_the_download_off(enterprise: Enterprise) -> None:
    count(enterprise, members(250))
    PersonVersion.objects.filter(key="person00100").delete()
    chunks = download(signed_in(enterprise)).streaming_content
    received: list[bytes] = []
    with pytest.raises(ReportIncomplete):
        received.extend(chunks)
    assert received[-1].startswith(b"INCOMPLETE: this download broke off after 249 of 250 rows")


def test_a_database_that_goes_away_breaks_the_download_off(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(enterprise, members(3))

    def walk(_snapshot: object) -> Iterator[tuple[Any, ...]]:
        yield (1, "person00000", "enterprise", 0, "{}")
        raise OperationalError("gone")

    monkeypatch.setattr(report, "report_walk", walk)
    with pytest.raises(OperationalError):
        list(download(signed_in(enterprise)).streaming_content)


def test_over_http_1_0_the_length_is_told_since_a_break_looks_like_an_end(
    enterprise: Enterprise,
) -> None:
    count(enterprise, members(700))
    response = download(signed_in(enterprise), SERVER_PROTOCOL="HTTP/1.0")
    body = b"".join(response.streaming_content)
    assert int(response["Content-Length"]) == len(body)
    assert body.count(b"\r\n") == 701


def test_over_http_1_0_a_download_that_breaks_off_is_no_download(enterprise: Enterprise) -> None:
    count(enterprise, members(3))
    PersonVersion.objects.filter(key="person00001").delete()
    client = signed_in(enterprise)
    client.raise_request_exception = False
    assert download(client, SERVER_PROTOCOL="HTTP/1.0").status_code == 500


def test_a_download_is_in_the_audit_log(enterprise: Enterprise) -> None:
    snapshot = count(enterprise, members(2))
    client = signed_in(enterprise, "auditor")
    response = download(client)
    assert isinstance(response, StreamingHttpResponse)
    event = AuditEvent.objects.get(action="report.download")
    assert event.target == "licensing.csv"
    assert event.after == {"snapshot": snapshot.pk, "rows": 2, "masked": True}
    assert event.actor_kind == "user"


def test_asking_for_the_headers_alone_takes_nothing_away(enterprise: Enterprise) -> None:
    count(enterprise, members(2))
    response = signed_in(enterprise).head("/enterprises/acme/licensing.csv")
    assert response["X-Licsync-Rows"] == "2"
    assert not AuditEvent.objects.filter(action="report.download").exists()
