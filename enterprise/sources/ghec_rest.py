"""GHEC over REST: consumed licenses, GitHub's own sync status, what the token may do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

from enterprise.faults import Fault
from enterprise.records import CloudTotals, InstanceSyncStatus
from enterprise.sources.ghec_rows import totals_of
from enterprise.sources.ghec_walk import Page, Walk, WalkChangedError
from enterprise.sources.http import Answer, Client, page_sizes
from enterprise.sources.troubles import scopes_of
from enterprise.sources.values import text_of

SCOPES = "read:enterprise, admin:enterprise"


class CloudAccess(NamedTuple):
    """What the connection test of the enterprise finds out.

    ``scopes`` is None where GitHub does not tell (no classic token), ``token_expires`` the date as
    GitHub gives it, ``""`` if the token does not expire.
    """

    scopes: tuple[str, ...] | None
    token_expires: str
    totals: CloudTotals


def read_consumed_licenses(
    client: Client, *, slug: str, start: str = "", concurrency: int = 4
) -> Iterator[Page]:
    """Walk ``consumed-licenses`` and yield its pages in order, or go on after a page's ``cursor``.

    **A page whose number is 1 begins anew**: whatever was taken before it is void. That happens
    where the walk turned out inconsistent (section 6): it is then walked once more, and a second
    time ends in Fault ``inconsistent_walk``.
    """
    walk = Walk.after(start) if start else None
    again = walk.again if walk else False
    while True:
        if walk is None:
            walk = Walk.begin(_first_page(client, slug), again=again)
        try:
            yield from walk.pages(client, concurrency, SCOPES)
        except WalkChangedError:
            walk = None
        else:
            return
        if again:
            raise Fault("inconsistent_walk")
        again = True


def _first_page(client: Client, slug: str) -> Answer:
    """Fetch page 1; where GitHub keeps failing to make a full page, ask for smaller ones."""
    url = f"/enterprises/{quote(slug, safe='')}/consumed-licenses?per_page="
    sizes = page_sizes()
    return client.patiently(lambda: client.get_json_once(f"{url}{next(sizes)}", needs=SCOPES))


def read_sync_status(client: Client, slug: str) -> list[InstanceSyncStatus]:
    """Read GitHub's own last sync of every instance it knows, from ``license-sync-status``."""
    url = f"/enterprises/{quote(slug, safe='')}/license-sync-status"
    data = client.get_json(url, needs=SCOPES).data
    instances = data.get("server_instances") if isinstance(data, dict) else None
    if not isinstance(instances, list) or not all(isinstance(entry, dict) for entry in instances):
        raise Fault("unexpected_answer", key="server_instances")
    statuses = []
    for entry in instances:
        last = entry.get("last_sync")
        sync = last if isinstance(last, dict) else {}
        statuses.append(
            InstanceSyncStatus(
                server_id=text_of(entry.get("server_id")),
                host_name=text_of(entry.get("hostname")).lower(),
                date=text_of(sync.get("date")),
                status=text_of(sync.get("status")),
                error=text_of(sync.get("error")),
            )
        )
    return statuses


def check_access(client: Client, slug: str) -> CloudAccess:
    """Try what a cloud run needs, with one row; raises the Fault that the run would meet."""
    url = f"/enterprises/{quote(slug, safe='')}/consumed-licenses?per_page=1"
    answer = client.get_json(url, needs=SCOPES)
    return CloudAccess(
        scopes=scopes_of(answer.headers),
        token_expires=text_of(answer.headers.get("github-authentication-token-expiration")),
        totals=totals_of(answer.data),
    )
