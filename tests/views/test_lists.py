"""The lists of accounts that deserve a look: each a page and a file."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enterprise.models import CloudIdentity, Enterprise, ServerInstance
from enterprise.views.lists import LISTS, PER_PAGE
from tests.reports.ledger import member
from tests.views.counted import account, count, table, text_of

START = "/enterprises/acme/licensing/lists"
pytestmark = pytest.mark.django_db


@pytest.fixture
def counted(acme: Enterprise, read_instance: ServerInstance) -> Enterprise:
    """Something for each list, and mona, who is in none."""
    account(read_instance, 1, "mona@example.com")
    account(read_instance, 2, "fresh@corp.example", never_signed_in=True)
    account(read_instance, 3, "away@corp.example", suspended=True, consumes=False)
    account(read_instance, 4, "setup@corp.example", excluded="scim_admin", consumes=False)
    nothing_known = {"verified_emails": (), "saml_name_id": ""}
    rows = [
        member("mona"),
        member("remote", server_user_ids=("ghes9.example.com:7", "ghes1.example.com:1")),
        member("hidden", **nothing_known),
        member("linked", **nothing_known),
        member(
            "",
            name="A Reader",
            cloud_user=False,
            verified_emails=(),
            visual_studio_user=True,
            visual_studio_status="Unmatched",
            visual_studio_email="reader@corp.example",
        ),
    ]
    CloudIdentity.objects.create(
        enterprise=acme, login_key="linked", attribute=2, value="linked@corp.example"
    )
    count(acme, rows)
    return acme


CONTENTS = {
    "never-signed-in": ["ghes1.example.com:2", "fresh@corp.example"],
    "subscribers-not-linked": ["reader@corp.example", "A Reader", "Unmatched"],
    "instances-not-read": ["remote", "Remote", "ghes9.example.com:7"],
    "members-without-email": ["hidden", "Hidden", "acme:Member"],
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_list_has_whom_it_is_about_and_nobody_else(
    owner: Client, counted: Enterprise, name: str
) -> None:
    response = owner.get(f"{START}/{name}")
    [(cells, _person)] = response.context["rows"]
    assert cells == CONTENTS[name]
    assert all(cell in text_of(response) for cell in cells)


def test_each_excluded_account_has_the_reason(owner: Client, counted: Enterprise) -> None:
    rows = owner.get(f"{START}/excluded").context["rows"]
    assert [cells for cells, _person in rows] == [
        [
            "ghes1.example.com:3",
            "away@corp.example",
            "Consumes no license: the account is suspended on its instance.",
        ],
        [
            "ghes1.example.com:4",
            "setup@corp.example",
            "Consumes no license: it is the setup user for SCIM, whose login is scim-admin.",
        ],
    ]


def test_accounts_never_signed_in_are_excluded_if_the_setting_says_so(
    owner: Client, counted: Enterprise
) -> None:
    [(_cells, person)] = owner.get(f"{START}/never-signed-in").context["rows"]
    assert person is not None
    Enterprise.objects.update(exclude_never_signed_in=True)
    counted.refresh_from_db()
    count(counted, [member("mona")])
    [(_cells, person)] = owner.get(f"{START}/never-signed-in").context["rows"]
    assert person is None
    rows = owner.get(f"{START}/excluded").context["rows"]
    whys = {cells[0]: cells[2] for cells, _person in rows}
    assert "nobody has ever signed in" in whys["ghes1.example.com:2"]


def test_a_line_leads_to_the_person_it_counts_as(owner: Client, counted: Enterprise) -> None:
    for name, key in (
        ("never-signed-in", "fresh@corp.example"),
        ("instances-not-read", "remote"),
        ("members-without-email", "hidden"),
    ):
        [(_cells, person)] = owner.get(f"{START}/{name}").context["rows"]
        url = f"/enterprises/acme/licensing/persons/{person}"
        assert key in text_of(owner.get(url)), name


def test_the_lists_say_how_many_the_newest_count_found(owner: Client, counted: Enterprise) -> None:
    lists = owner.get(START).context["lists"]
    assert {name: total for name, _list, total in lists} == {
        "never-signed-in": 1,
        "subscribers-not-linked": 1,
        "instances-not-read": 1,
        "members-without-email": None,
        "excluded": 2,
    }


@pytest.mark.parametrize("name", LISTS)
def test_an_empty_list_says_so(owner: Client, acme: Enterprise, name: str) -> None:
    assert "There is no such account now." in text_of(owner.get(f"{START}/{name}"))


@pytest.mark.parametrize("name", LISTS)
def test_a_file_has_what_the_page_has(owner: Client, counted: Enterprise, name: str) -> None:
    rows = owner.get(f"{START}/{name}").context["rows"]
    response = owner.get(f"{START}/{name}.csv")
    head, *lines = table(response)
    width = len(rows[0][0])
    assert [line[:width] for line in lines] == [cells for cells, _person in rows]
    assert len(head) == len(lines[0])
    assert f'filename="{name}-acme-' in response["Content-Disposition"]


@pytest.mark.parametrize("name", LISTS)
def test_an_auditor_sees_no_address(auditor: Client, counted: Enterprise, name: str) -> None:
    page = text_of(auditor.get(f"{START}/{name}"))
    file = "\n".join(" ".join(line) for line in table(auditor.get(f"{START}/{name}.csv")))
    assert not re.search(r"\w@\w", page + file)
    if name not in ("instances-not-read", "members-without-email"):
        assert "•••@corp.example" in page
        assert "•••@corp.example" in file


def test_a_file_holds_no_formula(
    owner: Client, acme: Enterprise, read_instance: ServerInstance
) -> None:
    account(read_instance, 1, "=1+1@example.com", suspended=True, consumes=False)
    [line] = table(owner.get(f"{START}/excluded.csv"))[1:]
    assert line[1] == "'=1+1@example.com"


def test_a_long_list_has_pages_and_the_file_all_of_it(
    owner: Client, acme: Enterprise, read_instance: ServerInstance
) -> None:
    everybody = 2 * PER_PAGE + 1
    for user_id in range(everybody):
        account(read_instance, user_id, "", suspended=True, consumes=False)
    names = []
    query = "?"
    while query:
        response = owner.get(f"{START}/excluded{query}")
        names += [cells[0] for cells, _person in response.context["rows"]]
        query = response.context["next_url"]
    assert names == [f"ghes1.example.com:{user_id}" for user_id in range(everybody)]
    assert len(table(owner.get(f"{START}/excluded.csv"))) == 1 + everybody


@pytest.mark.parametrize("name", LISTS)
def test_a_page_costs_as_many_queries_for_many_lines_as_for_one(
    owner: Client, counted: Enterprise, read_instance: ServerInstance, name: str
) -> None:
    with CaptureQueriesContext(connection) as few:
        owner.get(f"{START}/{name}")
    for user_id in range(100, 140):
        account(read_instance, user_id, "", never_signed_in=True)
        account(read_instance, user_id + 100, "", suspended=True, consumes=False)
    hidden = [member(f"hidden{n}", verified_emails=()) for n in range(40)]
    remote = [member(f"r{n}", server_user_ids=(f"ghes9.example.com:{n}",)) for n in range(40)]
    count(counted, [*hidden, *remote])
    with CaptureQueriesContext(connection) as many:
        owner.get(f"{START}/{name}")
    assert len(many) <= len(few)


def test_there_is_no_other_list(owner: Client) -> None:
    assert owner.get(f"{START}/passwords").status_code == 404
    assert owner.get(f"{START}/passwords.csv").status_code == 404


@pytest.mark.parametrize(
    ("who", "status"),
    [("billing_manager", 200), ("auditor", 200), ("stranger", 404), ("signed_out", 302)],
)
@pytest.mark.parametrize("path", ["", "/excluded", "/excluded.csv"])
def test_is_for_every_role_and_nobody_else(
    cast: Callable[[str], Client], who: str, status: int, path: str
) -> None:
    assert cast(who).get(START + path).status_code == status


def test_the_totals_say_how_many_never_signed_in_unless_they_are_left_out(
    owner: Client, counted: Enterprise
) -> None:
    licensing = "/enterprises/acme/licensing"
    assert "1 account never signed in;" in text_of(owner.get(licensing))
    Enterprise.objects.update(exclude_never_signed_in=True)
    counted.refresh_from_db()
    count(counted, [member("mona")])
    assert "never signed in;" not in text_of(owner.get(licensing))
