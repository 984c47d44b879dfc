"""A sync beside the bare cursor: everything new, nothing changed, many pages, and its memory.

    python -m tests.bench.bench_sync [--database sqlite|postgres] [--accounts N] [--pages N]
        [--lines N] [--rounds N]

The baselines are in the same run, on the same database: ``csv.reader`` and the same rows written into
the same table by the bare cursor; the file read by ``csv.reader`` and (id, digest) by the bare cursor;
for the pages, the latency alone. The report is a local file, read in the chunks in which a body comes.
Of several rounds the median is shown.
"""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median_low
from typing import Any
from unittest import mock

from tests.bench.stage import arguments, console, peak_mib, report, settle, timed

LATENCY = 0.05
CONCURRENCY = 4
HEADER = (
    "created_at,id,login,email,role,suspended?,last_logged_ip,repos,ssh_keys,org_memberships,"
    "dormant?,last_active,raw_login,2fa_enabled?\n"
)
INSERT = (
    "INSERT INTO enterprise_serveruseraccount (instance_id, user_id, email, email_key, other_emails,"
    " suspended, dormant, never_signed_in, excluded, consumes, login, last_active, digest)"
)


def write_report(path: Path, lines: int) -> None:
    """An ``all_users.csv`` of so many accounts."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for n in range(1, lines + 1):
            suspended, dormant = str(n % 20 == 0).lower(), str(n % 7 == 0).lower()
            address = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
            raw = f'"{{""login"":""user-{n}"",""actor_ip"":""{address}""}}"'
            file.write(
                f"2021-03-04 10:00:00 -0800,{n},user-{n},User{n}@example.com,user,{suspended},"
                f"{address},3,1,2,{dormant},2026-11-20 08:00:00 -0800,{raw},true\n"
            )


def chunks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(2**16):
            yield chunk


def new_instance(number: int) -> Any:
    """An instance that may be synced, with nothing read yet."""
    from enterprise.models import Enterprise, ServerInstance

    enterprise, _ = Enterprise.objects.get_or_create(slug="bench", name="Bench")
    return ServerInstance.objects.create(
        enterprise=enterprise,
        host_name=f"ghes{number}.example.com",
        url=f"https://ghes{number}.example.com",
        connect_enabled=True,
        license_sync_enabled=True,
    )


def finish(**wanted: Any) -> Any:
    """Ask for a run and do it here; the run."""
    from enterprise.models import RunState, RunTrigger
    from enterprise.services.runs import run_request
    from enterprise.services.sync import run_execute

    run, _ = run_request(trigger=RunTrigger.MANUAL, **wanted)
    state = run_execute(run_id=run.pk)
    run.refresh_from_db()
    if state != RunState.SUCCEEDED:
        raise SystemExit(f"the run ended {state}: {run.error_code} {run.error_params}")
    return run


def sync_file(instance: Any, path: Path) -> Any:
    """A whole run of an instance whose report is a local file."""
    from enterprise.models import RunKind
    from enterprise.records import InstanceFacts
    from enterprise.services import clients
    from enterprise.sources.ghes_report import parse_report, text_lines

    def read_instance(*_: Any) -> Any:
        return InstanceFacts(), parse_report(text_lines(chunks_of(path)), keep_logins=False)

    with mock.patch.object(clients, "read_instance", read_instance):
        return finish(enterprise=instance.enterprise, kind=RunKind.INSTANCE, instance=instance)


def write_bare(instance: Any, path: Path) -> None:
    """The same rows, read by ``csv.reader`` and written by the bare cursor."""
    from django.db import connection, transaction

    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        rows = (
            (
                *(instance.pk, int(row[1]), row[3], row[3], "", row[5] == "true"),
                *(row[10] == "true", False, "", row[5] != "true", "", "", int(row[1])),
            )
            for row in reader
        )
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                columns = INSERT.removeprefix("INSERT INTO")
                with cursor.copy(f"COPY {columns} FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            else:
                cursor.executemany(f"{INSERT} VALUES ({', '.join(['%s'] * 13)})", rows)


def read_bare(instance: Any, path: Path) -> None:
    """The file by ``csv.reader``, and what is applied by the bare cursor."""
    from django.db import connection

    with path.open(encoding="utf-8", newline="") as file:
        for _row in csv.reader(file):
            pass
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT user_id, digest FROM enterprise_serveruseraccount WHERE instance_id = %s",
            [instance.pk],
        )
        while cursor.fetchmany(2000):
            pass


def measure_report(path: Path, accounts: int, rounds: int, label: str) -> None:
    write_report(path, accounts)
    firsts, agains = [], []
    for number in range(rounds):
        instance, bare = new_instance(2 * number), new_instance(2 * number + 1)
        settle()
        writing, _ = timed(lambda bare=bare: write_bare(bare, path))
        settle()
        first, run = timed(lambda instance=instance: sync_file(instance, path))
        assert run.counts["added"] == accounts
        settle()
        for _ in range(3):
            reading, _ = timed(lambda bare=bare: read_bare(bare, path))
            again, run = timed(lambda instance=instance: sync_file(instance, path))
            assert run.counts["changed"] == run.counts["added"] == run.counts["removed"] == 0
            agains.append((again / reading, f"{again:.2f} s beside {reading:.2f} s"))
        firsts.append((first / writing, f"{first:.2f} s beside {writing:.2f} s"))
    for what, found in (("First sync", firsts), ("Sync without a change", agains)):
        ratio, detail = median_low(found)
        report(f"{what}, {accounts:,} accounts, {label}", ratio, 2.5, detail)


def measure_pages(pages: int, label: str) -> None:
    """A cloud run over a sandbox in a process of its own."""
    from enterprise.models import Enterprise
    from enterprise.services import sync_cloud
    from enterprise.services.audit import SYSTEM
    from enterprise.services.enterprises import enterprise_add, enterprise_token_set

    command = [
        "-m",
        "sandbox",
        "--cloud",
        str(pages * 100 - 50),
        "--instance",
        "ghes.example.com=1",
    ]
    command += ["--latency", str(LATENCY)]
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as sandbox:
        try:
            assert sandbox.stdout is not None
            told = json.loads(sandbox.stdout.readline())
            enterprise: Enterprise = enterprise_add(
                actor=SYSTEM, slug=told["enterprise"], api_url=told["ghec"]["url"]
            )
            enterprise_token_set(enterprise=enterprise, actor=SYSTEM, token=told["ghec"]["token"])
            spent: list[float] = []
            read = sync_cloud.RowStage.read

            def clocked(*args: Any, **options: Any) -> None:
                begun = time.perf_counter()
                read(*args, **options)
                spent.append(time.perf_counter() - begun)

            with mock.patch.object(sync_cloud.RowStage, "read", clocked):
                run = finish(enterprise=enterprise, kind="cloud")
        finally:
            sandbox.terminate()
    walked = math.ceil(run.counts["read"] / 100)
    bound = LATENCY * (1 + math.ceil((walked - 1) / CONCURRENCY))
    report(
        f"{walked:,} pages of consumed licenses, {label}",
        spent[0] / bound,
        1.3,
        f"{spent[0]:.1f} s beside {bound:.1f} s",
    )


def main() -> None:
    args = arguments(accounts=100_000, pages=1000, lines=1_000_000, rounds=3, only=0)
    console(args.database)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all_users.csv"
        if args.only:  # in the process that ``main`` has started for it
            write_report(path, args.only)
            sync_file(new_instance(0), path)
            print(f"{peak_mib():.0f}")
            return
        measure_report(path, args.accounts, args.rounds, args.database)
    measure_pages(args.pages, args.database)
    again = [sys.executable, "-m", "tests.bench.bench_sync", "--database", args.database]
    environment = {
        k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "LICSYNC_VAR_DIR")
    }
    peak = subprocess.run(
        [*again, "--only", str(args.lines)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[-1]
    print(f"Peak memory, {args.lines:,} lines, {args.database}: {peak} MiB (at most 600)")


if __name__ == "__main__":
    main()
