"""A backup of a large console, and its restore: seconds, and memory at most, which must not grow.

    python -m tests.bench.bench_backup [--database sqlite|postgres] [--accounts N] [--fewer N]

The console is filled and counted as in ``bench_recount``, with ``--fewer`` and with ``--accounts``
accounts; each command is a process of its own. The baseline of the memory is that of fewer accounts.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psycopg

from tests.bench.bench_recount import count_anew, fill
from tests.bench.stage import SERVER, arguments, console, report, settle


class Cost(NamedTuple):
    """Of a command: its seconds, and the most memory it held, in MiB."""

    seconds: float
    mib: float


# What getrusage tells of a child begins with the memory of its parent.
PEAK = """
import atexit, re, runpy, sys
def tell():
    with open("/proc/self/status") as file:
        print("PEAK", re.search(r"VmHWM:\\s*(\\d+)", file.read())[1])
atexit.register(tell)
runpy.run_path("manage.py", run_name="__main__")
"""


def command(*words: str, **environment: str) -> Cost:
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *words],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Cost(time.perf_counter() - begun, int(done.stdout.split()[-1]) / 1024)


def measure(database: str, folder: Path) -> tuple[Cost, Cost, float]:
    """The backup, the restore into a new database, and MiB of the file."""
    file = folder / f"{secrets.token_hex(4)}.backup"
    made = command("backup", str(file))
    size = file.stat().st_size / 2**20
    if database == "sqlite":
        loaded = command("restore", str(file), DATABASE_URL=f"sqlite:///{file}.sqlite3")
    else:
        name = f"licsync_bench_{secrets.token_hex(6)}"
        with psycopg.connect(SERVER, autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{name}"')
            try:
                address = f"{SERVER.rpartition('/')[0]}/{name}"
                loaded = command("restore", str(file), DATABASE_URL=address)
            finally:
                server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    return made, loaded, size


def main() -> None:
    chosen = arguments(accounts=1_000_000, fewer=100_000)
    console(chosen.database)
    with tempfile.TemporaryDirectory(prefix="licsync-bench-") as folder:
        count_anew(fill(chosen.fewer, "fewer"))
        settle()
        few = measure(chosen.database, Path(folder))
        count_anew(fill(chosen.accounts - chosen.fewer, "more"))
        settle()
        many = measure(chosen.database, Path(folder))
    for name, less, more in (("backup", few[0], many[0]), ("restore", few[1], many[1])):
        detail = f"{more.seconds:.0f} s, {more.mib:.0f} MiB of memory; a file of {many[2]:.0f} MiB"
        report(f"{chosen.database}, {name}'s memory", more.mib / less.mib, 1.5, detail)


if __name__ == "__main__":
    main()
