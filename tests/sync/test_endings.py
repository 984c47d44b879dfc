"""Each trouble of a source ends a run as domain.md section 5 says, and loses nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from enterprise import wording
from enterprise.faults import Refused
from enterprise.models import (
    CloudIdentity,
    Enterprise,
    PersonVersion,
    RunKind,
    RunState,
    RunTrigger,
    ServerInstance,
    ServerUserAccount,
)
from enterprise.services.audit import SYSTEM
from enterprise.services.connect import connect_disable
from enterprise.services.held import run_apply_held
from enterprise.services.runs import run_discard, run_request
from enterprise.services.servers import instance_token_set
from enterprise.services.sync import run_execute
from enterprise.sources.http import Answer, Client
from sandbox.server import Fleet
from tests.factories import MembershipFactory
from tests.sync.conftest import drain, sync, sync_everything

pytestmark = pytest.mark.django_db

REPORT = "/stafftools/reports/all_users.csv"
HOST = "ghes1.example.com"


def content(enterprise: Enterprise) -> tuple[list[Any], list[Any]]:
    """Everything applied and counted, to be compared before and after a failure."""
    accounts = ServerUserAccount.objects.filter(instance__enterprise=enterprise)
    persons = PersonVersion.objects.filter(enterprise=enterprise)
    return (
        sorted(accounts.values_list("instance_id", "user_id", "digest")),
        sorted(persons.values_list("number", "digest", "from_snapshot", "to_snapshot"), key=str),
    )


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    return enterprise.instances.get(host_name=HOST)


PERMANENT = {
    "a refused token": ({"kind": "status", "status": 401}, "bad_credentials"),
    "a sign-in page instead of a report": ({"kind": "html"}, "sign_in_page"),
    "a redirect to a sign-in page": ({"kind": "sign_in"}, "sign_in_page"),
    "a redirect to another host": ({"kind": "redirect"}, "redirected"),
    "a redirect loop": ({"kind": "redirect_loop"}, "redirected"),
    "no such page": ({"kind": "status", "status": 404}, "report_refused"),
    "the same user twice": ({"kind": "duplicate_ids"}, "duplicate_user"),
    "negative user IDs": ({"kind": "negative_ids"}, "invalid_user_id"),
    "huge user IDs": ({"kind": "huge_ids"}, "invalid_user_id"),
    "another encoding": ({"kind": "charset"}, None),
    "a report without accounts": ({"kind": "empty"}, "empty_source"),
}


@pytest.mark.parametrize("name", PERMANENT)
def test_lasting_trouble_fails_at_once_with_a_sentence_and_changes_nothing(
    name: str, fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    sync_everything(enterprise)
    before = content(enterprise)
    options, code = PERMANENT[name]
    fleet.instances[HOST].faults.add(path=REPORT, **options)
    run = sync(enterprise, instance)
    assert (run.state, run.attempt) == (RunState.FAILED, 1)
    assert code is None or run.error_code == code
    assert wording.sentence(run.error_code, run.error_params) != run.error_code
    assert content(enterprise) == before


TRANSIENT = {
    "a refused connection": {"kind": "refused"},
    "a reset connection": {"kind": "reset"},
    "a cut body": {"kind": "cut_body"},
    "a failing server": {"kind": "status", "status": 502},
    "too many requests": {"kind": "rate_limited", "status": 429, "seconds": 0.0},
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_passing_trouble_is_retried_and_succeeds_when_it_is_over(
    name: str, fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    options = dict(TRANSIENT[name])
    if options["kind"] != "refused":
        options["times"] = 2
        fleet.instances[HOST].faults.add(path=REPORT, **options)
        run = sync(enterprise, instance)
        assert (run.state, run.error_code) == (RunState.SUCCEEDED, "")
        assert ServerUserAccount.objects.filter(instance=instance).count() == run.counts["read"]


@pytest.mark.parametrize("name", TRANSIENT)
def test_passing_trouble_that_stays_fails_after_the_last_try(
    name: str, fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    sync_everything(enterprise)
    before = content(enterprise)
    options = dict(TRANSIENT[name])
    path = "*" if options["kind"] == "refused" else REPORT
    fleet.instances[HOST].faults.add(path=path, **options)
    run = sync(enterprise, instance)
    assert (run.state, run.tries) == (RunState.FAILED, 5)
    assert wording.sentence(run.error_code, run.error_params) != run.error_code
    assert content(enterprise) == before


def test_a_report_that_is_not_ready_is_waited_for(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    fleet.instances[HOST].faults.add("not_ready", path=REPORT, times=3)
    run = sync(enterprise, instance)
    assert run.state == RunState.SUCCEEDED
    assert run.log.filter(code="report_waiting").count() == 1


def test_a_wrong_token_says_so_and_the_right_one_mends_it(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    site = fleet.instances[HOST]
    instance_token_set(instance=instance, actor=SYSTEM, username=site.username, token="ghp_wrong")
    assert sync(enterprise, instance).error_code == "bad_credentials"
    instance_token_set(instance=instance, actor=SYSTEM, username=site.username, token=site.token)
    assert sync(enterprise, instance).state == RunState.SUCCEEDED


def test_accounts_without_an_email_are_persons_of_their_own(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    for user in fleet.world.instances[HOST].users.values():
        user.email = ""
    sync_everything(enterprise)
    consuming = [u for u in fleet.world.instances[HOST].users.values() if u.consumes]
    alone = PersonVersion.objects.filter(
        enterprise=enterprise, to_snapshot=None, accounts=1, key__startswith=f"{HOST}:"
    )
    assert alone.count() == len(consuming)


def test_a_report_in_which_everybody_is_suspended_is_held_until_an_owner_decides(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    sync_everything(enterprise)
    before = content(enterprise)
    fleet.instances[HOST].faults.add("all_suspended", path=REPORT)
    run = sync(enterprise, instance)
    assert (run.state, run.error_code) == (RunState.HELD, "held_loss")
    assert content(enterprise) == before
    run_apply_held(run=run, actor=SYSTEM)
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED
    assert not ServerUserAccount.objects.filter(instance=instance, consumes=True).exists()


def test_a_discarded_result_leaves_everything_as_it_was(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    sync_everything(enterprise)
    before = content(enterprise)
    fleet.instances[HOST].faults.add("halved", path=REPORT)
    run = sync(enterprise, instance)
    assert run.state == RunState.HELD
    run_discard(run=run, actor=SYSTEM)
    assert content(enterprise) == before
    assert not run.chunks.exists()


def test_a_first_read_far_below_the_instances_own_totals_is_held(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    fleet.instances[HOST].faults.add("halved", path=REPORT)
    run = sync(enterprise, instance)
    assert (run.state, run.error_code) == (RunState.HELD, "held_first_read")


@pytest.mark.parametrize("identities", ["read", "of one organization unread", "unread"])
def test_a_halved_cloud_list_is_held_and_previews_the_count_that_the_recount_then_finds(
    fleet: Fleet, enterprise: Enterprise, identities: str
) -> None:
    fleet.world.organizations = ("acme-apps", "acme-ops")
    sync_everything(enterprise)
    before = content(enterprise)
    fleet.ghec.faults.add("halved", path="*/consumed-licenses")
    for number, user in enumerate(fleet.world.cloud):
        if number % 3:
            user.identity = None  # so that fewer server accounts join
    if identities != "read":
        which = '"login":"acme-ops"' if "one" in identities else "externalIdentities"
        fleet.ghec.faults.add("status", status=403, path="/graphql", contains=which)
    run = sync(enterprise)
    assert (run.state, run.error_code) == (RunState.HELD, "held_loss")
    assert content(enterprise) == before
    newest = enterprise.snapshots.order_by("-pk")[0]
    assert run.counts["persons_before"] == newest.persons

    run_apply_held(run=run, actor=SYSTEM)
    drain(enterprise)

    newest = enterprise.snapshots.order_by("-pk")[0]
    assert run.counts["persons_after"] == newest.persons
    change = run.counts["persons_after"] - run.counts["persons_before"]
    assert run.counts["persons_change"] == change != 0


def test_the_page_of_a_held_cloud_result_and_the_question_of_its_discard_show_the_count(
    fleet: Fleet, enterprise: Enterprise, client: Browser
) -> None:
    sync_everything(enterprise)
    fleet.ghec.faults.add("halved", path="*/consumed-licenses")
    run = sync(enterprise)
    client.force_login(MembershipFactory(enterprise=enterprise).user)
    page = f"/enterprises/{enterprise.slug}/runs/{run.pk}"
    before, after = run.counts["persons_before"], run.counts["persons_after"]

    shown = client.get(page).content.decode()
    assert f"If applied, the count goes from {before} to {after} persons" in shown
    asked = client.get(f"{page}/discard").content.decode()
    assert f"The count stays at {before} persons, instead of {after}." in asked


@pytest.mark.parametrize("kind", ["repeat_page", "shrinking_total", "short_page"])
def test_a_list_that_does_not_hold_still_fails_and_changes_nothing(
    kind: str, fleet: Fleet, enterprise: Enterprise
) -> None:
    sync_everything(enterprise)
    before = content(enterprise)
    fleet.ghec.faults.add(kind, path="*/consumed-licenses")
    run = sync(enterprise)
    assert (run.state, run.error_code) == (RunState.FAILED, "inconsistent_walk")
    assert content(enterprise) == before


def test_a_login_that_github_lists_twice_counts_twice_with_a_warning(
    fleet: Fleet, enterprise: Enterprise
) -> None:
    before = sync(enterprise)
    assert "logins_listed_twice" not in [warning["code"] for warning in before.warnings]
    fleet.ghec.faults.add("duplicate_ids", path="*/consumed-licenses")
    run = sync(enterprise)
    assert run.counts["read"] == before.counts["read"] + 1
    assert {"code": "logins_listed_twice", "params": {"rows": 1}} in run.warnings


def test_a_cloud_without_readable_identities_counts_what_is_there_and_says_so(
    fleet: Fleet, enterprise: Enterprise
) -> None:
    fleet.ghec.faults.add("status", path="/graphql", status=403, message="Forbidden")
    run = sync(enterprise)
    assert run.state == RunState.SUCCEEDED
    enterprise.cloud.refresh_from_db()
    assert [gap["part"] for gap in enterprise.cloud.gaps] == ["identities", "domains"]
    assert "the count may be too high" in wording.gap_sentence(enterprise.cloud.gaps[0]).lower()


def test_an_organization_whose_identities_cannot_be_read_is_named_on_the_page(
    fleet: Fleet, enterprise: Enterprise
) -> None:
    fleet.world.organizations = ("acme-apps", "acme-ops")
    fleet.ghec.faults.add("status", status=403, path="/graphql", contains='"login":"acme-ops"')
    assert sync(enterprise).state == RunState.SUCCEEDED
    enterprise.cloud.refresh_from_db()
    (said,) = map(wording.gap_sentence, enterprise.cloud.gaps)
    assert "acme-ops" in said
    assert "acme-apps" not in said
    assert "The count may be too high." in said


def test_while_one_organization_cannot_be_read_no_stored_identity_goes(
    fleet: Fleet, enterprise: Enterprise
) -> None:
    fleet.world.organizations = ("acme-apps", "acme-ops")
    sync(enterprise)
    stored = set(CloudIdentity.objects.values_list("login_key", "value"))
    assert len(stored) > 10
    fleet.ghec.faults.add("status", status=403, path="/graphql", contains='"login":"acme-ops"')
    for user in fleet.world.cloud:
        user.identity = None  # nor is anything of the organization that can be read
    assert sync(enterprise).state == RunState.SUCCEEDED
    assert set(CloudIdentity.objects.values_list("login_key", "value")) == stored
    fleet.ghec.faults.clear()
    sync(enterprise)
    assert not CloudIdentity.objects.exists()


def test_an_applied_result_takes_the_place_of_those_held_before_it(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    sync_everything(enterprise)
    fleet.instances[HOST].faults.add("halved", path=REPORT)
    first, second = sync(enterprise, instance), sync(enterprise, instance)
    assert (first.state, second.state) == (RunState.HELD, RunState.HELD)
    run_apply_held(run=second, actor=SYSTEM)
    first.refresh_from_db()
    assert (first.state, first.error_code) == (RunState.CANCELLED, "superseded")
    assert not first.chunks.exists()


def test_a_held_cloud_result_is_refused_once_other_data_is_applied(
    fleet: Fleet, enterprise: Enterprise
) -> None:
    sync_everything(enterprise)
    for number in (0, 1):
        fleet.world.cloud[number].login = f"newcomer-{number}"  # which both of them add
    fleet.ghec.faults.add("halved", path="*/consumed-licenses")
    first, second = sync(enterprise), sync(enterprise)
    assert (first.state, second.state) == (RunState.HELD, RunState.HELD)
    run_apply_held(run=first, actor=SYSTEM)
    with pytest.raises(Refused) as refused:
        run_apply_held(run=second, actor=SYSTEM)
    assert refused.value.code == "data_changed"
    second.refresh_from_db()
    assert second.state == RunState.HELD


def test_an_instance_learns_its_server_id_though_githubs_status_is_as_it_was(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    sync(enterprise)
    ServerInstance.objects.update(server_id="")
    sync(enterprise)
    instance.refresh_from_db()
    assert instance.server_id == fleet.world.instances[HOST].server_id


def test_one_server_id_of_two_hosts_is_given_to_one_instance(
    fleet: Fleet, enterprise: Enterprise
) -> None:
    for each in fleet.world.instances.values():
        each.server_id = fleet.world.instances[HOST].server_id
    assert sync(enterprise).state == RunState.SUCCEEDED
    known = enterprise.instances.order_by("host_name").values_list("server_id", flat=True)
    assert list(known) == [fleet.world.instances[HOST].server_id, ""]


@pytest.mark.parametrize("kind", ["RATE_LIMITED", "RATE_LIMIT"])
def test_a_rate_limit_that_graphql_tells_in_its_answer_is_waited_out(
    fleet: Fleet, enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    told = {"errors": [{"type": kind, "extensions": {"code": "graphql_rate_limit"}}]}
    answer = Answer({"retry-after": "900"}, told)
    monkeypatch.setattr(Client, "post_json_once", lambda *_, **__: answer)
    run, _ = run_request(
        enterprise=enterprise, kind=RunKind.CLOUD, instance=None, trigger=RunTrigger.MANUAL
    )
    asked = timezone.now()
    assert run_execute(run_id=run.pk) == RunState.QUEUED
    run.refresh_from_db()
    assert (run.not_before - asked).total_seconds() > 890
    assert run.log.filter(code="rate_limited").exists()


def test_disabling_connect_keeps_the_last_data_and_deletes_the_token(
    fleet: Fleet, enterprise: Enterprise, instance: ServerInstance
) -> None:
    sync_everything(enterprise)
    before = content(enterprise)
    connect_disable(instance=instance, actor=SYSTEM)
    instance.refresh_from_db()
    assert not hasattr(instance, "credential")
    assert (instance.connect_enabled, instance.license_sync_enabled) == (False, False)
    assert content(enterprise) == before
