"""What is wrong with this console, and with what it is connected to; it only looks, but for
what ``connection_test`` notes.

Each check yields findings; a check that fails is a finding, and stops no other.
"""

from __future__ import annotations

import datetime as dt
import shutil
import ssl
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.core.checks import ERROR as CHECK_ERROR
from django.core.checks import run_checks
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from enterprise.faults import Fault
from enterprise.models import (
    AuditDoor,
    AuditEvent,
    Credential,
    Enterprise,
    Role,
    ServerInstance,
    Source,
)
from enterprise.services import clients
from enterprise.services.connection_test import (
    ERROR,
    OK,
    WARNING,
    ConnectionTest,
    cloud_connection_test,
    connection_test,
)
from enterprise.services.credentials import credential_is_readable
from enterprise.services.key_rotation import secrets_unreadable
from enterprise.sources.http import Client
from licsync import health

log = structlog.stdlib.get_logger(__name__)

SPACE_LEFT = 2**30  # bytes
CERTIFICATE_DAYS = 30
CLOCK_SECONDS = 60.0
UNSEALED_MINUTES = 30
TRIGGERS = {
    "sqlite": "SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit_%'",
    "postgresql": "SELECT COUNT(*) FROM pg_trigger WHERE tgname LIKE 'audit_%'"
    " AND tgenabled = 'O' AND tgrelid IN"
    " ('enterprise_auditevent'::regclass, 'enterprise_auditbatch'::regclass)",
}


class Finding(NamedTuple):
    """``part`` is what was looked at; ``code`` has its sentence in ``wording.doctor``, or a fault's."""

    level: str  # ok, warning, error
    part: str
    code: str
    params: dict[str, Any]


def examine(*, reach_out: bool = True) -> Iterator[Finding]:
    """Everything, one finding at a time; ``reach_out`` also asks GitHub and each instance."""
    codes = set()
    for part, check in CHECKS.items():
        for found in _guarded(part, check):
            codes.add(found.code)
            yield found
    if not reach_out or codes & {"doctor_unmigrated", "doctor_database_failed"}:
        return
    for enterprise in Enterprise.objects.order_by("slug"):
        yield from _guarded(enterprise.slug, lambda each=enterprise: _cloud(each))  # type: ignore[misc]
        connected = enterprise.instances.filter(connect_enabled=True)
        for instance in connected.exclude(source=Source.UPLOAD).order_by("host_name"):
            instance.enterprise = enterprise
            yield from _guarded(instance.host_name, lambda each=instance: _instance(each))  # type: ignore[misc]


def _guarded(part: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except DatabaseError as error:
        yield Finding(ERROR, part, "doctor_database_failed", {"error": type(error).__name__})
    except Exception as error:
        log.exception("doctor_check_failed", part=part)
        yield Finding(ERROR, part, "doctor_check_failed", {"error": type(error).__name__})


def _settings() -> Iterator[Finding]:
    checked = run_checks(include_deployment_checks=not settings.LICSYNC_EMBEDDED)
    found = [message for message in checked if not message.is_silenced()]
    for message in found:
        level = ERROR if message.level >= CHECK_ERROR else WARNING
        said = {"id": message.id, "message": message.msg, "hint": message.hint or ""}
        yield Finding(level, "settings", "doctor_setting", said)
    if not found:
        yield Finding(OK, "settings", "doctor_settings_fine", {})
    if settings.LICSYNC_EMBEDDED:
        free = shutil.disk_usage(settings.LICSYNC_VAR_DIR).free
        if free < SPACE_LEFT:
            room: dict[str, Any] = {
                "folder": str(settings.LICSYNC_VAR_DIR),
                "megabytes": free // 2**20,
            }
            yield Finding(ERROR, "settings", "doctor_disk_full", room)


def _database() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        names = ", ".join(f"{each.app_label}.{each.name}" for each, _ in plan[:3])
        yield Finding(ERROR, "database", "doctor_unmigrated", {"names": names})
        return
    yield Finding(OK, "database", "doctor_database_fine", {"vendor": connection.display_name})
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            yield from _clock("database", cursor.fetchone()[0])


def _broker() -> Iterator[Finding]:
    """Broker, worker and beat, as /readyz looks at them."""
    for name, check in health.CHECKS.items():
        if name == "database":
            continue
        try:
            check()
        except Exception as error:
            said = {"error": type(error).__name__}
            yield Finding(ERROR, name, f"doctor_{name}_failed", said)
        else:
            yield Finding(OK, name, f"doctor_{name}_fine", {})


def _secrets() -> Iterator[Finding]:
    unreadable = 0
    for stored in Credential.objects.select_related("enterprise", "instance"):
        if not credential_is_readable(stored):
            unreadable += 1
            whose = stored.instance.host_name if stored.instance else stored.enterprise.slug
            yield Finding(ERROR, whose, "credential_unreadable", {})
    others = secrets_unreadable(but=Credential)
    if others:
        yield Finding(ERROR, "secrets", "doctor_secrets_unreadable", {"count": others})
    if not unreadable + others:
        yield Finding(OK, "secrets", "doctor_secrets_fine", {})


def _audit() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS[connection.vendor])
        count = cursor.fetchone()[0]
    wanted = 6 if connection.vendor == "sqlite" else 8
    if count < wanted:
        yield Finding(ERROR, "audit", "doctor_audit_unguarded", {})
    if AuditDoor.objects.exists():
        yield Finding(ERROR, "audit", "doctor_audit_door_open", {})
    late = timezone.now() - dt.timedelta(minutes=UNSEALED_MINUTES)
    if AuditEvent.objects.filter(batch=None, at__lt=late).exists():
        yield Finding(WARNING, "audit", "doctor_audit_unsealed", {"minutes": UNSEALED_MINUTES})
    elif count >= wanted:
        yield Finding(OK, "audit", "doctor_audit_fine", {})


def _people() -> Iterator[Finding]:
    for enterprise in Enterprise.objects.order_by("slug"):
        owners = enterprise.memberships.filter(role=Role.OWNER, user__is_active=True)
        if not owners.exists():
            yield Finding(ERROR, enterprise.slug, "doctor_no_owner", {})


CHECKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "settings": _settings,
    "database": _database,
    "broker": _broker,
    "secrets": _secrets,
    "audit": _audit,
    "people": _people,
}


def _cloud(enterprise: Enterprise) -> Iterator[Finding]:
    if not enterprise.credentials.filter(instance=None).exists():
        yield Finding(WARNING, enterprise.slug, "doctor_no_cloud_token", {})
        return
    yield from _tested(enterprise.slug, cloud_connection_test(enterprise=enterprise))
    yield from _peer(enterprise.slug, lambda: clients.cloud_client(enterprise, quick=True))


def _instance(instance: ServerInstance) -> Iterator[Finding]:
    if instance.source == Source.CLOUD_COPY:
        return  # never asked itself
    yield from _tested(instance.host_name, connection_test(instance=instance))
    yield from _peer(instance.host_name, lambda: clients.instance_client(instance, quick=True))


def _tested(part: str, test: ConnectionTest) -> Iterator[Finding]:
    for found in test.findings:
        yield Finding(found.level, part, found.code, dict(found.params))


def _peer(part: str, client_of: Callable[[], Client]) -> Iterator[Finding]:
    """How long the certificate lasts, and whether the clocks agree; what cannot connect was told."""
    try:
        ends, date = client_of().peer()
    except Fault:
        return
    if ends is not None:
        until = dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), dt.UTC)
        days = (until - timezone.now()).days
        level = WARNING if days < CERTIFICATE_DAYS else OK
        yield Finding(level, part, f"doctor_certificate_{level}", {"days": days})
    if date is not None:
        try:
            there = parsedate_to_datetime(date)
        except (ValueError, OverflowError):  # whatever the other side likes to say
            return
        if there.tzinfo is not None:
            yield from _clock(part, there)


def _clock(part: str, there: dt.datetime) -> Iterator[Finding]:
    seconds = abs((timezone.now() - there).total_seconds())
    if seconds > CLOCK_SECONDS:
        yield Finding(ERROR, part, "doctor_clock_wrong", {"seconds": round(seconds)})
