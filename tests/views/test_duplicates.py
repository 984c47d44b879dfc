"""The work-list's pages: one sentence a pair, what if, not the same person, and no address too many."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enterprise.models import Duplicate, Enterprise, EnterpriseDomain, ServerInstance, Snapshot
from tests.reports.ledger import member
from tests.views.conftest import HTMX
from tests.views.counted import account, count, table, text_of

PAGE = "/enterprises/acme/insights/duplicates"
pytestmark = pytest.mark.django_db


@pytest.fixture
def snapshot(acme: Enterprise, read_instance: ServerInstance) -> Snapshot:
    """Ada and Ben in the cloud, each with an account under another domain; and somebody else."""
    for domain in ("acme.example", "acme.org"):
        EnterpriseDomain.objects.create(
            enterprise=acme, domain=domain, verified=True, approved=False
        )
    account(read_instance, 1, "ada.lang@acme.org")
    account(read_instance, 2, "ben.kim@strange.example")
    account(read_instance, 3, "carla.jensen@acme.org")
    rows = [
        member("ada", verified_emails=("ada.lang@acme.example",)),
        member("ben", verified_emails=("ben.kim@acme.example",)),
    ]
    return count(acme, rows)


def pairs() -> list[Duplicate]:
    return list(Duplicate.objects.order_by("-confidence"))


def test_before_the_first_count_the_page_says_so(owner: Client) -> None:
    assert "Nothing looked into yet" in text_of(owner.get(PAGE))


def test_each_pair_says_why_how_sure_and_what_to_change(owner: Client, snapshot: Snapshot) -> None:
    text = text_of(owner.get(PAGE))
    assert text.index("ada.lang@acme.org = ada") < text.index("ben.kim@strange.example = ben")
    assert "differ by the domain only, and both domains are the enterprise's." in text
    assert "Set the primary e-mail address of ghes1.example.com:1 to ada.lang@acme.example." in text
    assert "Or: Verify ada.lang@acme.org on the cloud account ada." in text
    assert "not available, because no instance's logins are kept" in text


def test_ticked_pairs_tell_the_new_total_without_a_script(
    owner: Client, snapshot: Snapshot
) -> None:
    first, second = pairs()
    assert snapshot.persons == 5
    one = owner.get(f"{PAGE}?tick={first.pk}")
    assert "one person: 4 instead of 5 persons. 1 license saved." in text_of(one)
    assert one.content.decode().count(" checked>") == 1
    both = text_of(owner.get(f"{PAGE}?tick={first.pk}&tick={second.pk}&tick=x&tick=99"))
    assert "2 ticked pairs were one person each: 3 instead of 5 persons. 2 licenses saved." in both


def test_the_file_has_what_the_filters_let_through_when_they_were_changed_in_place(
    owner: Client, snapshot: Snapshot
) -> None:
    part = owner.get(f"{PAGE}?least=75", headers=HTMX).content.decode()
    (link,) = re.findall(r'<a class="btn" id="download" href="([^"]+)" hx-swap-oob="true">', part)
    assert link == f"{PAGE}.csv?least=75"
    assert (
        f'id="download" href="{PAGE}.csv?least=75"'
        in owner.get(f"{PAGE}?least=75").content.decode()
    )


def test_ticks_outlive_filters_and_pages(owner: Client, snapshot: Snapshot) -> None:
    first, second = pairs()
    html = owner.get(f"{PAGE}?tick={first.pk}&rule=other_domain").content.decode()
    assert html.count(f'<input type="hidden" name="tick" value="{first.pk}">') == 2
    assert "4</strong> instead of 5" in html
    assert f'id="tick-{second.pk}"' in html
    assert f'id="tick-{first.pk}"' not in html


def test_by_htmx_the_list_comes_alone_and_its_address_is_kept(
    owner: Client, snapshot: Snapshot
) -> None:
    first = pairs()[0]
    response = owner.get(f"{PAGE}?tick={first.pk}&least=75", headers=HTMX)
    assert "<html" not in response.content.decode()
    assert response["HX-Push-Url"] == f"{PAGE}?least=75&tick={first.pk}"
    assert 'id="ticks" hx-swap-oob="true"' in response.content.decode()


@pytest.mark.parametrize(
    "query",
    ["rule=x&state=y&sort=z&least=-1", "after=999999999999999999", "tick=0", "instance=%00"],
)
def test_a_strange_query_is_answered_by_the_plain_list(
    owner: Client, snapshot: Snapshot, query: str
) -> None:
    assert "ada.lang@acme.org = ada" in text_of(owner.get(f"{PAGE}?{query}"))


def test_a_pair_says_how_its_confidence_comes_about(owner: Client, snapshot: Snapshot) -> None:
    text = text_of(owner.get(f"{PAGE}/{pairs()[0].pk}"))
    assert "Are ada.lang@acme.org and ada one person?" in text
    assert "a confidence of 85 %" in text
    assert "Another own domain: 85 %." in text


def test_not_the_same_person_needs_a_reason_and_leaves_the_list(
    owner: Client, snapshot: Snapshot
) -> None:
    pair = pairs()[0]
    refused = owner.post(f"{PAGE}/{pair.pk}", {"reason": " "})
    assert refused.status_code == 422
    assert "Say why, so that others need not ask again." in text_of(refused)
    assert owner.post(f"{PAGE}/{pair.pk}", {"reason": "his daughter"}).status_code == 302
    assert "ada.lang@acme.org = ada" not in text_of(owner.get(PAGE))
    dismissed = text_of(owner.get(f"{PAGE}?state=dismissed"))
    assert "mona: “his daughter”" in dismissed
    owner.post(f"{PAGE}/{pair.pk}/reopen")
    assert "ada.lang@acme.org = ada" in text_of(owner.get(PAGE))


@pytest.mark.parametrize("who", ["auditor", "billing_manager"])
def test_who_may_not_change_is_not_asked_to_decide(
    who: str, request: pytest.FixtureRequest, snapshot: Snapshot
) -> None:
    client, pair = request.getfixturevalue(who), pairs()[0]
    assert "Put it back" not in text_of(client.get(f"{PAGE}/{pair.pk}"))
    assert 'name="reason"' not in client.get(f"{PAGE}/{pair.pk}").content.decode()
    assert client.post(f"{PAGE}/{pair.pk}", {"reason": "x"}).status_code == 404
    assert client.post(f"{PAGE}/{pair.pk}/reopen").status_code == 404


def test_an_auditor_sees_no_address_on_page_or_in_file(auditor: Client, snapshot: Snapshot) -> None:
    found = [auditor.get(path).content.decode() for path in (PAGE, f"{PAGE}/{pairs()[0].pk}")]
    file = b"".join(auditor.get(f"{PAGE}.csv").streaming_content).decode()  # type: ignore[attr-defined]
    for text in (*found, file):
        assert "a•••@acme.org" in text
        assert not re.search(r"(lang|kim|jensen)@", text)


def test_the_file_has_what_the_filters_let_through(owner: Client, snapshot: Snapshot) -> None:
    head, *rows = table(owner.get(f"{PAGE}.csv?rule=own_domain"))
    (row,) = (dict(zip(head, row, strict=True)) for row in rows)
    assert row["Accounts to change"] == "ghes1.example.com:1"
    assert row["New primary email"] == "ada.lang@acme.example"
    assert row["Or email to verify"] == "ada.lang@acme.org"
    assert (row["Confidence"], row["Rules"]) == ("85", "own_domain")


def test_a_stranger_gets_neither_pair_nor_file(stranger: Client, snapshot: Snapshot) -> None:
    for path in (PAGE, f"{PAGE}/{pairs()[0].pk}", f"{PAGE}.csv"):
        assert stranger.get(path).status_code == 404


def test_the_page_asks_no_more_queries_for_more_pairs(
    owner: Client, acme: Enterprise, read_instance: ServerInstance, snapshot: Snapshot
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            owner.get(f"{PAGE}?tick={pairs()[0].pk}")
        return len(captured)

    few = queries()
    rows = [member(f"p{n}", verified_emails=(f"person.{n}@acme.example",)) for n in range(20)]
    for n in range(20):
        account(read_instance, 100 + n, f"person.{n}@acme.org")
    count(acme, rows)
    assert Duplicate.objects.filter(state="open").count() == 20
    assert queries() == few
