"""Each curl line of docs/api.md and docs/metrics.md works as it stands there, over real HTTP."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest
from django.conf import settings
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, PersonVersion, Snapshot
from tests.api.conftest import make_token
from tests.factories import ServerInstanceFactory, ago
from tests.reports.ledger import count, members

pytestmark = pytest.mark.django_db(transaction=True)

DOCS = settings.BASE_DIR / "docs"
PUBLIC = "https://licsync.example.com"
SINCE = "2026-03-01T00:00:00Z"


def curl_lines() -> list[tuple[str, str]]:
    """(the variables set above it, a line that calls curl) of each block of shell."""
    found = []
    for name in ("api.md", "metrics.md"):
        text = (DOCS / name).read_text()
        for block in re.findall(r"^```sh\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
            lines = block.replace("\\\n", " ").splitlines()
            variables = "\n".join(line for line in lines if re.match(r"\w+=", line))
            found += [(variables, line) for line in lines if line.startswith("curl ")]
    return found


@pytest.fixture
def names(enterprise: Enterprise) -> dict[str, str]:
    """What stands in the documents, and what is there for it."""
    ServerInstanceFactory(enterprise=enterprise, host_name="ghes.example.com", syncing=True)
    first = count(enterprise, members(40))
    Snapshot.objects.filter(pk=first.pk).update(taken_at=ago(days=2))
    second = count(enterprise, members(40, start=3))
    number = PersonVersion.objects.filter(to_snapshot=None).values_list("number", flat=True)[0]
    return {
        "persons/17": f"persons/{number}",
        "as_of=52": f"as_of={second.pk}",
        SINCE: f"{ago(days=1):%Y-%m-%dT%H:%M:%SZ}",
    }


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    ("variables", "line"), curl_lines(), ids=[line for _, line in curl_lines()]
)
def test_it_works_as_documented(
    live_server: LiveServer,
    enterprise: Enterprise,
    names: dict[str, str],
    variables: str,
    line: str,
) -> None:
    script = f"{variables}\n{line} --silent --show-error --fail-with-body"
    for documented, there in {PUBLIC: live_server.url, **names}.items():
        script = script.replace(documented, there)
    done = subprocess.run(
        ["bash", "-euc", script],
        env={**os.environ, "TOKEN": make_token(enterprise, "admin:enterprise", name="docs")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "metrics" in line:
        assert done.stdout.startswith("# HELP")
    else:
        assert json.loads(done.stdout)
