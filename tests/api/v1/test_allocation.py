"""``/api/v1``: whose seats are whose, targets, and the mapping of cost centers."""

from __future__ import annotations

import pytest

from enterprise.models import CostCenterEntry, Enterprise, Snapshot
from enterprise.services.allocation import allocations_refresh_due
from tests.api.v1.conftest import V1, problem

pytestmark = pytest.mark.django_db


def put(client: V1, text: str) -> object:
    return client.generic(
        "PUT", f"{client.start}/cost-centers", text.encode(), content_type="text/csv"
    )


def test_the_parts_add_up_to_the_persons(reader: V1, counted: Snapshot) -> None:
    for by in ("organization", "instance", "cost_center"):
        found = reader.read("/allocation", by=by)
        assert found["snapshot"]["id"] == counted.pk
        assert sum(item["seats"] for item in found["items"]) == found["persons"] == 3
        assert found["pending"] is False
    instances = reader.read("/allocation", by="instance")["items"]
    assert [(each["name"], each["exact_share"], each["share"]) for each in instances] == [
        ("GHEC", "3/2", "1.50"),
        ("ghes1.example.com", "3/2", "1.50"),
    ]


def test_parts_are_sorted_by_their_seats(reader: V1, counted: Snapshot) -> None:
    for sort, falling in (("seats", False), ("-seats", True)):
        items = reader.read("/allocation", by="organization", sort=sort)["items"]
        seats = [item["seats"] for item in items]
        assert seats == sorted(seats, reverse=falling)


def test_a_count_that_was_not_split_is_told(reader: V1, enterprise: Enterprise) -> None:
    assert problem(reader.get(f"{reader.start}/allocation")) == (409, "not_counted")


def test_a_target_is_set_compared_and_taken_away(admin: V1, reader: V1, counted: Snapshot) -> None:
    assert admin.send("PUT", "/targets/ACME", {"seats": 1}).json() == {
        "organization": "acme",
        "seats": 1,
    }
    item = reader.read("/allocation")["items"][0]
    assert (item["name"], item["seats"], item["target"], item["over"]) == ("acme", 2, 1, 1)
    assert reader.read("/targets")["items"] == [{"organization": "acme", "seats": 1}]
    assert admin.send("DELETE", "/targets/acme").status_code == 204
    assert admin.send("DELETE", "/targets/acme").status_code == 404
    assert problem(admin.send("PUT", "/targets/acme", {"seats": -1})) == (422, "out_of_range")
    assert reader.send("PUT", "/targets/acme", {"seats": 1}).status_code == 403


def test_the_mapping_is_replaced_read_and_erased(admin: V1, reader: V1, counted: Snapshot) -> None:
    response = put(admin, "identifier,cost_center\nmona,One\nhubot,One\n")
    assert response.json() == {  # type: ignore[attr-defined]
        "entries": 2,
        "items": [{"name": "One", "entries": 2}],
    }
    assert reader.read("/allocation", by="cost_center")["pending"] is True
    allocations_refresh_due()
    items = reader.read("/allocation", by="cost_center")["items"]
    assert [(item["name"], item["seats"]) for item in items] == [("One", 2), ("", 1)]
    faulty = put(admin, "identifier,cost_center\nmona\n")
    assert problem(faulty) == (422, "mapping_bad_row")
    assert CostCenterEntry.objects.count() == 2
    assert put(reader, "identifier,cost_center\n").status_code == 403  # type: ignore[attr-defined]
    assert admin.send("POST", "/cost-centers/forget", {"identifier": "MONA"}).status_code == 204
    assert admin.send("POST", "/cost-centers/forget", {"identifier": "MONA"}).status_code == 404
    assert CostCenterEntry.objects.get().identifier == "hubot"
    assert admin.send("DELETE", "/cost-centers").status_code == 204
    assert not CostCenterEntry.objects.exists()


def test_the_files_are_whole(admin: V1, reader: V1, counted: Snapshot) -> None:
    put(admin, "identifier,cost_center\nmona,One\n")
    for path, lines in (("allocation.csv?by=instance", 3), ("cost-centers.csv", 2)):
        response = reader.get(f"{reader.start}/{path}")
        assert len(b"".join(response.streaming_content).splitlines()) == lines
