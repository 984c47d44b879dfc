from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import requests

ROOT = Path(__file__).parents[2]


def test_the_command_prints_addresses_serves_and_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "sandbox", "--seed", "5", "--cloud", "20"]
    command += ["--instance", "a.example.com=12", "--instance", "b.example.com=3"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        ghec = told["ghec"]
        rows = requests.get(
            f"{ghec['url']}/enterprises/{told['enterprise']}/consumed-licenses",
            headers={"Authorization": f"Bearer {ghec['token']}"},
            timeout=5,
        )
        assert rows.json()["total_seats_consumed"] > 20
        for host, size in (("a.example.com", 12), ("b.example.com", 3)):
            site = told["instances"][host]
            report = requests.get(
                f"{site['url']}/stafftools/reports/all_users.csv",
                auth=(site["username"], site["token"]),
                timeout=5,
            )
            assert len(report.text.splitlines()) == size + 1
    finally:
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=10)
    assert (process.returncode, out, errors) == (0, b"", b"")
