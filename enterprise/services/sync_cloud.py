"""The cloud run: consumed licenses, GitHub's sync status, identities and domains; applied at once."""

from __future__ import annotations

from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enterprise.faults import Fault
from enterprise.models import CloudState, RunPhase
from enterprise.records import CloudRow
from enterprise.services import clients
from enterprise.services.bulk import bulk_read
from enterprise.services.claims import Claim, run_hold, run_succeed
from enterprise.services.cloud_apply import DOMAIN, IDENTITY, apply_cloud
from enterprise.services.cloud_rows import row_key, row_kind, row_matching, row_report
from enterprise.services.expiries import expiries_note
from enterprise.services.guard import Loss, guard_allows, guard_share
from enterprise.services.preview import cloud_effect
from enterprise.services.staging import (
    ADD,
    CHANGE,
    PAGES_A_CHUNK,
    REMOVE,
    SEEN,
    Staging,
    digest_of,
    last_cursor,
    staged,
)
from enterprise.sources import ghec_graphql, ghec_rest
from enterprise.sources.http import Client


def sync_cloud(claim: Claim) -> None:
    """Do a cloud run. Raises Fault for what ends or postpones it."""
    run = claim.run
    enterprise = run.enterprise
    client = clients.cloud_client(enterprise, cancelled=claim.beat)
    state, _ = CloudState.objects.get_or_create(enterprise=enterprise)
    resumable = run.base_version == state.applied_version and bool(last_cursor(run))
    claim.update(base_version=state.applied_version, as_of=run.as_of or timezone.now())

    claim.phase(RunPhase.LICENSES)
    rows = RowStage(claim)
    rows.read(client, resume=resumable)
    expiries_note(client, enterprise=enterprise, instance=None)
    counts = rows.finish()

    claim.phase(RunPhase.SYNC_STATUS)
    facts: dict[str, Any] = {
        "total": rows.total,
        "purchased": rows.purchased,
        "listed": counts["read"],
        "sync_status": [
            status._asdict() for status in ghec_rest.read_sync_status(client, enterprise.slug)
        ],
        "gaps": [],
    }
    claim.phase(RunPhase.IDENTITIES)
    _stage_identities(claim, client, rows.staging, facts)
    claim.update(facts=facts)

    claim.phase(RunPhase.CHECKING)
    if rows.total is not None and rows.total != counts["read"]:
        claim.warn("stated_not_listed", stated=rows.total, listed=counts["read"])
    if rows.repeated:
        claim.warn("logins_listed_twice", rows=rows.repeated)
    loss = Loss(removed=counts["removed"], stopped=rows.stopped)
    share = guard_share(enterprise, None)
    if rows.applied and not guard_allows(
        enterprise=enterprise, share=share, applied=rows.applied, loss=loss
    ):
        counts |= cloud_effect(claim)
        run_hold(claim, reason="held_loss", counts=counts, applied=rows.applied, **loss._asdict())
        return
    claim.phase(RunPhase.APPLYING)
    with transaction.atomic():
        claim.update(busy_for=counts["read"] / 2000)
        apply_cloud(run, counts)
        run_succeed(claim, counts=counts)


class RowStage:
    """Streams rows against (key, digest) of what is applied and stages the difference.

    Every row leaves something in a chunk, unchanged ones their key, so that a resumed walk knows
    what it has already seen.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim

    def _begin(self, *, resume: bool) -> None:
        """Start from what is applied, or from what an earlier attempt staged up to its cursor."""
        claim = self.claim
        self.known: dict[str, tuple[int, bool]] = {}
        for key, digest, counts in bulk_read(
            "SELECT key, digest, counts FROM enterprise_cloudaccount WHERE enterprise_id = %s",
            [claim.run.enterprise_id],
        ):
            self.known[key] = (digest, bool(counts))
        self.applied = len(self.known)
        self.taken: set[str] = set()
        self.repeated = self.read_rows = self.added = self.changed = self.consuming = (
            self.stopped
        ) = 0
        self.total: int | None = None
        self.purchased: int | None = None
        self.staging = Staging(claim, resume=resume)
        self.cursor = ""
        if resume:
            self.cursor, self.total, self.purchased, self.repeated = orjson.loads(
                last_cursor(claim.run)
            )
            for record in staged(claim.run):
                self._count(record)
            claim.log("walk_resumed", rows=self.read_rows)

    def _count(self, record: list[Any]) -> None:
        """Take note of a staged record, whether staged now or by an earlier attempt."""
        operation, key = record[0], record[1]
        consumes = record[3] if operation != SEEN else self.known[key][1]
        _, consumed = self.known.pop(key, (0, False))
        self.taken.add(key)
        self.read_rows += 1
        self.consuming += consumes
        self.added += operation == ADD
        self.changed += operation == CHANGE
        self.stopped += operation == CHANGE and consumed and not consumes

    def read(self, client: Client, *, resume: bool) -> None:
        """Walk the pages; one that is number 1 begins anew and voids what came before."""
        self._begin(resume=resume)
        walk = ghec_rest.read_consumed_licenses(
            client,
            slug=self.claim.run.enterprise.slug,
            start=self.cursor,
            concurrency=settings.LICSYNC_PAGES_AT_ONCE,
        )
        for pages, page in enumerate(walk, start=1):
            if page.number == 1 and self.read_rows:
                self.claim.log("walk_restarted")
                self._begin(resume=False)
            self.total, self.purchased = page.totals.consumed, page.totals.purchased
            for row in page.rows:
                self._stage(row)
            self.claim.beat(self.read_rows)
            if not pages % PAGES_A_CHUNK:
                cursor = [page.cursor, self.total, self.purchased, self.repeated]
                self.staging.flush(cursor=orjson.dumps(cursor).decode())

    def _stage(self, row: CloudRow) -> None:
        key = base = row_key(row)
        ordinal = 1
        while key in self.taken:
            ordinal += 1
            key = f"{base}\t{ordinal}"
        self.repeated += ordinal > 1 and row.cloud_user and bool(row.login)
        digest = digest_of(row)
        before = self.known.get(key)
        record: list[Any]
        if before is not None and before[0] == digest:
            record = [SEEN, key]
        else:
            record = [
                ADD if before is None else CHANGE,
                key,
                row_kind(row).value,
                row.counts,
                row_matching(row),
                row_report(row),
                digest,
            ]
        self._count(record)
        self.staging.add(record)

    def finish(self) -> dict[str, int]:
        """Stage what is gone. Raises Fault ``empty_source`` if no row came where some were applied."""
        if self.applied and not self.read_rows:
            raise Fault("empty_source", applied=self.applied)
        for key in self.known:
            self.staging.add([REMOVE, key])
        self.staging.flush()
        return {
            "read": self.read_rows,
            "added": self.added,
            "changed": self.changed,
            "removed": len(self.known),
            "consuming": self.consuming,
        }


def _stage_identities(
    claim: Claim, client: Client, staging: Staging, facts: dict[str, Any]
) -> None:
    """Identities and domains are optional: what cannot be read is kept as it was, and told.

    Trouble that trying again can mend still postpones the run.
    """
    for part, read in (("identities", _identities), ("domains", _domains)):
        try:
            records = read(client, claim, facts)
        except Fault as fault:
            if fault.retry:
                raise
            facts["gaps"].append({"part": part, "code": fault.code, "params": fault.params})
            claim.warn(f"{part}_unread", why=fault.code, **fault.params)
            continue
        facts[part] = len(records)
        for record in records:
            staging.add(record)
    staging.flush()


def _identities(client: Client, claim: Claim, facts: dict[str, Any]) -> list[list[Any]]:
    slug = claim.run.enterprise.slug
    unread: list[str] = []
    records = [
        [IDENTITY, identity.login.casefold(), identity.attribute, identity.value]
        for identity in ghec_graphql.read_identities(client, slug=slug, on_unreadable=unread.append)
    ]
    if unread:
        code, params = "organizations_unread", {"organizations": ", ".join(sorted(unread))}
        facts["gaps"].append({"part": "organizations", "code": code, "params": params})
        claim.warn(code, **params)
    return records


def _domains(client: Client, claim: Claim, _facts: dict[str, Any]) -> list[list[Any]]:
    claim.beat()
    domains = ghec_graphql.read_domains(client, claim.run.enterprise.slug)
    return [[DOMAIN, *domain] for domain in domains]
