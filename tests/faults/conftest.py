"""One enterprise whose sources move on, and everything that it says meanwhile."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from enterprise.faults import Fault
from enterprise.models import (
    AuditEvent,
    CloudAccount,
    CloudIdentity,
    Enterprise,
    EnterpriseDomain,
    GitHubSyncStatus,
    MembershipVersion,
    PersonVersion,
    RunLogLine,
    ServerInstance,
    ServerUserAccount,
    Source,
    SyncRun,
)
from enterprise.services import sync
from sandbox.generate import generate_world
from sandbox.server import Fleet
from sandbox.world import Domain, Identity, World

HOST = "ghes1.example.com"


def small_world() -> World:
    """Three pages of consumed licenses, two of identities and of the cloud's copy."""
    world = generate_world(7, cloud=205, instances={HOST: 130, "ghes2.example.com": 10})
    for user in world.cloud:
        user.identity = user.identity or Identity(username=f"{user.login}@idp.example.com")
    return world


def move_on(world: World, times: int) -> None:
    """Change a little of everything that is read."""
    for instance in world.instances.values():
        next(iter(instance.users.values())).email = f"moved{times}@example.com"
        next(iter(instance.seen.values())).emails = (f"moved{times}@example.com",)
        instance.last_sync_status = f"status {times}"
    world.cloud[0].name = f"Somebody {times}"
    known = next(user.identity for user in world.cloud if user.identity)
    known.username = f"somebody{times}@example.com"
    world.domains[0] = Domain(f"moved{times}.example.com", f"moved{times}.example.com")


def content(enterprise: Enterprise) -> dict[str, list[Any]]:
    """Everything applied and counted, by what it says and not by when it was written."""

    def rows(model: Any, *names: str, **where: Any) -> list[Any]:
        return sorted(model.objects.filter(**where).values_list(*names), key=str)

    own = {"enterprise": enterprise}
    current = own | {"to_snapshot": None}
    return {
        "accounts": rows(
            ServerUserAccount,
            *("instance__host_name", "user_id", "email", "suspended", "digest"),
            instance__enterprise=enterprise,
        ),
        "rows": rows(CloudAccount, "key", "report", "digest", **own),
        "identities": rows(CloudIdentity, "login_key", "attribute", "value", **own),
        "domains": rows(EnterpriseDomain, "domain", "verified", **own),
        "sync_status": rows(GitHubSyncStatus, "host_name", "last_sync_at", "status", **own),
        "persons": rows(PersonVersion, "key", "report", **current),
        "memberships": rows(MembershipVersion, "account", "rule", "value", **current),
    }


def use_source(enterprise: Enterprise, column: str) -> ServerInstance | None:
    """The instance that a column's run reads, set to that source; None for the cloud's runs."""
    if column not in ("report", "copy", "facts", "scim"):
        return None
    instance = enterprise.instances.get(host_name=HOST)
    if column == "copy":
        instance.source = Source.CLOUD_COPY
        instance.save(update_fields=["source"])
    return instance


class _Listener(logging.Handler):
    """Keeps what is logged as it is before the formatter cleans it."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.said = said

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(f"{record.msg} {record.args}")
        if record.exc_info and record.exc_info[1]:
            self.said += traceback.format_exception(record.exc_info[1])


@contextmanager
def overheard() -> Iterator[list[str]]:
    """What is logged at any level, and the texts of the faults with all that they were made of."""
    said: list[str] = []
    listener = _Listener(said)
    root = logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    run_fail = sync.run_fail

    def listened(claim: Any, fault: Fault) -> None:
        said.extend(traceback.format_exception(fault))
        run_fail(claim, fault)

    try:
        with mock.patch.object(sync, "run_fail", listened):
            yield said
    finally:
        root.removeHandler(listener)
        root.setLevel(level)


def recorded(enterprise: Enterprise) -> list[str]:
    """What runs, their logs and the audit log keep."""
    rows: list[Any] = [
        *SyncRun.objects.filter(enterprise=enterprise).values(),
        *RunLogLine.objects.filter(run__enterprise=enterprise).values(),
        *AuditEvent.objects.filter(enterprise=enterprise).values(),
    ]
    return [str(row) for row in rows]


def secrets_of(fleet: Fleet) -> set[str]:
    """Every e-mail address and token of a fleet, and every login of a server account."""
    world = fleet.world
    found = {site.token for site in fleet.sites}
    for instance in world.instances.values():
        for user in instance.users.values():
            found |= {user.email, user.login, *user.other_emails}
        for seen in instance.seen.values():
            found |= {seen.login, *seen.emails}
    for member in world.cloud:
        found |= {*member.verified_emails, member.saml_name_id}
        if member.identity:
            found |= {member.identity.username, *member.identity.emails}
    found |= {row.email for row in [*world.invitations, *world.subscribers]}
    return {text.lower() for text in found if len(text) > 4}
