"""The whole look into a count (duplicates and seats to reclaim) beside the recount that it follows.

    python -m tests.bench.bench_insights [--database sqlite|postgres] [--accounts N]

The enterprise of ``bench_recount``; one account in twenty is dormant and has a plus tag. The recount
is the one of half a per cent changed, the usual one; both read everything from the database.
"""

from __future__ import annotations

from typing import Any

from tests.bench.bench_recount import change, count_anew, fill
from tests.bench.stage import arguments, console, peak_mib, report, settle, timed


def disturb(enterprise: Any, accounts: int) -> None:
    from enterprise.services.bulk import bulk_execute

    instances = list(enterprise.instances.order_by("pk").values_list("pk", flat=True))
    bulk_execute(
        "UPDATE enterprise_serveruseraccount SET email_key = %s, dormant = %s"
        " WHERE instance_id = %s AND user_id = %s",
        ((f"person{n}+git@example.com", True, instances[n % 3], n) for n in range(0, accounts, 20)),
    )


def look(enterprise: Any) -> None:
    from enterprise.models import Enterprise
    from enterprise.services.insights import insights_refresh

    Enterprise.objects.filter(pk=enterprise.pk).update(insights_version=0)
    assert insights_refresh(enterprise=Enterprise.objects.get(pk=enterprise.pk))


def main() -> None:
    args = arguments(accounts=1_000_000)
    console(args.database)
    from enterprise.services import sync

    enterprise = fill(args.accounts, "bench")
    disturb(enterprise, args.accounts)
    # Both follow a recount at once; here each is timed by itself.
    for name in ("differences_refresh_due", "insights_refresh_due"):
        setattr(sync, name, lambda **_: 0)
    count_anew(enterprise)
    settle()
    first, _ = timed(lambda: look(enterprise))
    change(enterprise, args.accounts, 1)
    settle()
    again, _ = timed(lambda: count_anew(enterprise))
    looking, _ = timed(lambda: look(enterprise))
    label = f"{args.database}, {args.accounts:,} accounts"
    report(f"First look, {label}", first / again, 3, f"{first:.1f} s beside {again:.1f} s")
    report(f"Later look, {label}", looking / again, 3, f"{looking:.1f} s beside {again:.1f} s")
    print(f"Peak memory, {label}: {peak_mib():.0f} MiB")


if __name__ == "__main__":
    main()
