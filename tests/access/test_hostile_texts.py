"""No stored text becomes a part of a page, whichever column it stands in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from tests.access.hostile import LEFT, MARK, columns, furnish, intruders, name_of, poison
from tests.access.routes import Route, pages
from tests.access.world import PLACES, World, drain

pytestmark = pytest.mark.django_db

# Of which the world has no row: nothing shows them.
UNSHOWN = {"RunChunk.cursor"}


@pytest.fixture(scope="module")
def poisoned(_world: World, django_db_blocker: pytest.FixtureRequest) -> Iterator[World]:
    with django_db_blocker.unblock(), transaction.atomic():  # type: ignore[attr-defined]
        furnish(_world.acme)
        _world.empty = poison()  # type: ignore[attr-defined]
        yield _world
        transaction.set_rollback(True)


@pytest.mark.parametrize("route", pages(), ids=lambda route: route.key)
def test_no_stored_text_becomes_a_part_of_a_page(
    poisoned: World, world: World, route: Route
) -> None:
    for who in ("owner", "auditor"):
        with transaction.atomic():
            response = drain(world.people[who].get(route.address(PLACES)))
            transaction.set_rollback(True)
        assert response.status_code < 500
        if response["Content-Type"].startswith("text/html") and not response.streaming:
            assert intruders(response.content.decode()) == []


def test_every_column_of_text_is_filled_or_says_why_not(poisoned: World) -> None:
    names = [name_of(model, field) for model, field in columns()]
    assert LEFT.keys() - names == set(), "left, but there is no such column"
    empty = sorted(poisoned.empty)  # type: ignore[attr-defined]
    assert not empty, f"no row of {', '.join(empty)}: add one to furnish"


def test_the_texts_are_shown_at_all(poisoned: World, world: World) -> None:
    """Or the test above would prove nothing."""
    escaped = MARK.replace("<", "&lt;").replace(">", "&gt;").encode()
    shown = 0
    for route in pages():
        with transaction.atomic():
            response = drain(world.people["owner"].get(route.address(PLACES)))
            transaction.set_rollback(True)
        shown += not response.streaming and escaped in response.content
    assert shown > 30
    assert intruders(f'<p title="{MARK}">{MARK}</p>') == [MARK]
    assert intruders("<p title='' onx=1>") == ["<p title='' onx=1>"]
