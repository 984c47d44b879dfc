"""What pip-audit knows fails unless it is answered; that it could not be asked is said, not hidden."""

from __future__ import annotations

import json
import subprocess
import tomllib
from typing import Any

import pytest

from scripts import security_findings


def told(monkeypatch: pytest.MonkeyPatch, answer: str, error: str = "") -> int:
    """The exit code with this answer of pip-audit, bandit having found what is answered."""
    ours = [key for key in answers() if key[0].startswith("B")]
    results = [
        {"test_id": key, "filename": f"./{where}", "line_number": 1, "issue_text": ""}
        for key, where in ours
    ]

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        out = json.dumps({"results": results}) if command[0] == "bandit" else answer
        return subprocess.CompletedProcess(command, 0, out, error)

    monkeypatch.setattr(security_findings, "run", run)
    return security_findings.main()


def answers() -> list[tuple[str, str]]:
    found = tomllib.loads(security_findings.ANSWERS.read_text())["finding"]
    return [(each["id"], each["where"]) for each in found]


def package(**more: Any) -> str:
    return json.dumps({"dependencies": [{"name": "django", "version": "1.0"} | more]})


def test_a_known_vulnerability_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vulns = [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]
    assert told(monkeypatch, package(vulns=vulns)) == 1
    assert "PYSEC-1 django, 1.0, fixed in 1.1" in capsys.readouterr().err
    assert told(monkeypatch, package(vulns=[])) == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "pip-audit could not ask: no route to host"),
        (package(skip_reason="not reached"), "0 of 1 packages could be asked about"),
    ],
)
def test_what_could_not_be_asked_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, said: str
) -> None:
    assert told(monkeypatch, answer, "no route to host") == 0
    assert said in capsys.readouterr().out


def test_a_finding_of_bandit_without_an_answer_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"test_id": "B999", "filename": "./licsync/x.py", "line_number": 1, "issue_text": ""}
    monkeypatch.setattr(
        security_findings,
        "run",
        lambda *command: subprocess.CompletedProcess(
            command, 0, json.dumps({"results": [found]}) if command[0] == "bandit" else "", ""
        ),
    )
    assert security_findings.main() == 1
