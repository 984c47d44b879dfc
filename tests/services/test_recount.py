"""What the recount counts, of which accounts and rows, and when it writes nothing (section 3)."""

from __future__ import annotations

import gc
from typing import Any

import orjson
import pytest
from django.db.models import F

from enterprise.counting.match import Count, match
from enterprise.models import (
    CloudState,
    CurrentPerson,
    Enterprise,
    GitHubSyncStatus,
    PersonVersion,
    RunState,
    ServerInstance,
    SyncRun,
)
from enterprise.records import CloudRow
from enterprise.services import recount as recount_module
from enterprise.services.count_inputs import Hosts
from enterprise.services.recounts import recount_mark, recount_request
from enterprise.services.sync import run_execute
from tests.services.applied import Applied

pytestmark = pytest.mark.django_db

FIRST, SECOND = "ghes1.example.com", "ghes2.example.com"


@pytest.fixture
def applied() -> Applied:
    applied = Applied()
    applied.instance(SECOND)
    return applied


def totals(applied: Applied) -> dict[str, Any]:
    found: dict[str, Any] = applied.snapshots[-1].totals
    return found


def report(applied: Applied, key: str) -> dict[str, Any]:
    version = PersonVersion.objects.get(enterprise=applied.enterprise, key=key, to_snapshot=None)
    found: dict[str, Any] = orjson.loads(version.report)
    return found


# --- Snapshots -----------------------------------------------------------------------------------


def test_a_recount_that_changes_nothing_makes_no_snapshot(applied: Applied) -> None:
    applied.member("mona", "mona@example.com")
    applied.account(1, "mona@example.com")
    applied.account(2, "ann@example.com")
    applied.account(3, "", suspended=True)
    applied.recount()
    run = applied.recount()
    assert len(applied.snapshots) == 1
    assert PersonVersion.objects.count() == CurrentPerson.objects.count() == 2
    assert run.counts == {"read": 4, "persons": 2, "added": 0, "changed": 0, "removed": 0}


def test_the_first_recount_of_nobody_makes_an_empty_snapshot(applied: Applied) -> None:
    applied.recount()
    (snapshot,) = applied.snapshots
    assert snapshot.persons == 0


def test_the_counted_version_follows_the_data_even_without_a_snapshot(applied: Applied) -> None:
    applied.recount()
    applied.recount()
    applied.enterprise.refresh_from_db()
    assert applied.enterprise.counted_version == applied.enterprise.data_version == 2


def test_another_total_alone_makes_a_snapshot_without_versions(applied: Applied) -> None:
    applied.account(1, "ann@example.com")
    applied.recount()
    applied.account(2, "bob@example.com", suspended=True)
    applied.recount()
    assert [snapshot.totals["excluded"] for snapshot in applied.snapshots] == [{}, {"suspended": 1}]
    assert PersonVersion.objects.count() == 1


def test_another_number_of_github_makes_a_snapshot(applied: Applied) -> None:
    state = CloudState.objects.create(enterprise=applied.enterprise, total=5, purchased=9, listed=4)
    applied.recount()
    state.total = 6
    state.save()
    applied.recount()
    github = [(s.github_total, s.github_purchased, s.github_listed) for s in applied.snapshots]
    assert github == [(5, 9, 4), (6, 9, 4)]


def test_a_person_who_left_is_closed_and_no_longer_found(applied: Applied) -> None:
    applied.account(1, "ann@example.com")
    applied.account(2, "bob@example.com")
    applied.recount()
    applied.account_gone(1)
    run = applied.recount()
    assert run.counts["removed"] == 1
    assert list(CurrentPerson.objects.values_list("key", flat=True)) == ["bob@example.com"]
    assert applied.snapshots[-1].persons == 1


# --- Which accounts count ------------------------------------------------------------------------


def test_accounts_with_one_email_on_two_instances_are_one_person(applied: Applied) -> None:
    applied.account(1, "Ann@example.com")
    applied.account(8, "ann@EXAMPLE.com", host=SECOND)
    applied.recount()
    assert applied.accounts_of("ann@example.com") == {
        f"{FIRST}:1": "same_email",
        f"{SECOND}:8": "same_email",
    }


def test_an_account_without_email_is_a_person_of_its_own(applied: Applied) -> None:
    applied.account(1)
    applied.account(2)
    applied.recount()
    assert list(applied.persons()) == [f"{FIRST}:1", f"{FIRST}:2"]


def test_suspended_and_excluded_accounts_are_totalled_by_reason(applied: Applied) -> None:
    applied.account(1, "ann@example.com", suspended=True)
    applied.account(2, "scim@example.com", excluded="scim_admin")
    applied.account(3, "bob@example.com")
    applied.recount()
    assert list(applied.persons()) == ["bob@example.com"]
    assert totals(applied)["excluded"] == {"suspended": 1, "scim_admin": 1}
    assert totals(applied)["consuming_accounts"] == 1


def test_who_never_signed_in_counts_and_is_totalled(applied: Applied) -> None:
    applied.account(1, "ann@example.com", never_signed_in=True)
    applied.account(2, "bob@example.com", never_signed_in=True, suspended=True)
    applied.recount()
    assert list(applied.persons()) == ["ann@example.com"]
    assert totals(applied)["never_signed_in"] == 1
    assert totals(applied)["excluded"] == {"suspended": 1}


def test_a_setting_leaves_out_who_never_signed_in(applied: Applied) -> None:
    applied.account(1, "ann@example.com", never_signed_in=True)
    applied.account(2, "bob@example.com")
    applied.enterprise.exclude_never_signed_in = True
    applied.enterprise.save()
    applied.recount()
    assert list(applied.persons()) == ["bob@example.com"]
    assert totals(applied)["never_signed_in"] == 1
    assert totals(applied)["excluded"] == {"never_signed_in": 1}


# --- Which cloud rows count ----------------------------------------------------------------------


def test_a_subscriber_who_is_not_linked_neither_counts_nor_matches(applied: Applied) -> None:
    applied.cloud(
        CloudRow(
            visual_studio_user=True,
            visual_studio_status="Pending",
            visual_studio_email="ann@example.com",
        )
    )
    applied.account(1, "ann@example.com")
    applied.recount()
    assert applied.person("ann@example.com").kind == "server"
    assert applied.accounts_of("ann@example.com") == {f"{FIRST}:1": "alone"}
    assert totals(applied)["subscribers_not_linked"] == 1


def test_a_subscriber_who_is_linked_counts_and_matches_by_the_subscription_email(
    applied: Applied,
) -> None:
    applied.cloud(
        CloudRow(
            visual_studio_user=True,
            visual_studio_status="Matched",
            visual_studio_email="ann@example.com",
            license_type="Visual Studio subscription",
        )
    )
    applied.account(1, "ann@example.com")
    applied.recount()
    assert applied.accounts_of("ann@example.com") == {f"{FIRST}:1": "subscription_email"}
    assert applied.snapshots[-1].persons == 1
    assert totals(applied)["by_license_type"] == {"visual_studio": 1}


def test_an_invitation_counts(applied: Applied) -> None:
    applied.cloud(CloudRow(pending_invites=("org",), server_emails=("new@example.com",)))
    applied.recount()
    assert applied.person("new@example.com").kind == "invitation"
    assert totals(applied)["invitations"] == 1


def test_a_server_only_row_gives_license_type_and_subscription_but_no_seat(
    applied: Applied,
) -> None:
    applied.cloud(
        CloudRow(
            name="Ann at GitHub",
            server_user=True,
            server_user_ids=("GHES1:1", "ghes9.example.com:7"),
            server_emails=("ann@example.com",),
            license_type="Visual Studio subscription",
            visual_studio_user=True,
            visual_studio_status="Matched",
            visual_studio_email="ann@work.example",
        )
    )
    applied.account(1, "ann@example.com")
    applied.recount()
    row = report(applied, "ann@example.com")
    assert applied.snapshots[-1].persons == 1
    assert applied.person("ann@example.com").license_type == "visual_studio"
    assert row["visual_studio_subscription_user"] is True
    assert row["visual_studio_license_status"] == "Matched"
    assert row["visual_studio_subscription_email"] == "ann@work.example"
    assert row["enterprise_server_user_ids"] == [f"{FIRST}:1"]
    assert row["github_com_user"] is False
    assert row["github_com_name"] == ""
    assert row["total_user_accounts"] == 1
    assert totals(applied)["by_license_type"] == {"visual_studio": 1}


def test_another_license_type_in_a_server_only_row_is_a_new_version(applied: Applied) -> None:
    applied.account(1, "ann@example.com")
    row = CloudRow(server_user=True, server_user_ids=(f"{FIRST}:1",))
    applied.cloud(row)
    applied.recount()
    applied.cloud(row._replace(license_type="visual studio subscription"))
    run = applied.recount()
    assert run.counts["changed"] == 1
    kinds = PersonVersion.objects.order_by("from_snapshot").values_list("license_type", flat=True)
    assert list(kinds) == ["enterprise", "visual_studio"]


def test_the_server_columns_of_a_cloud_row_are_ours_not_githubs(applied: Applied) -> None:
    applied.cloud(
        CloudRow(
            login="mona",
            cloud_user=True,
            server_user=True,
            verified_emails=("mona@example.com",),
            server_user_ids=("ghes9.example.com:5",),
            server_emails=("gone@example.com",),
            total_accounts=2,
            extra=(("github_com_cost_center", "Research"),),
        )
    )
    applied.recount()
    row = report(applied, "mona")
    assert row["enterprise_server_user_ids"] == row["enterprise_server_emails"] == []
    assert (row["enterprise_server_user"], row["total_user_accounts"]) == (False, 1)
    assert row["github_com_cost_center"] == "Research"


def test_a_linked_identity_comes_before_a_verified_email(applied: Applied) -> None:
    applied.member("mona")
    applied.member("lisa", "mona@example.com")
    applied.identity("MONA", 2, "mona@example.com")
    applied.account(1, "mona@example.com")
    applied.recount()
    assert applied.accounts_of("mona") == {f"{FIRST}:1": "saml"}


def test_a_persons_row_does_not_tell_whether_github_gives_primary_emails(applied: Applied) -> None:
    rows = []
    for primary in (None, (), ("gone@example.com",)):
        applied.cloud(CloudRow(login="mona", cloud_user=True, primary_emails=primary))
        applied.recount()
        rows.append(orjson.dumps(report(applied, "mona")))
    assert rows[0] == rows[1] == rows[2]


def test_an_identity_without_a_cloud_row_is_ignored(applied: Applied) -> None:
    applied.identity("nobody", 0, "mona@example.com")
    applied.account(1, "mona@example.com")
    applied.recount()
    assert applied.accounts_of("mona@example.com") == {f"{FIRST}:1": "alone"}


def test_a_suspended_account_proves_by_githubs_link_whose_email_it_is(applied: Applied) -> None:
    applied.cloud(
        CloudRow(
            login="mona",
            cloud_user=True,
            server_user_ids=(f"{FIRST}:1",),
            server_emails=("mona@example.com",),
        )
    )
    applied.account(1, "mona@example.com", suspended=True)
    applied.account(2, "mona@example.com", host=SECOND)
    applied.recount()
    assert applied.accounts_of("mona") == {f"{SECOND}:2": "github_link"}


def test_an_ambiguity_is_recorded_with_all_candidates(applied: Applied) -> None:
    applied.member("mona", "shared@example.com")
    applied.member("ann", "shared@example.com")
    applied.account(1, "shared@example.com")
    applied.recount()
    assert applied.person("ann").ambiguous
    assert not applied.person("mona").ambiguous
    assert totals(applied)["ambiguous"] == 1


# --- Which instance a host means -----------------------------------------------------------------


def test_a_host_is_known_in_any_case_and_by_its_first_part(applied: Applied) -> None:
    hosts = Hosts(applied.enterprise.pk)
    for name in (FIRST, "GHES1.Example.COM", "ghes1", "GHES1", "ghes1.example"):
        assert hosts.resolve_ref(f"{name}:12") == f"{FIRST}:12"
    assert not hosts.ambiguous


def test_part_of_a_name_is_no_short_name(applied: Applied) -> None:
    hosts = Hosts(applied.enterprise.pk)
    assert hosts.resolve("ghes") == "ghes"
    assert hosts.resolve("example.com") == "example.com"
    assert hosts.resolve("Other.example.com") == "other.example.com"
    assert not hosts.is_read("ghes")


def test_a_short_host_that_could_be_two_instances_is_no_link(applied: Applied) -> None:
    applied.instance("ghes1.example.org")
    applied.cloud(
        CloudRow(
            login="mona",
            cloud_user=True,
            server_user_ids=("ghes1:1",),
            server_emails=("mona@example.com",),
        )
    )
    applied.account(1, "mona@example.com")
    applied.recount()
    assert applied.accounts_of("mona@example.com") == {f"{FIRST}:1": "alone"}
    assert totals(applied)["ambiguous_hosts"] == ["ghes1"]


def test_a_renamed_instance_keeps_its_links_by_its_server_id(applied: Applied) -> None:
    applied.instance("new.example.com", server_id="server-1")
    GitHubSyncStatus.objects.create(
        enterprise=applied.enterprise, server_id="server-1", host_name="old.example.com"
    )
    hosts = Hosts(applied.enterprise.pk)
    assert hosts.resolve("old.example.com") == "new.example.com"
    assert hosts.resolve("OLD.example.com") == "new.example.com"


def test_accounts_on_instances_not_read_are_totalled_by_host(applied: Applied) -> None:
    ServerInstance.objects.filter(host_name=SECOND).update(applied_as_of=None)
    refs = (f"{FIRST}:1", f"{SECOND}:2", "Unknown.example.com:3", "unknown.example.com:4")
    applied.cloud(CloudRow(login="mona", cloud_user=True, server_user_ids=refs))
    applied.cloud(CloudRow(server_user=True, server_user_ids=("unknown.example.com:3",)))
    applied.recount()
    assert totals(applied)["unread"] == {SECOND: 1, "unknown.example.com": 2}
    assert applied.snapshots[-1].persons == 1


# --- One state of the data -----------------------------------------------------------------------


def apply_meanwhile(applied: Applied, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let an apply land after the match, ``times`` times."""
    left = iter(range(times))

    def matched(*args: Any) -> Count:
        count = match(*args)
        if next(left, None) is not None:
            applied.member("late", name="Late")
            recount_mark(enterprise=applied.enterprise)
        return count

    monkeypatch.setattr(recount_module, "match", matched)


def test_an_apply_that_lands_meanwhile_is_counted_too(
    applied: Applied, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied.member("mona")
    apply_meanwhile(applied, monkeypatch, 1)
    applied.recount()
    assert list(applied.persons()) == ["late", "mona"]
    assert len(applied.snapshots) == 1
    assert Enterprise.objects.filter(counted_version=F("data_version")).exists()


def test_applies_without_end_leave_the_ledger_as_it_was(
    applied: Applied, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied.member("mona")
    apply_meanwhile(applied, monkeypatch, 100)
    run, _ = recount_request(enterprise=applied.enterprise)
    run_execute(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (RunState.QUEUED, "data_moving")
    assert applied.snapshots == []
    assert not PersonVersion.objects.exists()
    applied.enterprise.refresh_from_db()
    assert applied.enterprise.counted_version == 0


def test_a_recount_that_fails_while_it_writes_leaves_nothing_behind(
    applied: Applied, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied.account(1, "ann@example.com")
    applied.recount()
    applied.account(2, "bob@example.com")

    def broken(*args: Any, **kwargs: Any) -> None:
        write_changes(*args, **kwargs)
        raise RuntimeError

    write_changes = recount_module.write_changes
    monkeypatch.setattr(recount_module, "write_changes", broken)
    recount_mark(enterprise=applied.enterprise)
    run, _ = recount_request(enterprise=applied.enterprise)
    run_execute(run_id=run.pk)
    assert SyncRun.objects.get(pk=run.pk).state == RunState.FAILED
    assert list(applied.persons()) == ["ann@example.com"]
    assert len(applied.snapshots) == 1
    assert gc.isenabled()
