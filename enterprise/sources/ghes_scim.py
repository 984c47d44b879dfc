"""Users that an identity provider gave to a GHES instance by SCIM: a cross-check, never a source.

SCIM lists provisioned users only, by ids of its own (domain.md section 6, "Cross-checks").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from enterprise.faults import Fault
from enterprise.sources.http import Client
from enterprise.sources.values import flag_of, text_of, whole_number

USERS = "/api/v3/scim/v2/enterprises/{}/Users"
SINCE = (3, 14)
MOST = 20_000
PER_PAGE = 100
SECONDS = 120.0


class Provisioned(NamedTuple):
    """How many provisioned users are active, and their primary e-mail addresses as given."""

    active: int
    emails: frozenset[str]


def has_scim(version: str) -> bool:
    """Whether an instance of this version (``3.19.2``) answers SCIM for its enterprise."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})\b", version, re.ASCII)
    return found is not None and (int(found[1]), int(found[2])) >= SINCE


def read_provisioned(client: Client, slug: str) -> Provisioned:
    """Read every provisioned user, a page after the other.

    ``slug`` is that of the instance's own enterprise account. Raises Fault ``scim_too_many``
    (limit) after the first page, ``timed_out`` after two minutes, ``unexpected_answer`` where the
    pages do not add up to what they state.
    """
    path = USERS.format(quote(slug, safe=""))
    until = client.clock() + SECONDS
    seen: set[str] = set()
    emails: set[str] = set()
    active = start = 0
    while True:
        data = client.get_json(f"{path}?startIndex={start + 1}&count={PER_PAGE}").data
        total, users = _page(data)
        if total > MOST:
            raise Fault("scim_too_many", limit=MOST)
        start += len(users)
        for user in users:
            if (scim_id := text_of(user.get("id"))) in seen:
                continue
            seen.add(scim_id)
            if flag_of(user.get("active")):
                active += 1
                emails.add(_primary(user))
        if start >= total or not users:
            break
        if client.clock() > until:
            raise Fault("timed_out", retry=True)
    if len(seen) != total:
        raise Fault("unexpected_answer", key="totalResults")
    return Provisioned(active, frozenset(emails - {""}))


def _page(data: Any) -> tuple[int, list[Mapping[str, Any]]]:
    total = whole_number(data.get("totalResults")) if isinstance(data, dict) else None
    if total is None:
        raise Fault("unexpected_answer", key="totalResults")
    users = data.get("Resources") or []
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise Fault("unexpected_answer", key="Resources")
    return total, users


def _primary(user: Mapping[str, Any]) -> str:
    """The primary address, or the only one; ``""`` if there is none."""
    listed = user.get("emails")
    entries = [entry for entry in listed if isinstance(entry, dict)] if listed else []
    for entry in entries:
        if flag_of(entry.get("primary")) or len(entries) == 1:
            return text_of(entry.get("value"))
    return ""
