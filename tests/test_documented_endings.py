"""docs/endings.md lists every way in which a run ends, with its state and its sentence."""

from __future__ import annotations

import ast
import re

import pytest
from django.conf import settings

from enterprise import wording
from enterprise.services import cloud_copy
from enterprise.wording.allocation import ALLOCATION_FAULTS
from enterprise.wording.deliveries import DELIVERY_FAULTS
from enterprise.wording.faults import FAULTS
from enterprise.wording.uploads import UPLOAD_FAULTS
from tests.test_wording import ENTERPRISE, codes

TEXT = (settings.BASE_DIR / "docs" / "endings.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| ([a-z, ]+) \| (.+) \|$", TEXT, flags=re.MULTILINE)
STATE = {code: state for code, state, _sentence in ROWS}
SENTENCE = {code: sentence for code, _state, sentence in ROWS}
TABLES = (wording.FAULTS, wording.REFUSALS, wording.LOG_LINES)
CANCELLED = {"superseded", "discarded", "cancelled_by_owner"}


def codes_by_keyword(function: str, keyword: str) -> dict[str, set[str]]:
    """What calls of a function give for a keyword, as it stands there, by their first argument."""
    found: dict[str, set[str]] = {}
    for path in ENTERPRISE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given = {each.arg: ast.unparse(each.value) for each in node.keywords}
            if name == function and keyword in given:
                first = ast.unparse(node.args[0]) if node.args else ""
                found.setdefault(first.strip("'"), set()).add(given[keyword].strip("'"))
    return found


def test_no_code_is_documented_twice() -> None:
    assert len(ROWS) == len(STATE)


def test_every_fault_of_a_run_is_documented_and_no_other_code() -> None:
    warnings = {code for code, state in STATE.items() if state == "succeeded"}
    others = DELIVERY_FAULTS.keys() | ALLOCATION_FAULTS.keys()
    of_runs = FAULTS.keys() | UPLOAD_FAULTS.keys() | (codes("Fault") - others)
    assert STATE.keys() - warnings == of_runs - warnings
    optional = {f"{part}_unread" for part in wording.GAPS}
    stale = {"cloud_copy_disconnected", *cloud_copy._STALE_COPY.values()}
    assert warnings == codes("warn") | optional | stale | {"scim_too_many"}


@pytest.mark.parametrize("code", SENTENCE)
def test_a_sentence_stands_there_as_it_is_read(code: str) -> None:
    text = str(next(table[code] for table in TABLES if code in table))
    assert re.sub(r"%\((\w+)\)s", r"*\1*", text) == SENTENCE[code]


def test_what_is_tried_again_is_documented_so() -> None:
    tried = {code for code, said in codes_by_keyword("Fault", "retry").items() if said != {"False"}}
    documented = {code for code, state in STATE.items() if state == "failed, after tries"}
    assert documented == (tried & STATE.keys()) | {"worker_lost"}


def test_what_is_held_cancelled_or_refused_is_documented_so() -> None:
    (by_owner,) = codes_by_keyword("runs_cancel_for", "code").values()
    for code, state in STATE.items():
        assert (state == "held") == code.startswith("held_"), code
        assert ("cancelled" in state) == (code in by_owner | CANCELLED), code
        assert state != "no run" or code in codes("Refused") - codes("Fault"), code
