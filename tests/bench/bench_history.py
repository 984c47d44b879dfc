"""Pages of 520 snapshots beside a fixed body of their size, and the split of a million seats.

    python -m tests.bench.bench_history [--database sqlite|postgres] [--persons N] [--requests N]

The view that returns a fixed body passes the whole middleware and asks for the same sign-in, as in
``bench_pages``. The split is beside reading the same rows of the ledger and taking them apart.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson

from tests.bench.bench_pages import Persons, Server, beside_fixed, fill
from tests.bench.stage import arguments, console, peak_mib, report, timed

SNAPSHOTS = 520  # ten years of weeks


def snapshots(persons: int) -> None:
    """The weeks before the newest snapshot; a person more each, GitHub's numbers beside."""
    from django.utils import timezone

    from enterprise.models import Enterprise, Snapshot

    enterprise = Enterprise.objects.get()
    newest = Snapshot.objects.get()
    now = timezone.now()
    for week in range(SNAPSHOTS):
        count = persons - SNAPSHOTS + 1 + week
        numbers = {
            "taken_at": now - dt.timedelta(weeks=SNAPSHOTS - 1 - week),
            "persons": count,
            "github_total": count + 10,
            "github_purchased": persons + 20,
            "github_listed": count + 10,
            "totals": {"server_only_persons": 7},
            "difference": {"ours": count, "listed": count + 10, "not_listed": 0, "other": -10},
        }
        if week < SNAPSHOTS - 1:
            Snapshot.objects.create(enterprise=enterprise, data_version=1, anchors=b"", **numbers)
        else:  # it has the lowest id, as ``fill`` made it first: move it to the end
            Snapshot.objects.filter(pk=newest.pk).delete()
            Snapshot.objects.create(
                enterprise=enterprise, data_version=1, anchors=newest.anchors, **numbers
            )
    Enterprise.objects.update(
        renewal_on=(now + dt.timedelta(weeks=40)).date(), seat_price="21.00", currency="USD"
    )


def split(label: str) -> None:
    from enterprise.models import Enterprise, Snapshot
    from enterprise.services.allocation import PERSONS, allocation_refresh
    from enterprise.services.bulk import bulk_read

    enterprise = Enterprise.objects.get()
    newest = Snapshot.objects.latest("pk")

    def baseline() -> int:
        rows: Any = bulk_read(PERSONS, [enterprise.pk])
        return sum(bool(orjson.loads(text)) for text, _key in rows)

    base, persons = timed(baseline)
    taken, done = timed(lambda: allocation_refresh(enterprise=enterprise, snapshot_id=newest.pk))
    if not done:
        raise SystemExit("the split was not kept")
    detail = f"{taken:.1f} s for {persons:,} persons, {peak_mib():.0f} MiB"
    report(f"Split of seats, {label}", taken / base, 3, detail)


def measure(server: Server, *, label: str, requests: int) -> None:
    start = "/enterprises/bench"
    pages = {
        "History, first page": f"{start}/licensing/history",
        "History, oldest page": f"{start}/licensing/history?before=53",
        "Forecast, a year": f"{start}/insights/forecast",
        "Forecast, all time": f"{start}/insights/forecast?span=all",
        "Allocation": f"{start}/insights/allocation",
    }
    for what, path in pages.items():
        page, base, size = beside_fixed(server, path, requests)
        detail = f"{page * 1000:.1f} ms beside {base * 1000:.2f} ms, {size / 1000:.0f} kB"
        report(f"{what}, {label}", page / base, 10, detail)


def main() -> None:
    args = arguments(persons=1_000_000, requests=100)
    console(args.database)
    people, session = fill(args.persons)
    assert isinstance(people, Persons)
    snapshots(args.persons)
    label = f"{args.database}, {args.persons:,} persons, {SNAPSHOTS} snapshots"
    split(label)
    server = Server({"Cookie": f"licsync_session={session}"})
    try:
        measure(server, label=label, requests=args.requests)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
