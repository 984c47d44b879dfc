"""bandit over the product and pip-audit over its lock: each finding is answered, or this fails.

Answers stand in ``docs/security-findings.toml``; one that no finding needs any more fails too.
pip-audit asks a database of vulnerabilities over the network: where that cannot be reached (a mirror
often has none), it is said in a line, and does not fail. Exit code 1 for what is not answered.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ANSWERS = ROOT / "docs" / "security-findings.toml"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )


def bandit() -> Iterator[tuple[str, str, str]]:
    """Each finding of bandit: its test, its file, and what a reader needs."""
    done = run("bandit", "-q", "-r", "licsync", "enterprise", "-f", "json")
    for found in json.loads(done.stdout)["results"]:
        path = found["filename"].removeprefix("./")
        yield found["test_id"], path, f"line {found['line_number']}: {found['issue_text']}"


def audit() -> Iterator[tuple[str, str, str]]:
    """Each known vulnerability of a locked package; says so where it cannot be asked."""
    done = run(
        *("pip_audit", "-r", "requirements.txt", "--require-hashes", "--disable-pip"),
        *("-f", "json", "--progress-spinner", "off", "--timeout", "20"),
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        lines = done.stderr.strip().splitlines()
        print(f"pip-audit could not ask: {lines[-1] if lines else 'no answer'}")
        return
    asked = [package for package in packages if "skip_reason" not in package]
    print(f"pip-audit: {len(asked)} of {len(packages)} packages could be asked about.")
    for package in asked:
        for found in package["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "no version"
            yield found["id"], package["name"], f"{package['version']}, fixed in {fixed}"


def main() -> int:
    answers = {
        (each["id"], each["where"]): each["why"]
        for each in tomllib.loads(ANSWERS.read_text())["finding"]
    }
    found = {(key, where): said for key, where, said in (*bandit(), *audit())}
    wrong = [
        f"{key} {where}, {said}"
        for (key, where), said in found.items()
        if (key, where) not in answers
    ]
    # A vulnerability that could not be asked about may still be there.
    wrong += [
        f"{key} {where}: answered, but not found any more; take the answer out"
        for key, where in answers.keys() - found.keys()
        if key.startswith("B")
    ]
    for line in sorted(wrong):
        print(line, file=sys.stderr)
    print(f"{len(found)} findings, {len(found) - sum(k not in answers for k in found)} answered.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
