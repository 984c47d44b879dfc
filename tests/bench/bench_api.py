"""The APIs, the CSV and /metrics under the console's own server, each beside a baseline.

    python -m tests.bench.bench_api [--database sqlite|postgres] [--persons N] [--requests N]

A REST page of 100 beside a view that passes the same middleware, checks the same token and returns a
fixed body of the same size, in turn over one connection; the medians count. The CSV, read to its end
over HTTP, beside a bare cursor that selects the same columns and writes them by the csv module to
nowhere. The enterprise has ten instances with 400 runs each.
"""

from __future__ import annotations

import csv
import os
import time
from statistics import median, quantiles

from tests.bench.bench_pages import VERSION, Persons, Server
from tests.bench.stage import arguments, console, report, settle, timed

RUNS = 400
ROWS = (
    "SELECT number, key, license_type, accounts, report FROM enterprise_personversion"
    " WHERE enterprise_id = %s AND from_snapshot <= %s AND (to_snapshot IS NULL OR to_snapshot > %s)"
    " ORDER BY key"
)


def fill(persons: int) -> tuple[int, int, str]:
    """The ids of an enterprise and its snapshot, and a token for everything."""
    from django.db import transaction

    from enterprise.models import Enterprise, PersonVersion, SyncRun
    from enterprise.services.audit import SYSTEM
    from enterprise.services.bulk import bulk_insert
    from enterprise.services.ledger import pack_anchors
    from enterprise.services.tokens import token_make
    from tests.factories import (
        CloudStateFactory,
        EnterpriseFactory,
        GitHubSyncStatusFactory,
        ServerInstanceFactory,
        SnapshotFactory,
        SyncRunFactory,
    )

    enterprise: Enterprise = EnterpriseFactory(slug="bench")
    CloudStateFactory(enterprise=enterprise, read=True)
    for number in range(10):
        instance = ServerInstanceFactory(
            enterprise=enterprise, host_name=f"ghes{number}.example.com", syncing=True, synced=True
        )
        GitHubSyncStatusFactory(enterprise=enterprise, host_name=instance.host_name)
        SyncRun.objects.bulk_create(
            SyncRunFactory.build_batch(
                RUNS, instance=instance, enterprise=enterprise, succeeded=True
            )
        )
    people = Persons(persons)
    snapshot = SnapshotFactory(
        enterprise=enterprise,
        persons=persons,
        github_total=persons,
        github_listed=persons,
        anchors=pack_anchors([login for login, _, _, _ in people.people]),
    )
    with transaction.atomic():
        bulk_insert(PersonVersion, VERSION.split(), people.versions(enterprise.pk, snapshot.pk))
    settle()
    _, token = token_make(
        enterprise=enterprise, actor=SYSTEM, name="bench", scopes=["admin:enterprise"]
    )
    return enterprise.pk, snapshot.pk, token


def measure_pages(server: Server, *, persons: int, label: str, requests: int) -> None:
    last = max(1, -(-persons // 100))
    v1 = "/api/v1/enterprises/bench/persons?per_page=100"
    v3 = "/api/v3/enterprises/bench/consumed-licenses?per_page=100"
    for api, path in (("/api/v3", v3), ("/api/v1", v1)):
        paths = {
            "first": f"{path}&page=1",
            "second": f"{path}&page=2",
            "last": f"{path}&page={last}",
        }
        sizes = {what: server.get(address)[1] for what, address in paths.items()}
        paths["fixed"] = f"/fixed-by-token/{sizes['first']}"
        rounds = [
            {what: server.get(address)[0] for what, address in paths.items()}
            for _ in range(requests + 10)
        ]
        times = {what: median(each[what] for each in rounds[10:]) for what in paths}
        base = times["fixed"]
        for what, size in sizes.items():
            took = times[what]
            detail = f"{took * 1000:.1f} ms beside {base * 1000:.2f} ms, {size / 1000:.0f} kB"
            report(f"{api}, {what} page of 100, {label}", took / base, 8, detail)
        report(f"{api}, last beside first page, {label}", times["last"] / times["first"], 1.3)
        # A first page of a walk is one event in the audit log; a second is not.
        report(f"{api}, last beside second page, {label}", times["last"] / times["second"], 1.3)


def bare_csv(enterprise: int, snapshot: int) -> int:
    """How many rows a bare cursor and the csv module write, to nowhere."""
    from enterprise.services.bulk import bulk_read

    written = 0
    with open(os.devnull, "w", encoding="utf-8", newline="") as nowhere:
        writer = csv.writer(nowhere)
        for row in bulk_read(ROWS, [enterprise, snapshot, snapshot]):
            writer.writerow(row)
            written += 1
    return written


def measure_csv(server: Server, *, enterprise: int, snapshot: int, label: str) -> None:
    path = "/api/v1/enterprises/bench/persons.csv"
    bare, rows = timed(lambda: bare_csv(enterprise, snapshot))
    before = server.peak_mib()
    begun = time.perf_counter()
    first = lines = 0
    for block in server.stream(path):
        first = first or time.perf_counter() - begun
        lines += block.count(b"\n")
    took = time.perf_counter() - begun
    grown = server.peak_mib() - before
    assert lines == rows + 1, (lines, rows)
    print(
        f"CSV, {label}: {bare / took:.2f} × the rate of a bare cursor (at least 0.5 ×),"
        f" {took:.1f} s beside {bare:.1f} s; first byte after {first * 1000:.0f} ms (at most 300),"
        f" {grown:.0f} MiB more memory (at most 40)",
        flush=True,
    )


def measure_metrics(server: Server, *, label: str, requests: int) -> None:
    server.get("/metrics")
    seconds = [server.get("/metrics")[0] for _ in range(requests)]
    p95 = quantiles(seconds, n=20)[-1]
    print(
        f"/metrics, {label}: median {median(seconds) * 1000:.1f} ms, 95 % within"
        f" {p95 * 1000:.1f} ms, longest {max(seconds) * 1000:.1f} ms (at most 50)",
        flush=True,
    )


def main() -> None:
    args = arguments(persons=1_000_000, requests=200)
    console(args.database)
    enterprise, snapshot, token = fill(args.persons)
    server = Server({"Authorization": f"Bearer {token}"})
    label = f"{args.database}, {args.persons:,} persons"
    try:
        measure_metrics(server, label=label, requests=args.requests)
        measure_pages(server, persons=args.persons, label=label, requests=args.requests)
        measure_csv(server, enterprise=enterprise, snapshot=snapshot, label=label)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
