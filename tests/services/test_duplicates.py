"""The work-list over time: found after a count, decided by people, closed by what really changes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.db import IntegrityError

from enterprise.emails import normalize
from enterprise.faults import Refused
from enterprise.models import (
    AuditEvent,
    Duplicate,
    DuplicateSearch,
    Enterprise,
    EnterpriseDomain,
    ServerUserAccount,
)
from enterprise.selectors.duplicates import Wanted, duplicates_page, seats_saved, what_if
from enterprise.services.audit import Actor
from enterprise.services.duplicate_decisions import duplicate_dismiss, duplicate_reopen
from enterprise.services.insights import insights_refresh, insights_refresh_due
from tests.services.applied import Applied

pytestmark = pytest.mark.django_db

MONA = Actor("mona", "user")
FIRST, SECOND = "ghes1.example.com", "ghes2.example.com"


@pytest.fixture
def applied() -> Applied:
    applied = Applied()
    applied.instance(SECOND)
    for domain in ("acme.example", "acme.org"):
        EnterpriseDomain.objects.create(
            enterprise=applied.enterprise, domain=domain, verified=True, approved=False
        )
    return applied


def pair() -> Duplicate:
    found: Duplicate = Duplicate.objects.get()
    return found


def loaded(text: str) -> Any:
    return orjson.loads(text)


def test_a_recount_finds_a_pair_says_why_and_what_to_change(applied: Applied) -> None:
    applied.member("Ada", "ada.lang@acme.example")
    applied.account(7, "Ada.Lang@acme.org")
    applied.recount()
    found = pair()
    persons = applied.persons()
    assert (found.one, found.other) == (persons["ada.lang@acme.org"], persons["ada"])
    assert (found.state, found.confidence, found.rules) == ("open", 85, " own_domain ")
    assert loaded(found.change) == {
        "accounts": [f"{FIRST}:7"],
        "email": "ada.lang@acme.example",
        "verify": "ada.lang@acme.org",
        "login": "Ada",
        "shared": [],
    }


def test_when_the_emails_match_the_pair_closes_itself_and_says_what_it_saved(
    applied: Applied,
) -> None:
    applied.member("Ada", "ada.lang@acme.example")
    applied.account(7, "ada.lang@acme.org")
    applied.recount()
    applied.account(7, "ada.lang@acme.example")
    applied.recount()
    assert (pair().state, pair().ending, pair().saved) == ("closed", "joined", 1)
    assert (pair().evidence, pair().change) == ("", "")
    assert seats_saved(applied.enterprise) == 1


def test_two_who_join_one_cloud_account_save_two_seats_and_never_three(applied: Applied) -> None:
    applied.member("Ada", "ada.lang@acme.example")
    applied.account(7, "ada.lang@acme.org")
    applied.account(8, "ada.lang@de.acme.org", host=SECOND)
    applied.recount()
    assert Duplicate.objects.count() == 2
    assert {row.group_saves for row in Duplicate.objects.all()} == {2}
    applied.account(7, "ada.lang@acme.example")
    applied.account(8, "ada.lang@acme.example", host=SECOND)
    applied.recount()
    assert seats_saved(applied.enterprise) == 2
    assert len(applied.persons()) == 1


def test_of_two_on_servers_only_the_smaller_number_stays(applied: Applied) -> None:
    applied.account(7, "ada.lang@strange.example")
    applied.account(8, "ada.lang@acme.org", host=SECOND)
    applied.recount()
    assert loaded(pair().change)["email"] == "ada.lang@acme.org"
    assert loaded(pair().change)["accounts"] == [f"{FIRST}:7"]
    applied.account(7, "ada.lang@acme.org")
    applied.recount()
    assert (pair().ending, pair().saved) == ("joined", 1)


def test_on_one_instance_an_email_can_be_there_once_so_one_account_has_to_go(
    applied: Applied,
) -> None:
    applied.account(7, "ada.lang@acme.example")
    applied.account(8, "ada.lang@acme.org")
    applied.recount()
    assert pair().confidence == 42
    assert loaded(pair().change)["shared"] == [FIRST]
    applied.account(8, "ada.lang@acme.org", suspended=True)
    applied.recount()
    assert (pair().state, pair().ending, pair().saved) == ("closed", "left", 0)


def test_a_pair_that_nothing_speaks_for_is_closed_and_opens_again_when_something_does(
    applied: Applied,
) -> None:
    applied.member("Ada", "ada.lang@acme.example")
    applied.account(7, "ada.lang@acme.org")
    applied.recount()
    applied.account(7, "somebody@acme.org")
    applied.recount()
    assert (pair().state, pair().ending, pair().saved) == ("closed", "faded", 0)
    applied.account(7, "ada.lang@acme.org")
    applied.recount()
    assert (pair().state, pair().ending, pair().closed_at) == ("open", "", None)
    assert loaded(pair().evidence)


def test_one_who_suspends_and_comes_back_is_the_same_pair(applied: Applied) -> None:
    applied.member("Ada", "ada.lang@acme.example")
    applied.account(7, "ada.lang@acme.org")
    applied.recount()
    applied.account(7, "ada.lang@acme.org", suspended=True)
    applied.recount()
    assert pair().ending == "left"
    applied.account(7, "ada.lang@acme.org")
    applied.recount()
    assert pair().state == "open"


def test_not_the_same_person_is_remembered_with_reason_and_name_after_later_counts(
    applied: Applied,
) -> None:
    applied.member("Ada", "ada.lang@acme.example")
    applied.account(7, "ada.lang@acme.org")
    applied.recount()
    duplicate_dismiss(duplicate=pair(), reason=" father and daughter ", actor=MONA)
    applied.account(8, "other@acme.org")
    applied.recount()
    found = pair()
    assert (found.state, found.decided_by, found.reason) == (
        "dismissed",
        "mona",
        "father and daughter",
    )
    assert DuplicateSearch.objects.get().saves["0"] == 0
    event = AuditEvent.objects.get(action="duplicate.dismiss")
    assert "daughter" not in str(event.after)
    duplicate_reopen(duplicate=found, actor=MONA)
    assert (pair().state, pair().reason, pair().decided_by) == ("open", "", "")
    assert DuplicateSearch.objects.get().saves["0"] == 1


def test_a_decision_needs_a_reason_and_the_first_one_wins(applied: Applied) -> None:
    applied.member("Ada", "ada.lang@acme.example")
    applied.account(7, "ada.lang@acme.org")
    applied.recount()
    first, second = pair(), pair()
    for reason, code in ((" ", "reason_needed"), ("x" * 501, "too_long")):
        with pytest.raises(Refused) as refused:
            duplicate_dismiss(duplicate=first, reason=reason, actor=MONA)
        assert refused.value.code == code
    duplicate_dismiss(duplicate=first, reason="no", actor=MONA)
    with pytest.raises(Refused) as refused:
        duplicate_dismiss(duplicate=second, reason="no", actor=MONA)
    assert refused.value.code == "duplicate_not_open"
    with pytest.raises(IntegrityError):
        Duplicate.objects.update(reason="")


def test_a_rule_without_its_data_says_why_it_could_not_be_asked(applied: Applied) -> None:
    EnterpriseDomain.objects.all().delete()
    applied.member("Ada", "ada.lang@acme.example")
    applied.recount()
    assert DuplicateSearch.objects.get().unavailable == {
        "own_domain": "no_domains",
        "other_domain": "no_domains",
        "saml_local": "no_identities",
        "login": "no_logins",
        "secondary": "no_secondaries",
    }


def test_further_addresses_and_logins_speak_where_they_are_kept_and_no_login_is_stored(
    applied: Applied,
) -> None:
    applied.member("ada-lang_acme", "ada@acme.example")
    applied.account(7, "x1@strange.example")
    ServerUserAccount.objects.update(
        other_emails="Ada@Acme.example\nfurther@strange.example", login="Ada.Lang"
    )
    applied.recount()
    found = pair()
    assert (found.rules, found.confidence) == (" secondary login ", 98)
    assert "Ada.Lang" not in found.evidence + found.change
    assert loaded(found.evidence)[0]["account"] == f"{FIRST}:7"
    assert DuplicateSearch.objects.get().unavailable.keys() == {"saml_local"}


def test_identities_speak_by_their_local_part(applied: Applied) -> None:
    applied.member("mona")
    applied.identity("mona", 2, normalize("ada.lang@idp.internal"))
    applied.account(7, "ada.lang@strange.example")
    applied.recount()
    assert pair().rules == " saml_local "
    assert loaded(pair().change)["email"] == "ada.lang@idp.internal"


def test_the_list_is_looked_for_again_only_after_a_newer_count(applied: Applied) -> None:
    applied.account(7, "ada@acme.example")
    applied.recount()
    assert insights_refresh_due() == 0
    stale = Enterprise.objects.get()
    Enterprise.objects.update(insights_version=0)
    assert not insights_refresh(enterprise=stale)  # somebody else looked meanwhile
    assert insights_refresh_due() == 1


def test_what_if_counts_nothing_twice_and_changes_nothing(applied: Applied) -> None:
    applied.member("Ada", "ada.lang@acme.example")
    applied.member("Ada2", "ada.lang@brand.example", "x@acme.org")
    applied.account(7, "ada.lang@acme.org")
    applied.recount()
    ids = [row.pk for row in Duplicate.objects.all()]
    assert len(ids) == 2
    result = what_if(applied.enterprise, [*ids, *ids, 999], persons=3)
    assert (result.saved, result.total) == (1, 2)
    assert len(applied.persons()) == 3


def test_pages_go_on_where_they_ended_in_either_order(applied: Applied) -> None:
    for number in range(12):
        applied.member(f"person{number}", f"person.{number}@acme.example")
        domain = "acme.org" if number % 3 else "strange.example"
        applied.account(number + 1, f"person.{number}@{domain}")
    applied.recount()
    for sort in ("confidence", "saves"):
        seen, after = [], 0
        while after is not None:
            lines, after = duplicates_page(
                applied.enterprise, Wanted(sort=sort), after=after, limit=5, masked=False
            )
            seen += [(line.row.confidence, line.row.pk) for line in lines]
        assert len({pk for _, pk in seen}) == 12
        assert [sure for sure, _ in seen] == sorted((sure for sure, _ in seen), reverse=True)
    wanted = Wanted(rule="own_domain", host_name=FIRST, least=80)
    assert len(duplicates_page(applied.enterprise, wanted, limit=50, masked=False)[0]) == 8


def test_an_auditors_list_shows_no_address(applied: Applied) -> None:
    applied.member("Ada", "ada.lang@acme.example")
    applied.account(7, "ada.lang@acme.org")
    applied.recount()
    duplicate_dismiss(duplicate=pair(), reason="see ada.lang@acme.org", actor=MONA)
    wanted = Wanted(state="dismissed")
    (line,), _ = duplicates_page(applied.enterprise, wanted, limit=5, masked=True)
    assert "ada.lang@" not in str(line._replace(row=None))  # type: ignore[arg-type]
    assert line.change["email"] == "a•••@acme.example"
    assert line.reason == "see a•••@acme.org"
