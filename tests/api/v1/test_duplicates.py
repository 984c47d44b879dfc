"""The work-list by ``/api/v1``."""

from __future__ import annotations

import pytest

from enterprise.models import Duplicate, Enterprise, EnterpriseDomain, ServerInstance
from tests.api.conftest import links
from tests.api.v1.conftest import V1, problem
from tests.reports.ledger import member
from tests.views.counted import account, count

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _counted(enterprise: Enterprise, instance: ServerInstance) -> None:
    EnterpriseDomain.objects.create(
        enterprise=enterprise, domain="acme.example", verified=True, approved=False
    )
    for n in range(3):
        account(instance, 50 + n, f"person.{n}@de.acme.example")
    rows = [member(f"p{n}", verified_emails=(f"person.{n}@acme.example",)) for n in range(3)]
    count(enterprise, rows)


def test_pairs_come_with_reasons_and_what_to_change_page_by_page(reader: V1) -> None:
    first = reader.get(f"{reader.start}/duplicates?per_page=2&rule=own_domain")
    assert len(first.json()["items"]) == 2
    pair = first.json()["items"][0]
    assert pair["evidence"][0]["message"].endswith("both domains are the enterprise's.")
    assert pair["change"]["email"] == "person.0@acme.example"
    assert pair["change"]["messages"][0].startswith("Set the primary e-mail address of ")
    last = reader.get(links(first)["next"])
    assert len(last.json()["items"]) == 1
    assert "next" not in links(last)
    assert {"least": 75, "pairs": 3, "saves": 3} in last.json()["steps"]
    assert last.json()["unavailable"]["login"].startswith("not available, because ")


def test_a_walk_does_not_begin_anew_from_a_pair_that_is_gone(reader: V1) -> None:
    second = links(reader.get(f"{reader.start}/duplicates?per_page=2"))["next"]
    Duplicate.objects.all().delete()
    assert problem(reader.get(second)) == (409, "list_moved")


def test_what_if_tells_the_new_total(reader: V1) -> None:
    ids = [pair["id"] for pair in reader.read("/duplicates")["items"]]
    before = reader.read("/totals")
    answer = reader.read(f"/duplicates/what-if?tick={ids[0]}&tick={ids[1]}")
    assert (answer["ticked"], answer["saved"]) == (sorted(ids[:2]), 2)
    assert answer["total"] == answer["persons"] - 2
    assert reader.read("/totals") == before
    assert reader.read("/duplicates/what-if")["saved"] == 0


def test_a_decision_is_remembered_with_the_tokens_name_and_taken_back(admin: V1) -> None:
    pair = admin.read("/duplicates")["items"][0]["id"]
    decided = admin.send("PUT", f"/duplicates/{pair}/decision", {"reason": "twins"}).json()
    assert (decided["state"], decided["decided_by"], decided["reason"]) == (
        "dismissed",
        "admin",
        "twins",
    )
    again = admin.send("PUT", f"/duplicates/{pair}/decision", {"reason": "twins"})
    assert problem(again) == (409, "duplicate_not_open")
    assert admin.send("DELETE", f"/duplicates/{pair}/decision").status_code == 204
    assert admin.read(f"/duplicates/{pair}")["state"] == "open"
    assert admin.get(f"{admin.start}/duplicates/999999").status_code == 404


def test_a_reader_decides_nothing(reader: V1) -> None:
    pair = reader.read("/duplicates")["items"][0]["id"]
    refused = reader.send("PUT", f"/duplicates/{pair}/decision", {"reason": "twins"})
    assert problem(refused) == (403, "missing_scope")
