"""Pages of one enterprise while two hundred others sync, beside the same pages of an idle console.

    python -m tests.bench.bench_fleet [--enterprises N] [--requests N]

Two web processes, four workers, PostgreSQL and Redis of its own, and the sandbox that plays GitHub, all
on this machine. Shown is the 95th percentile of each page.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.stage import arguments, report
from tests.system.fleet import PAGES, staged, visit


def main() -> None:
    args = arguments(enterprises=200, requests=100)
    with (
        tempfile.TemporaryDirectory() as folder,
        staged(Path(folder), enterprises=args.enterprises) as stage,
    ):
        stage.console.manage("sync", "--enterprise", "enterprise-0", "--all", "--inline")
        stage.start()
        visit(stage, args.requests, pause=0)  # until every process has warmed up
        idle = visit(stage, args.requests).p95()
        stage.make_all_due()
        if not stage.console.wait(lambda: stage.console.active_runs() > 0, seconds=30):
            raise SystemExit("nothing has started")
        busy = visit(stage, args.requests).p95()
        if stage.is_over():
            print("All was synced before the last request: take more enterprises.")
    for name in PAGES:
        detail = f"{busy[name] * 1000:.0f} ms beside {idle[name] * 1000:.0f} ms"
        report(
            f"{name} while {args.enterprises} enterprises sync", busy[name] / idle[name], 2, detail
        )


if __name__ == "__main__":
    main()
