"""The bodies of GitHub's licensing endpoints, as bytes (section 7; schema: GitHub's OpenAPI).

Stored rows are JSON already, in GitHub's names and types: they are joined, not parsed.
"""

from __future__ import annotations

import datetime as dt
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence

import orjson

from enterprise.models import CloudState, Enterprise, RunState, ServerInstance, Snapshot
from enterprise.selectors.endings import last_endings
from enterprise.selectors.github_list import ListMoved, github_list, github_rows
from enterprise.selectors.licenses import report_rows, snapshot_get, snapshot_latest
from enterprise.wording import sentence

SERVER_IDS = uuid.uuid5(uuid.NAMESPACE_DNS, "licsync.invalid")


def moment(at: dt.datetime) -> str:
    """RFC 3339 in UTC, as GitHub writes it: ``2026-03-10T12:00:00Z``."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


class Listing(ABC):
    """One list of consumed licenses that stays the same for a whole walk.

    ``version`` is what ``snapshot=`` in a link names; ``github_total`` is GitHub's own total.
    """

    version: int
    rows: int
    consumed: int
    purchased: int | None
    github_total: int | None
    as_of: dt.datetime

    @classmethod
    @abstractmethod
    def find(cls, enterprise: Enterprise, version: int | None) -> Listing | None:
        """The list with this version, or the newest; None if there is none (yet, or any more)."""

    @abstractmethod
    def reports(self, *, page: int, per_page: int) -> Sequence[str]:
        """The rows of one page, each a JSON object as text. Raises ListMoved."""

    def body(self, *, page: int, per_page: int) -> bytes:
        """The answer. A purchase that is not known is left out, since the schema wants a number."""
        totals = {"total_seats_consumed": self.consumed}
        if self.purchased is not None:
            totals["total_seats_purchased"] = self.purchased
        users = ",".join(self.reports(page=page, per_page=per_page)).encode()
        return b'%b,"users":[%b]}' % (orjson.dumps(totals)[:-1], users)


class ConsoleListing(Listing):
    """The persons that this console counted, as of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.version = snapshot.pk
        self.rows = self.consumed = snapshot.persons
        self.purchased = snapshot.github_purchased
        self.github_total = snapshot.github_total
        self.as_of = snapshot.taken_at

    @classmethod
    def find(cls, enterprise: Enterprise, version: int | None) -> ConsoleListing | None:
        snapshot = (
            snapshot_latest(enterprise) if version is None else snapshot_get(enterprise, version)
        )
        return None if snapshot is None else cls(snapshot)

    def reports(self, *, page: int, per_page: int) -> Sequence[str]:
        return [row[-1] for row in report_rows(self.snapshot, page=page, per_page=per_page)]


class GitHubListing(Listing):
    """GHEC's own answer as last read. It is replaced by each cloud run that changes something."""

    def __init__(self, state: CloudState, read_at: dt.datetime) -> None:
        self.state = state
        self.version = state.applied_version
        self.rows = state.listed or 0
        self.consumed = self.rows if state.total is None else state.total
        self.purchased = state.purchased
        self.github_total = state.total
        self.as_of = read_at

    @classmethod
    def find(cls, enterprise: Enterprise, version: int | None) -> GitHubListing | None:
        state = github_list(enterprise)
        if state is None or state.read_at is None:
            return None
        if version not in (None, state.applied_version):
            raise ListMoved
        return cls(state, state.read_at)

    def reports(self, *, page: int, per_page: int) -> Sequence[str]:
        return github_rows(self.state, page=page, per_page=per_page)


LISTINGS: dict[str, type[Listing]] = {"console": ConsoleListing, "github": GitHubListing}
"""By ``?basis=``."""


_STATUSES = {RunState.SUCCEEDED: "success", RunState.FAILED: "failure", RunState.HELD: "failure"}
"""GitHub's words for how a sync ended; a held result was not applied."""


def sync_status_body(enterprise: Enterprise) -> bytes:
    """``license-sync-status``: this console's last sync of each instance, whatever GitHub's was.

    An instance that was never synced has empty texts, as in the schema nothing may be null.
    """
    instances = []
    for instance, run in last_endings(enterprise):
        last_sync = {"date": "", "status": "", "error": ""}
        if run is not None and run.finished_at is not None:
            last_sync = {
                "date": moment(run.finished_at),
                "status": _STATUSES[RunState(run.state)],
                "error": sentence(run.error_code, run.error_params) if run.error_code else "",
            }
        instances.append(
            {
                "server_id": server_id(instance),
                "hostname": instance.host_name,
                "last_sync": last_sync,
            }
        )
    return orjson.dumps({"server_instances": instances})


def server_id(instance: ServerInstance) -> str:
    """GitHub's, once its sync status has told it; until then one of our own that stays the same."""
    return instance.server_id or str(uuid.uuid5(SERVER_IDS, str(instance.pk)))
