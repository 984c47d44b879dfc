"""What a run changed in the count, from a real sync to its page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from enterprise.models import Enterprise, RunKind, Snapshot, SyncRun
from enterprise.selectors.changes import changes_between
from enterprise.selectors.run_effects import run_effect
from enterprise.services.snapshot_changes import changes_refresh_due
from tests.factories import MembershipFactory
from tests.views.counted import text_of
from tests.views.moving_world import moving_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def moved() -> Iterator[Enterprise]:
    with moving_world() as enterprise:
        yield enterprise


def test_a_run_tells_what_it_changed_and_a_first_one_that_it_was_the_first(
    moved: Enterprise,
) -> None:
    snapshots = list(Snapshot.objects.order_by("pk"))
    cloud = SyncRun.objects.filter(kind=RunKind.CLOUD).earliest("pk")
    first = run_effect(cloud)
    assert first is not None
    assert (first.older, first.newer, first.counts) == (None, snapshots[0], None)
    run = SyncRun.objects.filter(host_name="ghes1.example.com").latest("pk")
    effect = run_effect(run)
    assert effect is not None
    assert effect.newer is not None
    assert effect.older == snapshots[snapshots.index(effect.newer) - 1]
    assert effect.counts is not None
    assert effect.counts == changes_between(effect.older, effect.newer).counts()
    assert min(effect.counts["joined"], effect.counts["left"]) >= 1


def test_a_run_that_found_its_source_as_it_was_changed_nothing(moved: Enterprise) -> None:
    run = SyncRun.objects.filter(host_name="ghes2.example.com").latest("pk")
    assert (run.state, run.data_version) == ("succeeded", None)
    assert run_effect(run) is None


def test_a_recount_that_found_nothing_new_does_not_claim_what_another_found(
    moved: Enterprise,
) -> None:
    done = SyncRun.objects.filter(kind=RunKind.RECOUNT).latest("pk")
    effect = run_effect(done)
    assert effect is not None
    assert effect.newer is not None
    done.pk, done.started_at = None, done.finished_at
    done.save()
    again = run_effect(done)
    assert again is not None
    assert (again.pending, again.newer) == (False, None)


def test_what_is_applied_and_not_counted_is_pending(moved: Enterprise) -> None:
    run = SyncRun.objects.filter(host_name="ghes1.example.com").latest("pk")
    SyncRun.objects.filter(kind=RunKind.RECOUNT).delete()
    effect = run_effect(run)
    assert effect is not None
    assert effect.pending


def test_the_pages_say_it(moved: Enterprise) -> None:
    owner = Client()
    owner.force_login(MembershipFactory(enterprise=moved).user)
    newest = Snapshot.objects.latest("pk")
    run = SyncRun.objects.filter(host_name="ghes1.example.com").latest("pk")
    effect = run_effect(run)
    assert effect is not None
    assert effect.counts is not None
    text = text_of(owner.get(f"/enterprises/{moved.slug}/runs/{run.pk}"))
    assert "What this run changed in the count" in text
    assert f"Joined {effect.counts['joined']}" in text
    response = owner.get(f"/enterprises/{moved.slug}/insights/changes")
    assert response.context["since"].run == SyncRun.objects.exclude(kind=RunKind.RECOUNT).latest(
        "finished_at"
    )
    every = owner.get(f"/enterprises/{moved.slug}/insights/changes?since=2020-01-01")
    assert every.context["newer"] == newest
    assert "The first count is of" in text_of(every)
    today = owner.get(f"/enterprises/{moved.slug}/insights/changes?since=2199-01-01")
    assert "Nothing changed" in text_of(today)
    for nonsense in ("x", "2026-02-30", "0001-01-01", "9999-12-31", "%00"):
        url = f"/enterprises/{moved.slug}/insights/changes?since={nonsense}"
        assert owner.get(url).status_code == 200


def test_the_page_of_a_recount_speaks_of_the_recount(moved: Enterprise) -> None:
    owner = Client()
    owner.force_login(MembershipFactory(enterprise=moved).user)
    recount = SyncRun.objects.filter(kind=RunKind.RECOUNT).latest("pk")
    effect = run_effect(recount)
    assert effect is not None
    text = text_of(owner.get(f"/enterprises/{moved.slug}/runs/{recount.pk}"))
    assert "What this recount changed" in text
    assert f"This recount took up what {effect.others} sync run" in text
    assert "What this run" not in text


def test_it_is_counted_once(moved: Enterprise) -> None:
    assert changes_refresh_due() == 0
