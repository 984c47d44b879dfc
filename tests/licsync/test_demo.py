"""``make demo`` as a person would start it, from its first line to Ctrl-C."""

import re
import signal
import subprocess
import sys
import urllib.request

import pytest
from django.conf import settings

from tests.licsync.programs import ENVIRONMENT, processes_of, wait_until


@pytest.mark.slow
def test_the_demo_counts_and_ctrl_c_leaves_nothing(tmp_path):
    log = tmp_path / "log"
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "sandbox.demo", str(tmp_path / "demo")],
            cwd=settings.BASE_DIR,
            env={**ENVIRONMENT, "TEST_MARK": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def written():
        assert demo.poll() is None, log.read_text()
        return log.read_text()

    try:
        wait_until(lambda: "Who consumes a license:" in written(), 90)
        text = written()
        for run in ("cloud", "ghes1.example.com", "ghes2.example.com", "recount"):
            assert re.search(
                rf"^{run}: succeeded .*\b(consuming|persons) [1-9]", text, re.MULTILINE
            )
        assert set(re.findall(r"^  (\w+) +\w+ +\S{16}$", text, re.MULTILINE)) == {
            "owner",
            "billing_manager",
            "auditor",
        }
        (page,) = set(re.findall(r"http://127\.0\.0\.1:\d+/enterprises/octodemo/licensing", text))
        with urllib.request.urlopen(page, timeout=10) as answer:
            assert "/accounts/login/" in answer.url
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0
        assert processes_of(f"TEST_MARK={tmp_path}") == []
        assert "Traceback" not in log.read_text()
    finally:
        demo.terminate()
        demo.wait(30)
