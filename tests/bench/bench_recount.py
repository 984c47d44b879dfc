"""The recount beside the bare cursor: everything new, and half a per cent changed.

    python -m tests.bench.bench_recount [--database sqlite|postgres] [--accounts N]

60 % of the people are in the cloud; three instances share the accounts. The baselines are in the same
run, on the same database: reading the same stored rows once, and writing the same ledger rows into
the same tables and indexes, both by the bare cursor.
"""

from __future__ import annotations

from typing import Any

from tests.bench.stage import arguments, console, peak_mib, report, timed

CLOUD_SHARE = 0.6
ACCOUNT_COLUMNS = "user_id, email, email_key, consumes, never_signed_in, suspended, excluded"
READS = (
    "SELECT id, key, kind, counts, digest, matching FROM enterprise_cloudaccount",
    f"SELECT {ACCOUNT_COLUMNS} FROM enterprise_serveruseraccount",
    "SELECT number, digest, cloud_key FROM enterprise_personversion WHERE to_snapshot IS NULL",
    "SELECT account, number FROM enterprise_membershipversion WHERE to_snapshot IS NULL",
)


def fill(accounts: int) -> Any:
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
    from enterprise.services.bulk import bulk_insert
    from enterprise.services.cloud_rows import row_kind, row_matching, row_report

    enterprise = Enterprise.objects.create(slug="bench", name="Bench", data_version=1)
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
        (
            "instance",
            "user_id",
            "email",
            "email_key",
            "other_emails",
            "suspended",
            "dormant",
            "never_signed_in",
            "excluded",
            "consumes",
            "login",
            "last_active",
            "digest",
        ),
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


def read_once() -> int:
    from enterprise.services.bulk import bulk_read

    return sum(sum(1 for _ in bulk_read(query, [])) for query in READS)


def write_again() -> float:
    """Seconds to write the same ledger rows into empty copies of the same tables and indexes."""
    from django.db import connection, transaction

    from enterprise.models import CurrentPerson, MembershipVersion, PersonVersion
    from enterprise.services.bulk import bulk_insert, bulk_read

    seconds = 0.0
    for model in (PersonVersion, MembershipVersion, CurrentPerson):
        fields = [field for field in model._meta.concrete_fields if field.name != "id"]
        columns = ", ".join(str(field.column) for field in fields)
        query = f"SELECT {columns} FROM {model._meta.db_table} ORDER BY id"
        rows = list(bulk_read(query, []))
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {model._meta.db_table}")
            names = [field.name for field in fields]
            took, _ = timed(lambda: bulk_insert(model, names, rows))  # noqa: B023
            seconds += took
    return seconds


def change(enterprise: Any, accounts: int) -> None:
    """Give every two-hundredth account another e-mail, as an apply would."""
    from django.db.models import F

    from enterprise.models import Enterprise
    from enterprise.services.bulk import bulk_execute

    instances = list(enterprise.instances.order_by("pk").values_list("pk", flat=True))
    bulk_execute(
        "UPDATE enterprise_serveruseraccount SET email = %s, email_key = %s, digest = -digest"
        " WHERE instance_id = %s AND user_id = %s",
        (
            (f"moved{n}@example.com", f"moved{n}@example.com", instances[n % 3], n)
            for n in range(0, accounts, 200)
        ),
    )
    Enterprise.objects.filter(pk=enterprise.pk).update(data_version=F("data_version") + 1)


def main() -> None:
    args = arguments(accounts=1_000_000)
    console(args.database)
    enterprise = fill(args.accounts)
    label = f"{args.database}, {args.accounts:,} accounts"
    first, _ = timed(lambda: count_anew(enterprise))
    change(enterprise, args.accounts)
    again, _ = timed(lambda: count_anew(enterprise))
    memory = peak_mib()
    reading = min(timed(read_once)[0] for _ in range(3))
    writing = write_again()
    report(f"First recount, {label}", first / writing, 3, f"{first:.1f} s beside {writing:.1f} s")
    report(
        f"Recount, 0.5 % changed, {label}",
        again / reading,
        6,
        f"{again:.1f} s beside {reading:.1f} s",
    )
    print(f"Peak memory, {label}: {memory:.0f} MiB (at most 1536)")


if __name__ == "__main__":
    main()
