"""Finding persons: the same by the index, without it, and by walking where there are many."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from enterprise.models import CurrentPerson, Enterprise
from enterprise.selectors import search
from enterprise.selectors.search import SORTS, persons_search
from enterprise.services.search_index import newest_person, words_index_add
from tests.factories import CurrentPersonFactory, EnterpriseFactory, PersonVersionFactory

pytestmark = pytest.mark.django_db
SYLLABLES = ("an", "be", "chi", "do", "el", "fa", "ß", "王")


@pytest.fixture
def acme() -> Enterprise:
    return EnterpriseFactory(slug="acme")


def add(enterprise: Enterprise, number: int, login: str, **fields: Any) -> CurrentPerson:
    email = f"{login}@dep{number % 3}.example.com"
    PersonVersionFactory(enterprise=enterprise, number=number, key=login, report="{}")
    newest = newest_person()
    person: CurrentPerson = CurrentPersonFactory(
        enterprise=enterprise,
        number=number,
        key=login,
        words=f"{login}\nghes1.example.com:{number}\n{email}",
        public_words=f"{login}\nghes1.example.com:{number}",
        **fields,
    )
    words_index_add(after=newest)
    return person


@pytest.fixture
def people(acme: Enterprise) -> list[CurrentPerson]:
    drawn = random.Random(5)
    return [
        add(
            acme,
            number,
            "".join(drawn.choices(SYLLABLES, k=3)) + f"-{number}",
            accounts=drawn.randint(0, 3),
            kind=drawn.choice(["cloud", "server"]),
            ambiguous=number % 7 == 0,
        )
        for number in range(1, 61)
    ]


@pytest.fixture(params=["by the index", "without the index", "by walking"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "by walking":
        monkeypatch.setattr(search, "MOST", 0)
    if request.param == "without the index":
        monkeypatch.setattr(search, "has_words_index", lambda: False)
    return request.param


def keys(enterprise: Enterprise, text: str, **wanted: Any) -> list[str]:
    found = persons_search(enterprise, **{"masked": False, "text": text, **wanted})
    return [line.key for line in found.lines]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "an",
        "chi",
        "chido",
        "ß",
        "王",
        "CHI",
        "-1",
        "chi dep1",
        "example.com:5",
        "an be el",
        "xyz",
    ],
)
@pytest.mark.parametrize("masked", [False, True])
def test_all_words_stand_somewhere_in_whoever_is_found(
    acme: Enterprise, people: list[CurrentPerson], text: str, masked: bool
) -> None:
    expected = [
        person.key
        for person in people
        if all(
            word in (person.public_words if masked else person.words)
            for word in text.lower().split()
        )
    ]
    assert keys(acme, text, masked=masked, per_page=100) == sorted(expected)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("wanted", [{}, {"text": "an"}, {"kind": "cloud", "text": "dep1"}])
def test_pages_lead_to_everybody_and_back(
    acme: Enterprise, people: list[CurrentPerson], sort: str, wanted: dict[str, Any]
) -> None:
    expected = [
        person.number
        for person in sorted(
            people,
            key=lambda person: (person.accounts if "accounts" in sort else 0, person.key),
            reverse=sort.startswith("-"),
        )
        if wanted.get("text", "") in person.words and person.kind == wanted.get("kind", person.kind)
    ]
    page = persons_search(acme, masked=False, sort=sort, per_page=7, **wanted)
    assert page.previous is None
    pages = [page]
    while page.next is not None:
        page = persons_search(acme, masked=False, sort=sort, per_page=7, after=page.next, **wanted)
        pages.append(page)
    assert [line.number for page in pages for line in page.lines] == expected
    back = [page]
    while page.previous is not None:
        page = persons_search(
            acme, masked=False, sort=sort, per_page=7, before=page.previous, **wanted
        )
        back.insert(0, page)
    assert [line.number for page in back for line in page.lines] == expected


@pytest.mark.usefixtures("people", "way")
@pytest.mark.parametrize("text", ['"', "a%b", "_", "'", "\\", 'x"or"y', "*", "(", "an-", "''''"])
def test_signs_mean_themselves(acme: Enterprise, text: str) -> None:
    add(acme, 900, f"odd{text}odd")
    assert keys(acme, f"d{text}o") == [f"odd{text}odd"]


def test_so_many_are_counted_and_more_are_said_to_be_more(
    acme: Enterprise, people: list[CurrentPerson], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST", 60)
    assert persons_search(acme, masked=False, text="example").total == 60
    monkeypatch.setattr(search, "MOST", 59)
    assert persons_search(acme, masked=False, text="example").total is None
    assert persons_search(acme, masked=False, text="xyz").total == 0


def test_another_enterprise_is_not_searched(acme: Enterprise) -> None:
    add(EnterpriseFactory(slug="other"), 1, "mona")
    assert keys(acme, "mona") == []


def test_the_index_follows_what_is_changed_and_removed(acme: Enterprise) -> None:
    mona = add(acme, 1, "mona")
    add(acme, 2, "monalisa")
    CurrentPerson.objects.filter(pk=mona.pk).update(words="octocat")
    assert keys(acme, "mona") == ["monalisa"]
    assert keys(acme, "octocat") == ["mona"]
    CurrentPerson.objects.filter(number=2).delete()
    assert keys(acme, "mona") == []


def test_where_the_database_has_no_such_index_the_migration_leaves_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    migration = import_module("enterprise.migrations.0003_search_index")
    broken = ("CREATE TABLE left_over (id integer)", "CREATE NONSENSE")
    monkeypatch.setattr(migration, "SQLITE", broken)
    monkeypatch.setattr(migration, "POSTGRESQL", broken)
    migration.index_words(None, SimpleNamespace(connection=connection))
    assert "left_over" not in connection.introspection.table_names()


@pytest.mark.usefixtures("way")
def test_an_instance_whose_name_ends_anothers_is_not_taken_for_it(acme: Enterprise) -> None:
    for number, host in enumerate(("ghes.example.com", "test-ghes.example.com"), start=1):
        newest = newest_person()
        PersonVersionFactory(enterprise=acme, number=number, key=f"p{number}", report="{}")
        words = f"p{number}\n{host}:{number}"
        CurrentPersonFactory(
            enterprise=acme, number=number, key=f"p{number}", words=words, public_words=words
        )
        words_index_add(after=newest)
    assert keys(acme, "", host_name="ghes.example.com") == ["p1"]
    assert keys(acme, "", host_name="test-ghes.example.com") == ["p2"]
