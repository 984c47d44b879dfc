"""No slow test is left out of ``.ci/run``, and none is run twice by it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def selected(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-n", "0", *arguments]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return re.findall(r"^tests/\S+::.+$", told.stdout, re.MULTILINE)


@pytest.mark.slow
def test_every_slow_test_is_run_once_by_ci() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    steps = re.findall(r"\$PY -m pytest (.*\bslow\b.*)$", script, re.MULTILINE)
    run = Counter(test for step in steps for test in selected(*shlex.split(step)))
    assert run == Counter(selected("-m", "slow"))
    assert run
