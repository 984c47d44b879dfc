"""A year of weekly snapshots beside one: how much the ledger grows.

    python -m tests.bench.bench_storage [--database sqlite|postgres] [--accounts N] [--weeks N]

Each week half a per cent of the accounts have another e-mail. Measured are the tables of the ledger
with their indexes, the anchors of every snapshot included, after the same clean-up as in production.
"""

from __future__ import annotations

from tests.bench.bench_recount import change, count_anew, fill
from tests.bench.stage import arguments, console, report, settle


def ledger_mib() -> dict[str, float]:
    """The size of each table of the ledger with all that belongs to it, in MiB."""
    from django.db import connection

    from enterprise.models import CurrentPerson, MembershipVersion, PersonVersion, Snapshot

    sizes = {}
    with connection.cursor() as cursor:
        for model in (PersonVersion, MembershipVersion, CurrentPerson, Snapshot):
            table = model._meta.db_table
            if connection.vendor == "postgresql":
                cursor.execute("SELECT pg_total_relation_size(%s)", [table])
            else:
                cursor.execute(
                    "SELECT SUM(pgsize) FROM dbstat WHERE name IN"
                    " (SELECT name FROM sqlite_master WHERE tbl_name = %s OR tbl_name GLOB %s)",
                    [table, f"{table}_words*"],
                )
            sizes[table.removeprefix("enterprise_")] = cursor.fetchone()[0] / 2**20
    return sizes


def main() -> None:
    args = arguments(accounts=100_000, weeks=52)
    console(args.database)
    enterprise = fill(args.accounts)
    count_anew(enterprise)
    settle()
    once = ledger_mib()
    for week in range(1, args.weeks):
        change(enterprise, args.accounts, week)
        count_anew(enterprise)
    settle()
    year = ledger_mib()
    label = f"{args.database}, {args.accounts:,} accounts"
    for table, size in year.items():
        print(f"{table}: {once[table]:.1f} MiB, after {args.weeks} snapshots {size:.1f} MiB")
    report(
        f"Storage of {args.weeks} weekly snapshots, {label}",
        sum(year.values()) / sum(once.values()),
        1.5,
        f"{sum(year.values()):.0f} MiB beside {sum(once.values()):.0f} MiB",
    )


if __name__ == "__main__":
    main()
