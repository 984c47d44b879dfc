"""Fuzz both APIs from their descriptions, over real HTTP, with schemathesis: ``make fuzz``.

    python -m tests.fuzz [--database sqlite|postgres] [--seconds N] [--seed N]

A scratch console with a little of everything is served as in production. Against it are run GitHub's
own contract for ``/api/v3`` and the console's own description for ``/api/v1``, for ``--seconds`` at
most each. schemathesis lives in an environment of its own (``.venv/fuzz``): as a plug-in it would
slow the start of every test run. Exit 1 if it finds anything; it prints how to repeat each case.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.bench_pages import Server
from tests.bench.stage import arguments, console

ROOT = Path(__file__).resolve().parents[2]
SCHEMATHESIS = ROOT / ".venv" / "fuzz" / "bin" / "st"
SLUG = "acme"
HOSTS = [f"ghes{number}.example.com" for number in range(40)]


def fill() -> str:
    """An enterprise with a little of everything, counted twice; the value of a token for it."""
    from enterprise.models import Enterprise
    from enterprise.services.audit import SYSTEM
    from enterprise.services.tokens import token_make
    from tests.factories import (
        EnterpriseFactory,
        MembershipFactory,
        ServerInstanceFactory,
        SyncRunFactory,
    )
    from tests.reports.ledger import members
    from tests.views.counted import account, count

    enterprise: Enterprise = EnterpriseFactory(slug=SLUG)
    MembershipFactory(enterprise=enterprise)
    for host in HOSTS:  # several, since some are removed on the way
        instance = ServerInstanceFactory(
            enterprise=enterprise, host_name=host, syncing=True, synced=True
        )
        account(instance, 1, f"person00001@{host}")
        SyncRunFactory(instance=instance, succeeded=True)
        SyncRunFactory(instance=instance, held=True)
    count(enterprise, members(120))
    count(enterprise, members(120, start=5))
    _, value = token_make(
        enterprise=enterprise, actor=SYSTEM, name="fuzz", scopes=["admin:enterprise"]
    )
    return value


def described(document: dict[str, Any], **parameters: list[str]) -> dict[str, Any]:
    """A description in which path parameters may only be something that there is: the rest is 404."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                values = parameters.get(parameter["name"])
                if parameter["in"] == "path" and values:
                    parameter["schema"] = {"type": "string", "enum": values}
    return document


def run(
    document: dict[str, Any], *, url: str, token: str, seconds: int, seed: int, more: list[str]
) -> bool:
    """Whether schemathesis found nothing."""
    with tempfile.TemporaryDirectory() as folder:
        schema = Path(folder) / "schema.json"
        schema.write_text(json.dumps(document))
        command = [SCHEMATHESIS, "run", schema, "--url", url]
        command += ["--header", f"Authorization: Bearer {token}"]
        command += ["--max-time", str(seconds), "--max-examples", "20", "--seed", str(seed)]
        command += ["--continue-on-failure", "--no-color", "--request-timeout", "30", *more]
        return subprocess.run(command, cwd=folder, check=False).returncode == 0


PHASES = ["--phases", "examples,coverage,fuzzing"]
# GitHub takes what is no number of a page as not given, and never refuses it; and its contract names
# no error.
V3 = [*PHASES, "--exclude-checks", "negative_data_rejection,status_code_conformance"]
# The rules of the domain are narrower than any schema, and refuse with 422.
V1 = [*PHASES, "--exclude-checks", "positive_data_acceptance"]
V1 += ["--exclude-operation-id", "revoke_token"]  # it would find and revoke the one in use
V1 += ["--exclude-operation-id", "what_if_duplicates"]  # too many ticks make too long an address


def main() -> int:
    args = arguments(seconds=120, seed=1)
    os.environ |= {
        "LICSYNC_HTTP_TIMEOUT_SECONDS": "1",
        "LICSYNC_RETRY_BASE_SECONDS": "0",
    }
    console(args.database)
    token = fill()
    from enterprise.reports.lists import LISTS

    contract = json.loads(
        (ROOT / "sandbox" / "contracts" / "ghec-licensing.openapi.json").read_text()
    )
    own = json.loads((ROOT / "docs" / "openapi.json").read_text())
    server = Server({"Authorization": f"Bearer {token}"})
    url = f"http://127.0.0.1:{server.port}"
    options = {"token": token, "seconds": args.seconds, "seed": args.seed}
    try:
        fine = [
            run(described(contract, enterprise=[SLUG]), url=f"{url}/api/v3", more=V3, **options),
            run(
                described(own, slug=[SLUG], host=HOSTS, name=[*LISTS]), url=url, more=V1, **options
            ),
        ]
    finally:
        server.stop()
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
