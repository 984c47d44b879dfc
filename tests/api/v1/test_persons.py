"""Totals, persons with their reasons, the difference and the lists."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import F

from enterprise.api import v1_difference
from enterprise.models import (
    AuditEvent,
    CurrentPerson,
    DifferenceComponent,
    Enterprise,
    PersonVersion,
    ServerInstance,
    Snapshot,
)
from enterprise.selectors.difference import components_page
from tests.api.conftest import links
from tests.api.v1.conftest import HOST, V1, problem
from tests.factories import CloudStateFactory, EnterpriseFactory
from tests.reports.ledger import member, members
from tests.views.counted import account, count

pytestmark = pytest.mark.django_db


def keys(page: dict[str, list[dict[str, str]]]) -> list[str]:
    return [item["key"] for item in page["items"]]


def test_the_two_totals_name_their_basis(reader: V1, counted: Snapshot) -> None:
    totals = reader.read("/totals")
    assert totals["github"] == {"total": 4, "purchased": 500, "listed": 2}
    assert totals["console"]["persons"] == 3
    assert totals["console"]["server_only"] == 1
    assert (totals["free"], totals["free_basis"]) == (496, "github")
    assert totals["snapshot"]["id"] == counted.pk


def test_before_the_first_count_there_are_no_totals(reader: V1) -> None:
    for path in ("/totals", "/persons", "/persons/1", "/persons.csv", "/difference", "/changes"):
        assert problem(reader.get(reader.start + path))[0] == 409


def test_persons_are_listed_in_the_order_of_the_report(reader: V1, counted: Snapshot) -> None:
    page = reader.read("/persons")
    assert keys(page) == ["hubot", "lone@example.com", "mona"]
    assert page["total"] == 3
    mona = page["items"][2]
    assert mona["report"]["enterprise_server_user_ids"] == [f"{HOST}:1"]
    assert mona["report"]["enterprise_server_primary_emails"] == ["Mona@example.com"]


def test_a_walk_sees_each_person_once_even_if_a_count_lands_in_between(
    reader: V1, enterprise: Enterprise
) -> None:
    count(enterprise, members(25))
    response = reader.get(f"{reader.start}/persons", {"per_page": 10})
    seen = keys(response.json())
    count(enterprise, members(25, start=3))
    while "next" in links(response):
        response = reader.get(links(response)["next"])
        seen += keys(response.json())
    assert seen == [f"person{n:05}" for n in range(25)]


def test_the_pages_are_linked_both_ways(reader: V1, enterprise: Enterprise) -> None:
    snapshot = count(enterprise, members(25))
    response = reader.get(f"{reader.start}/persons", {"per_page": 10, "page": 2})
    start = f"http://testserver{reader.start}/persons?per_page=10&as_of={snapshot.pk}"
    assert links(response) == {
        "first": f"{start}&page=1",
        "prev": f"{start}&page=1",
        "next": f"{start}&page=3",
        "last": f"{start}&page=3",
    }


def test_persons_can_be_listed_as_of_an_earlier_count(
    reader: V1, enterprise: Enterprise, counted: Snapshot
) -> None:
    count(enterprise, [member("hubot")])
    assert "mona" not in keys(reader.read("/persons"))
    assert "mona" in keys(reader.read("/persons", as_of=counted.pk))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"search": "MONA example"}, ["mona"]),
        ({"search": "lone@example.com"}, ["lone@example.com"]),
        ({"kind": "cloud"}, ["hubot"]),
        ({"kind": "server"}, ["lone@example.com"]),
        ({"license_type": "visual_studio"}, []),
        ({"host": HOST.upper()}, ["lone@example.com", "mona"]),
        ({"ambiguous": True}, []),
        ({"sort": "-key"}, ["mona", "lone@example.com", "hubot"]),
    ],
)
def test_current_persons_can_be_searched(
    reader: V1, counted: Snapshot, query: dict[str, str], found: list[str]
) -> None:
    page = reader.read("/persons", **query)
    assert keys(page) == found
    assert page["total"] == len(found)
    assert page["snapshot"] is None


def test_a_search_goes_on_and_back(reader: V1, enterprise: Enterprise) -> None:
    count(enterprise, members(25))
    query = {"sort": "-key", "per_page": 10}
    pages = [reader.get(f"{reader.start}/persons", query)]
    while "next" in links(pages[-1]):
        pages.append(reader.get(links(pages[-1])["next"]))
    seen = [key for page in pages for key in keys(page.json())]
    assert seen == [f"person{n:05}" for n in reversed(range(25))]
    back = reader.get(links(pages[2])["prev"])
    assert keys(back.json()) == keys(pages[1].json())


@pytest.mark.parametrize("mark", ["after", "before"])
def test_a_search_does_not_begin_anew_from_who_counts_no_more(
    reader: V1, enterprise: Enterprise, mark: str
) -> None:
    count(enterprise, members(25))
    gone = reader.read("/persons", sort="-key", per_page=10)["items"][-1]["number"]
    CurrentPerson.objects.filter(number=gone).delete()
    response = reader.get(f"{reader.start}/persons", {"sort": "-key", mark: gone})
    assert problem(response) == (409, "list_moved")


def test_former_persons_are_not_searched(reader: V1, counted: Snapshot) -> None:
    for query in ({"search": "mona", "as_of": counted.pk}, {"sort": "-key", "page": 2}):
        response = reader.get(f"{reader.start}/persons", query)
        assert problem(response) == (422, "search_is_current")


@pytest.mark.parametrize(
    "query",
    [
        {"per_page": 101},
        {"page": 0},
        {"as_of": 2**63},
        {"kind": "bot"},
        {"sort": "email"},
        {"search": "a\0b"},
    ],
)
def test_a_parameter_that_is_wrong_is_named(
    reader: V1, counted: Snapshot, query: dict[str, str]
) -> None:
    response = reader.get(f"{reader.start}/persons", query)
    assert problem(response) == (422, "invalid_parameters")
    assert [error["name"] for error in response.json()["errors"]] == [*query]


def test_a_person_comes_with_the_rule_of_each_account(reader: V1, counted: Snapshot) -> None:
    number = PersonVersion.objects.get(key="mona").number
    mona = reader.read(f"/persons/{number}")
    assert mona["has_cloud_row"] is True
    assert mona["reason"].startswith("Counts once: GitHub lists mona as consuming a license;")
    (membership,) = mona["memberships"]
    assert membership["account"] == f"{HOST}:1"
    assert membership["rule"] == "verified_email"
    assert membership["attribute"] is None
    assert membership["value"] == "mona@example.com"
    assert membership["reason"] in mona["reason"]
    assert [version["from_snapshot"] for version in mona["history"]] == [counted.pk]


def test_the_attribute_is_named_where_one_decided(
    reader: V1, enterprise: Enterprise, instance: ServerInstance
) -> None:
    account(instance, 7, "octo@corp.example")
    rows = [member("octocat", saml_name_id="octo@corp.example"), member("hubot")]
    count(enterprise, rows)
    number = PersonVersion.objects.get(key="octocat", to_snapshot=None).number
    (membership,) = reader.read(f"/persons/{number}")["memberships"]
    assert (membership["rule"], membership["attribute"]) == ("saml", "NameID")


def test_the_reason_speaks_the_language_of_the_client(reader: V1, counted: Snapshot) -> None:
    number = PersonVersion.objects.get(key="mona").number
    path = f"{reader.start}/persons/{number}"
    response = reader.get(path, headers={"Accept-Language": "de"})
    assert response["Content-Language"] == "de"
    assert "Accept-Language" in response["Vary"]
    assert response.json()["reason"] != reader.get(path).json()["reason"]


def test_who_did_not_consume_then_is_not_found(
    reader: V1, enterprise: Enterprise, counted: Snapshot
) -> None:
    number = PersonVersion.objects.get(key="mona").number
    newer = count(enterprise, [member("hubot")])
    gone = reader.get(f"{reader.start}/persons/{number}", {"as_of": newer.pk})
    assert gone.status_code in (200, 404)  # Mona's account may stay, alone
    count(EnterpriseFactory(slug="other"), [member("stranger")])
    stranger = PersonVersion.objects.get(key="stranger")
    assert reader.get(f"{reader.start}/persons/{stranger.number + 99}").status_code == 404


def test_the_difference_adds_up(reader: V1, counted: Snapshot) -> None:
    difference = reader.read("/difference")
    changes = {each["category"]: each["change"] for each in difference["categories"]}
    assert difference["ours"] - difference["listed"] == sum(changes.values()) == 1
    assert difference["stated"] == 4
    assert difference["not_listed"] == -2
    (component,) = reader.read("/difference/components")["items"]
    assert component["change"] == 1
    assert [person["key"] for person in component["persons"]] == ["lone@example.com"]
    elsewhere = next(each for each in changes if each != component["category"])
    assert reader.read("/difference/components", category=elsewhere)["items"] == []


def test_what_a_row_of_githubs_is_is_told_by_a_code(reader: V1, enterprise: Enterprise) -> None:
    CloudStateFactory(enterprise=enterprise)
    gone = member("", cloud_user=False, server_user=True, server_user_ids=(f"{HOST}:9",))
    count(enterprise, [gone])
    address = f"{reader.start}/difference/components"
    (component,) = reader.get(address, headers={"Accept-Language": "de"}).json()["items"]
    assert component["rows"] == [{"name": f"{HOST}:9", "kind": "server_only"}]


def test_a_walk_over_the_difference_does_not_mix_two_counts(reader: V1, counted: Snapshot) -> None:
    query = {"after": 1, "snapshot": counted.pk + 1}
    response = reader.get(f"{reader.start}/difference/components", query)
    assert problem(response) == (409, "list_moved")


def test_a_walk_over_the_difference_does_not_mix_two_comparisons_of_one_count(
    reader: V1, enterprise: Enterprise, counted: Snapshot
) -> None:
    for _ in range(50):
        DifferenceComponent.objects.create(enterprise=enterprise, category="other", change=1)
    first = reader.get(f"{reader.start}/difference/components")
    second = links(first)["next"]
    assert reader.get(second).json()["items"]

    Enterprise.objects.update(compared_version=F("compared_version") + 1)

    assert problem(reader.get(second)) == (409, "list_moved")


def test_components_that_are_replaced_while_they_are_read_are_not_given(
    reader: V1, counted: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*args: Any, **kwargs: Any) -> Any:
        Enterprise.objects.update(compared_version=F("compared_version") + 1)
        return components_page(*args, **kwargs)

    monkeypatch.setattr(v1_difference, "components_page", read)
    response = reader.get(f"{reader.start}/difference/components")
    assert problem(response) == (409, "list_moved")


def test_the_lists_tell_what_they_are(reader: V1, counted: Snapshot) -> None:
    lists = {each["name"]: each for each in reader.read("/lists")["items"]}
    assert {*lists} == {
        "never-signed-in",
        "subscribers-not-linked",
        "instances-not-read",
        "members-without-email",
        "excluded",
    }
    assert lists["excluded"]["total"] == 0
    for name in lists:
        assert reader.read(f"/lists/{name}")["items"] == []
    assert reader.get(f"{reader.start}/lists/nothing").status_code == 404


def test_a_list_goes_on_and_says_why(reader: V1, instance: ServerInstance) -> None:
    for user_id in range(1, 6):
        account(instance, user_id, f"u{user_id}@example.com", suspended=True, consumes=False)
    response = reader.get(f"{reader.start}/lists/excluded", {"per_page": 3})
    first = response.json()["items"]
    second = reader.get(links(response)["next"]).json()["items"]
    assert [line["name"] for line in first + second] == [f"{HOST}:{n}" for n in range(1, 6)]
    assert first[0]["reason"] == "suspended"
    assert "suspended on its instance" in first[0]["message"]
    assert first[0]["email"] == "u1@example.com"


# --- Erasure -------------------------------------------------------------------------------------


def test_who_consumes_no_license_any_more_is_erased(
    admin: V1, enterprise: Enterprise, counted: Snapshot
) -> None:
    gone = admin.read("/persons", search="hubot")["items"][0]["number"]
    path = f"/persons/{gone}/erase"
    assert problem(admin.send("POST", path)) == (409, "person_consumes")
    count(enterprise, [member("mona")])
    for _ in range(2):
        assert admin.send("POST", path).status_code == 204
    assert admin.read(f"/persons/{gone}", as_of=counted.pk)["key"] == f"removed #{gone}"
    (event,) = AuditEvent.objects.filter(action="person.erase")
    assert (event.actor, event.target) == ("admin", f"removed #{gone}")
    assert problem(admin.send("POST", "/persons/987654/erase")) == (404, "person_unknown")


def test_persons_are_an_event_whichever_page_is_read(reader: V1, counted: Snapshot) -> None:
    for page in (2, 1, 2):
        assert reader.read("/persons", page=page, per_page=1)["items"]
    event = AuditEvent.objects.get(action="report.download")
    assert (event.target, event.after) == ("persons", {"snapshot": counted.pk, "rows": 3})


def test_persons_read_one_by_one_are_one_event(reader: V1, counted: Snapshot) -> None:
    for number in (1, 2, 3):
        reader.read(f"/persons/{number}")
    event = AuditEvent.objects.get(action="report.download")
    assert (event.target, event.actor) == ("person", "reader")
