"""When a result waits for an owner: both sides of each limit."""

from __future__ import annotations

import pytest

from enterprise.models import Enterprise
from enterprise.services.guard import Loss, first_read_is_plausible, guard_allows, guard_share
from tests.factories import EnterpriseFactory, ServerInstanceFactory


@pytest.mark.parametrize(
    ("applied", "lost", "allowed"),
    [
        (0, 0, True),
        (12, 10, True),  # ten may always go
        (12, 11, False),
        (50, 10, True),
        (50, 11, False),
        (1000, 200, True),  # 20 per cent
        (1000, 201, False),
        (1004, 200, True),
        (1004, 201, False),  # of 200.8
    ],
)
def test_a_loss_is_allowed_up_to_the_larger_of_a_number_and_a_share(
    applied: int, lost: int, allowed: bool
) -> None:
    enterprise = EnterpriseFactory.build()
    loss = Loss(removed=lost)
    assert guard_allows(enterprise=enterprise, share=20, applied=applied, loss=loss) == allowed


def test_removed_stopped_and_moved_accounts_add_up() -> None:
    enterprise = EnterpriseFactory.build()
    for loss in (Loss(4, 4, 3), Loss(11), Loss(0, 11), Loss(0, 0, 11)):
        assert loss.total == 11
        assert not guard_allows(enterprise=enterprise, share=20, applied=50, loss=loss)


def test_both_limits_are_settings() -> None:
    enterprise = EnterpriseFactory.build(guard_minimum=0)
    one, none = Loss(removed=1), Loss()
    assert not guard_allows(enterprise=enterprise, share=0, applied=100, loss=one)
    assert guard_allows(enterprise=enterprise, share=0, applied=100, loss=none)
    assert guard_allows(enterprise=enterprise, share=100, applied=100, loss=Loss(removed=100))


@pytest.mark.parametrize(
    ("read", "stated", "plausible"),
    [
        (80, 100, True),
        (79, 100, False),
        (120, 100, True),
        (0, 0, True),
        (0, 1, False),
        (1, None, True),
    ],
)
def test_a_first_read_is_held_if_too_much_of_the_stated_total_is_missing(
    read: int, stated: int | None, plausible: bool
) -> None:
    assert first_read_is_plausible(share=20, read=read, stated=stated) == plausible


def test_an_instances_own_share_goes_before_the_enterprises(enterprise: Enterprise) -> None:
    instance = ServerInstanceFactory(enterprise=enterprise)
    assert guard_share(enterprise, None) == guard_share(enterprise, instance) == 20
    instance.guard_share = 0
    assert guard_share(enterprise, instance) == 0
