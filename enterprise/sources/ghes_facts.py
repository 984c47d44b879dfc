"""What a GHES instance tells of itself beside its users (domain.md section 6, "Cross-checks")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

from enterprise.faults import Fault
from enterprise.records import InstanceFacts
from enterprise.sources.ghes_report import open_report
from enterprise.sources.http import Answer, Client
from enterprise.sources.troubles import scopes_of
from enterprise.sources.values import text_of, whole_number

META = "/api/v3/meta"
LICENSE = "/api/v3/enterprise/settings/license"
USER_STATS = "/api/v3/enterprise/stats/users"


class ServerAccess(NamedTuple):
    """What the connection test of an instance finds out.

    ``scopes`` is None where the instance does not tell; ``report_ready`` is False while the
    instance is still making the report, which the token may read either way.
    """

    version: str
    scopes: tuple[str, ...] | None
    report_ready: bool


def read_facts(client: Client) -> tuple[InstanceFacts, list[tuple[str, Fault]]]:
    """Read version, license and user totals; a part that fails stays blank and is reported.

    Gives the facts and, for each part that could not be read, its name (``meta``, ``license`` or
    ``user_stats``) and the Fault.
    """
    failed: list[tuple[str, Fault]] = []

    def part(name: str, read: Callable[[], Answer]) -> Mapping[str, Any]:
        try:
            return _object(read().data)
        except Fault as fault:
            failed.append((name, fault))
            return {}

    meta = part("meta", lambda: client.get_json(META))
    license_ = part("license", lambda: client.get_json(LICENSE, needs="site_admin"))
    stats = part("user_stats", lambda: client.get_json(USER_STATS, needs="site_admin"))
    seats = license_.get("seats")
    facts = InstanceFacts(
        version=text_of(meta.get("installed_version"))[:50],
        seats=whole_number(seats),
        seats_unlimited=text_of(seats).lower() == "unlimited",
        seats_used=whole_number(license_.get("seats_used")),
        license_kind=text_of(license_.get("kind"))[:50],
        expires_in_days=whole_number(license_.get("days_until_expiration"), negative=True),
        total_users=whole_number(stats.get("total_users")),
        suspended_users=whole_number(stats.get("suspended_users")),
    )
    return facts, failed


def check_access(client: Client) -> ServerAccess:
    """Try what a sync needs: the instance answers as a GHES, and the token may read the report.

    Asks for the report, as a sync does, but does not read it. Raises the Fault that a sync would
    meet.
    """
    meta = client.get_json(META)
    version = text_of(_object(meta.data).get("installed_version"))[:50]
    if not version:
        raise Fault("not_a_server_instance")
    with ExitStack() as stack:
        reply = client.patiently(lambda: open_report(client, stack))
        ready = reply.status == 200
    return ServerAccess(version, scopes_of(meta.headers), ready)


def _object(data: object) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise Fault("unexpected_answer", key="")
    return data
