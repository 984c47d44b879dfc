"""Each fault of each source ends a run in a documented way, and nothing is ever half applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from unittest import mock

import pytest
from django.db.transaction import atomic, set_rollback
from django.test import override_settings

from enterprise import wording
from enterprise.models import RunState, SyncRun
from enterprise.sources import ghes_report
from sandbox.server import Fleet, serve
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
from tests.faults.table import COLUMNS, FAULTS, MATRIX, column_of, options
from tests.sync.conftest import register, sync, sync_everything

pytestmark = pytest.mark.django_db

READ_BY_CLOUD = {"rows", "identities", "domains", "sync_status"}
COUNTED = {"persons", "memberships"}


class Walked(NamedTuple):
    """What became of a column's runs, what was wrong in the data afterwards, and what was said."""

    outcomes: dict[str, str]
    wrong: list[str]
    said: list[str]
    secrets: set[str]


@pytest.fixture(scope="module", params=COLUMNS)
def walked(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any) -> Walked:
    """Every fault of one column, one after the other, on one enterprise."""
    settings = override_settings(LICSYNC_MAX_TRIES=2)
    polls = mock.patch.object(ghes_report, "MAX_POLLS", 5)
    with django_db_blocker.unblock(), settings, polls, serve(small_world()) as fleet, atomic():
        walked = _walk(request.param, fleet)
        set_rollback(True)
    return walked


def _walk(column: str, fleet: Fleet) -> Walked:
    walked = Walked({}, [], [], set())
    with overheard() as said:
        enterprise = register(fleet)
        instance = use_source(enterprise, column)
        sync_everything(enterprise)
        site = fleet.instances[HOST] if column == "report" else fleet.ghec
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
        gaps = [w["params"]["why"] for w in run.warnings if w["code"] == "identities_unread"]
        return f"gap:{gaps[0]}" if gaps else "ok"
    if run.state == RunState.HELD:
        return f"held:{run.error_code}"
    if run.state == RunState.FAILED:
        return run.error_code + ("*" if run.tries > 1 else "")
    return run.state


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


def test_the_data_and_the_ledger_are_the_old_or_the_new_ones(walked: Walked) -> None:
    assert walked.wrong == []


def test_no_email_login_or_token_is_logged_recorded_or_quoted(walked: Walked) -> None:
    everything = "\n".join(walked.said).lower()
    assert len(walked.said) > len(walked.outcomes)
    assert [secret for secret in walked.secrets if secret in everything] == []
