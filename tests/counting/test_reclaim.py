"""Whose seat is freed by suspending dormant accounts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from enterprise.counting.reclaim import Candidate, Idle, reclaimable

DORMANT, NEVER = Idle(dormant=True), Idle(dormant=False)


def test_a_seat_is_freed_only_with_the_last_consuming_account_of_a_person() -> None:
    memberships = [(1, "a:1"), (1, "b:1"), (2, "a:2"), (2, "b:2"), (3, "a:3")]
    idle = {"a:1": DORMANT, "b:1": DORMANT, "a:2": DORMANT, "a:3": DORMANT}
    found = reclaimable(memberships, {3}, idle)
    assert found.candidates == [Candidate(1, ("a:1", "b:1"), "")]
    assert (found.dormant_accounts, found.active_elsewhere, found.in_cloud) == (4, 1, 1)


def test_an_account_that_nobody_ever_signed_in_to_does_not_keep_the_seat_nor_offer_it() -> None:
    found = reclaimable(
        [(1, "a:1"), (1, "b:1"), (2, "a:2")], (), {"a:1": DORMANT, "b:1": NEVER, "a:2": NEVER}
    )
    assert [each.number for each in found.candidates] == [1]


def test_the_last_activity_is_the_latest_and_not_known_unless_all_is() -> None:
    idle = {"a:1": Idle(True, "2026-01-02"), "b:1": Idle(True, "2026-03-04"), "a:2": DORMANT}
    found = reclaimable([(1, "a:1"), (1, "b:1"), (2, "a:2")], (), idle)
    assert [each.last_active for each in found.candidates] == ["2026-03-04", ""]
    mixed = reclaimable([(1, "a:1"), (1, "a:2")], (), idle)
    assert mixed.candidates[0].last_active == ""


accounts = st.builds("{}:{}".format, st.sampled_from("ab"), st.integers(1, 6))


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(accounts, st.integers(1, 5)),
    st.frozensets(st.integers(1, 5)),
    st.dictionaries(accounts, st.builds(Idle, st.booleans(), st.sampled_from(["", "2026"]))),
)
def test_suspending_all_accounts_of_all_candidates_frees_exactly_their_seats(
    number_of: dict[str, int], clouds: frozenset[int], idle: dict[str, Idle]
) -> None:
    memberships = [(number, account) for account, number in number_of.items()]
    found = reclaimable(memberships, clouds, idle)
    suspended = {account for each in found.candidates for account in each.accounts}
    before = {*number_of.values(), *clouds}
    after = {number for account, number in number_of.items() if account not in suspended} | clouds
    assert before - after == {each.number for each in found.candidates}
    assert all(account in idle for account in suspended)
    with_dormant = {n for account, n in number_of.items() if idle.get(account, NEVER).dormant}
    assert len(found.candidates) + found.in_cloud + found.active_elsewhere == len(with_dormant)
