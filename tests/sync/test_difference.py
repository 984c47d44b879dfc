"""GitHub's number beside ours: the difference adds up exactly, whatever GitHub's view is like."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from enterprise.models import DifferenceComponent, Enterprise
from enterprise.selectors import licenses
from enterprise.selectors.difference import difference_totals
from sandbox.generate import generate_world
from sandbox.server import serve
from tests.sync.conftest import register, sync_everything

pytestmark = pytest.mark.django_db


@pytest.fixture(params=range(4))
def enterprise(request: pytest.FixtureRequest, db: None) -> Iterator[Enterprise]:
    """Worlds in which GitHub's view is stale, its total differs from its rows, and one is missing."""
    world = generate_world(
        request.param,
        cloud=60,
        instances={"ghes1.example.com": 50, "ghes2.example.com": 30},
        unread={"ghes9.example.com": 12} if request.param % 2 else None,
        stated_total_offset=request.param * 3 - 4,
    )
    with serve(world) as fleet:
        enterprise = register(fleet)
        sync_everything(enterprise)
        yield enterprise


def test_the_categories_add_up_to_the_difference(enterprise: Enterprise) -> None:
    snapshot = licenses.snapshot_latest(enterprise)
    assert snapshot is not None
    totals = difference_totals(snapshot)
    assert totals is not None
    assert totals.ours == snapshot.persons
    assert totals.listed == snapshot.github_listed
    assert sum(totals.by_category.values()) == totals.ours - totals.listed
    assert totals.not_listed == totals.listed - (totals.stated or 0)
    components = DifferenceComponent.objects.filter(enterprise=enterprise)
    for category, total in totals.by_category.items():
        changes = components.filter(category=category).values_list("change", flat=True)
        assert sum(changes) == total


def test_the_newest_snapshot_is_compared_once_it_is_counted(enterprise: Enterprise) -> None:
    enterprise.refresh_from_db()
    snapshot = licenses.snapshot_latest(enterprise)
    assert snapshot is not None
    assert enterprise.compared_snapshot == snapshot.pk
