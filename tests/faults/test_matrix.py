"""Each fault of each source ends a run in a documented way, and nothing is ever half applied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from unittest import mock

import pytest
from django.db.transaction import atomic, set_rollback
from django.test import Client, override_settings
from django.utils.html import escape

from enterprise import wording
from enterprise.models import RunState, SyncRun
from enterprise.sources import ghes_report
from sandbox.server import Fleet, serve
from tests.factories import MembershipFactory
from tests.faults.conftest import (
    HOST,
    content,
    move_on,
    overheard,
    recorded,
    secrets_of,
    small_world,
    use_source,
)
from tests.faults.table import (
    BESIDE,
    COLUMNS,
    FAULTS,
    MATRIX,
    SENTENCES,
    column_of,
    options,
    sentence_of,
)
from tests.sync.conftest import register, sync, sync_everything
from tests.uploads.conftest import token_client

pytestmark = pytest.mark.django_db

READ_BY_CLOUD = {"rows", "identities", "domains", "sync_status"}
COUNTED = {"persons", "memberships"}


class Walked(NamedTuple):
    """What became of a column's runs, what was wrong in the data afterwards, and what was said.

    ``sentences`` are what the page of a run and the API tell the owner of each fault.
    """

    outcomes: dict[str, str]
    sentences: dict[str, str]
    wrong: list[str]
    said: list[str]
    secrets: set[str]


@pytest.fixture(scope="module", params=[*COLUMNS, *BESIDE])
def walked(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any) -> Walked:
    """Every fault of one column, one after the other, on one enterprise."""
    settings = override_settings(LICSYNC_MAX_TRIES=2)
    polls = mock.patch.object(ghes_report, "MAX_POLLS", 5)
    with django_db_blocker.unblock(), settings, polls, serve(small_world()) as fleet, atomic():
        walked = _walk(request.param, fleet)
        set_rollback(True)
    return walked


def _walk(column: str, fleet: Fleet) -> Walked:
    walked = Walked({}, {}, [], [], set())
    with overheard() as said:
        enterprise = register(fleet)
        instance = use_source(enterprise, column)
        sync_everything(enterprise)
        site = fleet.instances[HOST] if column in ("report", *BESIDE) else fleet.ghec
        reader = token_client(enterprise, "read:enterprise")
        owner = Client()
        owner.force_login(MembershipFactory(enterprise=enterprise).user)
        before = content(enterprise)
        for times, (fault, expected) in enumerate(column_of(column).items()):
            move_on(fleet.world, times)
            walked.secrets.update(secrets_of(fleet))
            site.faults.add(**options(column, fault))
            timeout = 0.1 if fault.startswith("hang") else 30.0
            with override_settings(LICSYNC_HTTP_TIMEOUT_SECONDS=timeout):
                run = sync(enterprise, instance)
            site.faults.clear()
            walked.outcomes[fault] = _outcome(run)
            walked.sentences[fault] = sentence = _sentence(run, reader)
            if escape(sentence) not in owner.get(_page(run)).content.decode():
                walked.wrong.append(f"{fault}: the page does not say {sentence}")
            now = content(enterprise)
            walked.wrong.extend(f"{fault}: {text}" for text in _wrong_of(run, before, now))
            if expected in ("ok", "given"):
                assert sync(enterprise, instance).state == RunState.SUCCEEDED
                now, seen = content(enterprise), now
                if expected == "ok" and seen != now:
                    walked.wrong.append(f"{fault}: something new was not applied")
            before = now
        move_on(fleet.world, len(FAULTS))
        assert sync(enterprise, instance).state == RunState.SUCCEEDED
        changed = {part for part, rows in content(enterprise).items() if rows != before[part]}
        assert changed - COUNTED == (READ_BY_CLOUD if instance is None else {"accounts"})
        assert not SyncRun.objects.filter(state=RunState.HELD).exists()  # superseded
    walked.said.extend([*said, *recorded(enterprise)])
    return walked


def _outcome(run: SyncRun) -> str:
    """A run's ending in the words of the table."""
    if run.state == RunState.SUCCEEDED:
        return next((f"{kind}:{why}" for kind, why in _beside(run)), "ok")
    if run.state == RunState.HELD:
        return f"held:{run.error_code}"
    if run.state == RunState.FAILED:
        return run.error_code + ("*" if run.tries > 1 else "")
    return run.state


def _page(run: SyncRun) -> str:
    return f"/enterprises/{run.enterprise.slug}/runs/{run.pk}"


def _sentence(run: SyncRun, reader: Client) -> str:
    """What the API tells of a run: why it ended, or what it did without; "" if all is well."""
    answer = reader.get(f"/api/v1{_page(run)}").json()
    if answer["error"]:
        return str(answer["error"]["message"])
    gaps = [w["message"] for w in answer["warnings"] if w["code"].endswith("_unread")]
    logged = [
        wording.sentence(line.code, line.params)
        for line in run.log.filter(code__in=["scim_unread", "scim_unavailable"])
    ]
    return next(iter(gaps + logged), "")


def _beside(run: SyncRun) -> Iterator[tuple[str, str]]:
    """Why what a run can do without was not read."""
    for warning in run.warnings:
        if warning["code"] in ("identities_unread", "facts_unread"):
            yield "gap", warning["params"]["why"]
    for line in run.log.filter(code__in=["scim_unread", "scim_unavailable"]):
        yield "log", line.params.get("why", line.code)


def _wrong_of(run: SyncRun, before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Whatever a run has left that its ending does not allow."""
    if run.chunks.exists() and run.state != RunState.HELD:
        yield "left chunks behind"
    if run.error_code and wording.sentence(run.error_code, run.error_params) == run.error_code:
        yield f"no sentence for {run.error_code}"
    changed = {part for part in before if before[part] != now[part]} - COUNTED
    if run.state != RunState.SUCCEEDED:
        allowed: set[str] = set()
    elif run.instance_id is not None:
        allowed = {"accounts"}
    else:
        gaps = {warning["code"].removesuffix("_unread") for warning in run.warnings}
        allowed = READ_BY_CLOUD - gaps
    if changed != allowed:
        yield f"changed {sorted(changed)} instead of {sorted(allowed)}"
    if run.state != RunState.SUCCEEDED and any(before[part] != now[part] for part in COUNTED):
        yield "the ledger changed"


def test_every_fault_of_the_table_is_scripted() -> None:
    assert {line.split()[0] for line in MATRIX.strip().splitlines()[1:]} == set(FAULTS)


def test_every_fault_ends_as_the_table_says(walked: Walked, request: Any) -> None:
    column = request.node.callspec.params["walked"]
    expected = column_of(column)
    assert walked.outcomes == {
        fault: "ok" if cell == "given" else cell for fault, cell in expected.items()
    }


def test_every_fault_is_told_in_the_sentence_of_the_table(walked: Walked, request: Any) -> None:
    column = request.node.callspec.params["walked"]
    said = {fault: sentence_of(column, cell) for fault, cell in column_of(column).items()}
    assert {
        fault: text for fault, text in walked.sentences.items() if unlike(text, said[fault])
    } == {}


def unlike(text: str, said: str) -> bool:
    return re.fullmatch(re.escape(said).replace("…", ".+"), text) is None


def test_every_code_of_the_table_has_its_sentence_there() -> None:
    cells = {cell for line in MATRIX.strip().splitlines()[1:] for cell in line.split()[1:]}
    codes = {cell.removesuffix("*").rpartition(":")[2] for cell in cells}
    assert codes - {"ok", "given", "-"} == set(SENTENCES)


def test_the_data_and_the_ledger_are_the_old_or_the_new_ones(walked: Walked) -> None:
    assert walked.wrong == []


def test_no_email_login_or_token_is_logged_recorded_or_quoted(walked: Walked) -> None:
    everything = "\n".join(walked.said).lower()
    assert len(walked.said) > len(walked.outcomes)
    assert [secret for secret in walked.secrets if secret in everything] == []
