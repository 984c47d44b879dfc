"""Ledgers for tests, made as they are made in earnest: applied rows and a recount."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from enterprise.models import (
    CloudAccount,
    CloudState,
    Enterprise,
    RunKind,
    RunState,
    RunTrigger,
    Snapshot,
)
from enterprise.records import CloudRow
from enterprise.selectors.licenses import snapshot_latest
from enterprise.services.cloud_rows import row_key, row_kind, row_matching, row_report
from enterprise.services.runs import run_request
from enterprise.services.sync import run_execute


def member(login: str, **facts: object) -> CloudRow:
    """A cloud account as GitHub lists it."""
    return CloudRow(
        **{
            "login": login,
            "name": login.title(),
            "cloud_user": True,
            "profile": f"https://github.com/{login}",
            "member_roles": ("acme:Member",),
            "verified_emails": (f"{login}@example.com",),
            "total_accounts": 1,
            **facts,
        }
    )


def members(number: int, start: int = 0) -> list[CloudRow]:
    return [member(f"person{n:05}") for n in range(start, start + number)]


def apply_rows(
    enterprise: Enterprise, rows: Iterable[CloudRow], *, purchased: int | None = 500
) -> CloudState:
    """Make ``rows`` what GHEC's list holds now."""
    rows = list(rows)
    CloudAccount.objects.filter(enterprise=enterprise).delete()
    CloudAccount.objects.bulk_create(
        CloudAccount(
            enterprise=enterprise,
            key=row_key(row),
            kind=row_kind(row),
            counts=row.counts,
            matching=row_matching(row),
            report=row_report(row),
            digest=hash(row) % 2**60,
        )
        for row in rows
    )
    state, _ = CloudState.objects.get_or_create(enterprise=enterprise)
    state.applied_version += 1
    state.read_at = state.last_success_at = timezone.now()
    state.total, state.purchased, state.listed = len(rows), purchased, len(rows)
    state.save()
    enterprise.data_version += 1
    enterprise.save()
    return state


def recount(enterprise: Enterprise) -> Snapshot:
    """Count what is applied now."""
    run, _ = run_request(
        enterprise=enterprise, kind=RunKind.RECOUNT, trigger=RunTrigger.COMMAND, publish=False
    )
    assert run_execute(run_id=run.pk) == RunState.SUCCEEDED
    snapshot = snapshot_latest(enterprise)
    assert snapshot is not None
    return snapshot


def count(enterprise: Enterprise, rows: Iterable[CloudRow]) -> Snapshot:
    apply_rows(enterprise, rows)
    return recount(enterprise)
