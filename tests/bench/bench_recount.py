"""The recount beside the bare cursor: everything new, half a per cent changed, and how both grow.

    python -m tests.bench.bench_recount [--database sqlite|postgres] [--accounts N]

60 % of the people are in the cloud; three instances share the accounts. The baselines are in the same
run, on the same database: reading the stored rows once by the recount's own queries, and writing the
same ledger rows into the same tables and indexes in one transaction, both by the bare cursor.
The half per cent is changed and counted several times; the median ratio is shown. Growth is the time
per account beside that of a tenth of the accounts, counted before in the same tables.
"""

from __future__ import annotations

from statistics import median_low
from typing import Any, NamedTuple

from tests.bench.stage import arguments, console, peak_mib, report, settle, timed

CLOUD_SHARE = 0.6
ROUNDS = 5


def fill(accounts: int, slug: str) -> Any:
    """An enterprise whose accounts are applied and never counted."""
    from django.utils import timezone

    from enterprise.models import (
        CloudAccount,
        CloudState,
        Enterprise,
        ServerInstance,
        ServerUserAccount,
    )
    from enterprise.records import CloudRow
    from enterprise.services.account_stage import STAGED_FIELDS
    from enterprise.services.bulk import bulk_insert
    from enterprise.services.cloud_rows import row_kind, row_matching, row_report

    enterprise = Enterprise.objects.create(slug=slug, name=slug, data_version=1)
    cloud = int(accounts * CLOUD_SHARE)
    CloudState.objects.create(enterprise=enterprise, total=cloud, purchased=cloud, listed=cloud)
    instances = [
        ServerInstance.objects.create(
            enterprise=enterprise,
            host_name=f"ghes{number}.example.com",
            url=f"https://ghes{number}.example.com",
            applied_as_of=timezone.now(),
        )
        for number in range(3)
    ]

    def cloud_rows() -> Any:
        for n in range(cloud):
            row = CloudRow(
                login=f"Person-{n}",
                name=f"Person {n}",
                cloud_user=True,
                profile=f"https://github.com/Person-{n}",
                member_roles=("org1:Member",),
                verified_emails=(f"person{n}@example.com",) if n % 3 else (),
                saml_name_id="" if n % 3 else f"person{n}@example.com",
                two_factor=True,
                total_accounts=1,
            )
            yield (
                enterprise.pk,
                f"person-{n}",
                row_kind(row).value,
                True,
                row_matching(row),
                row_report(row),
                n,
            )

    def account_rows() -> Any:
        for n in range(accounts):
            email = f"person{n}@example.com"
            state = (False, False, False, "", True, "", "")
            yield (instances[n % 3].pk, n, email, email, "", *state, n)

    bulk_insert(
        CloudAccount,
        ("enterprise", "key", "kind", "counts", "matching", "report", "digest"),
        cloud_rows(),
    )
    bulk_insert(
        ServerUserAccount,
        ("instance", *STAGED_FIELDS),
        account_rows(),
    )
    return enterprise


def count_anew(enterprise: Any) -> None:
    from enterprise.models import RunState
    from enterprise.services.recounts import recount_request
    from enterprise.services.sync import run_execute

    run, _ = recount_request(enterprise=enterprise)
    state = run_execute(run_id=run.pk)
    run.refresh_from_db()
    if state != RunState.SUCCEEDED:
        raise SystemExit(f"the recount ended {state}: {run.error_code} {run.error_params}")


def read_once(enterprise: Any) -> int:
    """Read what the recount reads; how many rows those are."""
    from django.db import connection

    from enterprise.services.count_inputs import ACCOUNTS, CLOUD_ROWS, IDENTITIES
    from enterprise.services.numbers import CURRENT_ACCOUNTS, CURRENT_PERSONS

    rows = 0
    queries = [(ACCOUNTS, pk) for pk in enterprise.instances.values_list("pk", flat=True)]
    queries += [
        (query, enterprise.pk)
        for query in (IDENTITIES, CLOUD_ROWS, CURRENT_PERSONS, CURRENT_ACCOUNTS)
    ]
    for query, owner in queries:
        with connection.chunked_cursor() as cursor:
            cursor.execute(query, [owner])
            while batch := cursor.fetchmany(2000):
                rows += len(batch)
    return rows


def write_again(snapshot: int) -> float:
    """Seconds to write the rows of the first snapshot once more, the tables being emptied before."""
    from django.db import connection, transaction

    from enterprise.models import CurrentPerson, MembershipVersion, PersonVersion
    from enterprise.services.search_index import words_index_add

    tables = []
    for model in (PersonVersion, MembershipVersion, CurrentPerson):
        table = model._meta.db_table
        columns = ", ".join(
            str(field.column)
            for field in model._meta.concrete_fields
            if field.name not in {"id", "to_snapshot"}
        )
        where = "" if model is CurrentPerson else f"WHERE from_snapshot = {snapshot}"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM {table} {where} ORDER BY id")
            tables.append((table, columns, cursor.fetchall()))
    _empty([table for table, _, _ in tables])

    def write() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for table, columns, rows in tables:
                if connection.vendor == "postgresql":
                    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                        for row in rows:
                            copy.write_row(row)
                else:
                    marks = ", ".join(["%s"] * len(rows[0]))
                    cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
            words_index_add(after=0)

    return timed(write)[0]


def _empty(tables: list[str]) -> None:
    """Empty tables and their indexes, and give the space back, as if they had never been filled."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(tables)}")
        else:
            for table in tables:
                cursor.execute(f"DELETE FROM {table}")
            words = "enterprise_currentperson_words"
            if words in connection.introspection.table_names(cursor):
                cursor.execute(f"INSERT INTO {words}({words}) VALUES ('rebuild')")
            cursor.execute("VACUUM")
    settle()


def change(enterprise: Any, accounts: int, times: int) -> None:
    """Give every two-hundredth account another e-mail, as an apply would; others each time."""
    from django.db.models import F

    from enterprise.models import Enterprise
    from enterprise.services.bulk import bulk_execute

    instances = list(enterprise.instances.order_by("pk").values_list("pk", flat=True))
    bulk_execute(
        "UPDATE enterprise_serveruseraccount SET email = %s, email_key = %s, digest = -digest"
        " WHERE instance_id = %s AND user_id = %s",
        (
            (*[f"moved{times}-{n}@example.com"] * 2, instances[n % 3], n)
            for n in range(times % 200, accounts, 200)
        ),
    )
    Enterprise.objects.filter(pk=enterprise.pk).update(data_version=F("data_version") + 1)


class Measured(NamedTuple):
    """Seconds of the first recount; of each recount after a change, with those of reading once."""

    enterprise: Any
    first: float
    again: list[tuple[float, float]]

    def per_account(self, accounts: int) -> tuple[float, float]:
        """Seconds per account of the first recount, and of a later one."""
        return self.first / accounts, median_low(again for again, _ in self.again) / accounts


def measure(accounts: int, slug: str) -> Measured:
    enterprise = fill(accounts, slug)
    settle()
    first, _ = timed(lambda: count_anew(enterprise))
    rounds = []
    for number in range(ROUNDS):
        change(enterprise, accounts, number)
        settle()
        before, _ = timed(lambda: read_once(enterprise))
        again, _ = timed(lambda: count_anew(enterprise))
        after, _ = timed(lambda: read_once(enterprise))
        rounds.append((again, (before + after) / 2))
    return Measured(enterprise, first, rounds)


def main() -> None:
    args = arguments(accounts=1_000_000)
    console(args.database)
    tenth = measure(args.accounts // 10, "tenth").per_account(args.accounts // 10)
    whole = measure(args.accounts, "whole")
    memory = peak_mib()
    writing = write_again(whole.enterprise.snapshots.earliest("pk").pk)
    again, reading = sorted(whole.again, key=lambda each: each[0] / each[1])[ROUNDS // 2]
    label = f"{args.database}, {args.accounts:,} accounts"
    beside = f"{whole.first:.1f} s beside {writing:.1f} s"
    report(f"First recount, {label}", whole.first / writing, 3, beside)
    beside = f"{again:.1f} s beside {reading:.1f} s"
    report(f"Recount, 0.5 % changed, {label}", again / reading, 6, beside)
    for what, small, large in zip(
        ("First recount", "Recount"), tenth, whole.per_account(args.accounts), strict=True
    ):
        detail = f"{large * 1e6:.1f} µs an account beside {small * 1e6:.1f} µs"
        report(f"{what}, growth from a tenth, {label}", large / small, 1.3, detail)
    print(f"Peak memory, {label}: {memory:.0f} MiB (at most 1536)")


if __name__ == "__main__":
    main()
