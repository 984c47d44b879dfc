"""Pages of one enterprise while two hundred others sync, beside the same pages of an idle console.

    python -m tests.bench.bench_fleet [--enterprises N] [--requests N]

Two web processes, four workers, PostgreSQL and Redis of its own, and the sandbox that plays GitHub, all
on this machine. Shown is the 95th percentile of each page.
"""

from __future__ import annotations

import http.client
import tempfile
import time
from pathlib import Path
from statistics import quantiles

from tests.bench.stage import arguments, report
from tests.system.fleet import Stage, staged

PAGES = {
    "Overview": "/enterprises/enterprise-0",
    "GitHub Connect": "/enterprises/enterprise-0/settings/connect",
    "Licensing": "/enterprises/enterprise-0/licensing",
    "Sync runs": "/enterprises/enterprise-0/runs",
}


def seconds(stage: Stage, path: str) -> float:
    """How long a new connection's request takes."""
    begun = time.perf_counter()
    connection = http.client.HTTPConnection(stage.console.web, timeout=60)
    connection.request("GET", path, headers={"Cookie": f"licsync_session={stage.session}"})
    response = connection.getresponse()
    response.read()
    connection.close()
    if response.status != 200:
        raise SystemExit(f"{path} answered {response.status}")
    return time.perf_counter() - begun


def p95(stage: Stage, requests: int) -> dict[str, float]:
    """The 95th percentile of each page, asked in turn."""
    times: dict[str, list[float]] = {name: [] for name in PAGES}
    for _ in range(requests):
        for name, path in PAGES.items():
            times[name].append(seconds(stage, path))
            time.sleep(0.02)
    return {name: quantiles(each, n=20)[-1] for name, each in times.items()}


def main() -> None:
    args = arguments(enterprises=200, requests=100)
    with (
        tempfile.TemporaryDirectory() as folder,
        staged(Path(folder), enterprises=args.enterprises) as stage,
    ):
        stage.console.manage("sync", "--enterprise", "enterprise-0", "--all", "--inline")
        stage.console.environment["LICSYNC_SPARED_PROCESSORS"] = "1"
        stage.start()
        p95(stage, args.requests)  # until every process has warmed up
        idle = p95(stage, args.requests)
        stage.make_all_due()
        if not stage.console.wait(lambda: stage.console.active_runs() > 0, seconds=30):
            raise SystemExit("nothing has started")
        busy = p95(stage, args.requests)
        if stage.is_over():
            print("All was synced before the last request: take more enterprises.")
    for name in PAGES:
        detail = f"{busy[name] * 1000:.0f} ms beside {idle[name] * 1000:.0f} ms"
        report(
            f"{name} while {args.enterprises} enterprises sync", busy[name] / idle[name], 2, detail
        )


if __name__ == "__main__":
    main()
