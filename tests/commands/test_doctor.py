"""The doctor: finds each trouble, says how to mend it, and one trouble hides no other."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from cryptography.fernet import Fernet
from django.core.cache import cache
from django.core.checks import Warning as CheckWarning
from django.core.management import call_command
from django.db import OperationalError, connection

from enterprise.models import AuditDoor, Credential, Enterprise, Membership, ServerInstance
from enterprise.services import doctor
from enterprise.services.ticking import TICK_CACHE_KEY
from enterprise.sources.http import Client
from enterprise.wording.doctor import FINDINGS
from licsync import health
from sandbox.server import Fleet
from tests.factories import AuditEventFactory, MembershipFactory, ago
from tests.sources.test_outbound import HOST, certificates, names  # noqa: F401
from tests.sync.conftest import fleet, register  # noqa: F401
from tests.sync.test_transport import add

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(fleet: Fleet, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Enterprise:  # noqa: F811
    """A console in order, beside a fleet whose tokens may do no more than they need."""
    settings.LICSYNC_BROKER_DIR.joinpath("messages").mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(health, "worker_age", lambda _app: 1.0)
    monkeypatch.setattr(doctor, "run_checks", lambda **_: [])
    cache.set(TICK_CACHE_KEY, time.time(), None)
    enterprise = register(fleet)
    MembershipFactory(enterprise=enterprise)
    return enterprise


@pytest.fixture(autouse=True)
def _no_tick_stays() -> Iterator[None]:
    yield
    cache.delete(TICK_CACHE_KEY)


def examine(*arguments: str) -> tuple[int, str]:
    """Exit code, and what was said."""
    said = io.StringIO()
    try:
        call_command("doctor", *arguments, stdout=said)
    except SystemExit as end:
        return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


def lines(text: str, mark: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(mark)]


def test_a_console_in_order_is_told_so(acme: Enterprise) -> None:
    code, said = examine()
    assert lines(said, "ERROR") == []
    assert code == 0
    for part in ("settings", "database", "broker", "worker", "beat", "audit", "ghes1.example.com"):
        assert f"  ok  {part}: " in said
    assert re.search(r"\n0 wrong, \d+ to look at, \d+ in order\.", said)


def test_an_instance_that_is_down_hides_no_other(acme: Enterprise, fleet: Fleet) -> None:  # noqa: F811
    fleet.instances["ghes1.example.com"].stop()
    code, said = examine()
    assert code == 1
    assert len(lines(said, "ERROR ghes1.example.com: ")) == 1
    assert "  ok  ghes2.example.com: " in said


@pytest.mark.usefixtures("acme")
def test_a_token_that_may_do_too_much_is_a_warning() -> None:
    code, said = examine()
    assert code == 0
    (over,) = lines(said, " WARN ghes1.example.com: ")
    assert "more than this console needs: admin:enterprise" in over


def test_what_needs_no_network_can_be_asked_alone(acme: Enterprise, fleet: Fleet) -> None:  # noqa: F811
    fleet.instances["ghes1.example.com"].stop()
    code, said = examine("--local")
    assert code == 0
    assert "ghes1" not in said


def without_a_tick(_acme: Enterprise, _settings: Any) -> None:
    cache.delete(TICK_CACHE_KEY)


def with_another_key(_acme: Enterprise, settings: Any) -> None:
    settings.LICSYNC_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]


def with_another_key_of_a_second_factor(acme: Enterprise, settings: Any) -> None:
    TOTP.activate(acme.memberships.get().user, generate_totp_secret())
    Credential.objects.all().delete()
    with_another_key(acme, settings)


def without_a_worker(_acme: Enterprise, _settings: Any) -> None:
    health.worker_age = lambda _app: None  # type: ignore[assignment]  # undone by acme's monkeypatch


def with_the_door_open(_acme: Enterprise, _settings: Any) -> None:
    AuditDoor.objects.create(reason="left open")


def without_a_trigger(_acme: Enterprise, _settings: Any) -> None:
    on = " ON enterprise_auditevent" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        if on:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"DROP TRIGGER audit_event_kept{on}")


def without_an_owner(_acme: Enterprise, _settings: Any) -> None:
    Membership.objects.update(role="auditor")


def without_the_broker(_acme: Enterprise, settings: Any) -> None:
    settings.LICSYNC_BROKER_DIR = Path("/nowhere")


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        (without_a_tick, "ERROR beat: No tick came of late"),
        (with_another_key, "ERROR ghes1.example.com: "),
        (with_another_key_of_a_second_factor, "ERROR secrets: Of the secrets of webhooks and"),
        (without_a_worker, "ERROR worker: No worker was seen"),
        (with_the_door_open, "ERROR audit: Somebody left the door"),
        (without_a_trigger, "ERROR audit: Triggers that guard the audit log are missing"),
        (without_an_owner, "No owner can sign in"),
        (without_the_broker, "ERROR broker: The broker does not answer"),
    ],
)
def test_each_trouble_is_found(acme: Enterprise, settings: Any, deed: Any, said: str) -> None:
    assert examine("--local")[0] == 0
    deed(acme, settings)
    code, told = examine("--local")
    assert code == 1
    assert said in told


def test_events_that_nobody_seals_are_a_warning(acme: Enterprise) -> None:
    AuditEventFactory(enterprise=acme, at=ago(hours=2))
    code, said = examine("--local")
    assert code == 0
    assert " WARN audit: Audit events have waited" in said


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("shift", [-600, 600])
def test_a_clock_that_is_wrong_is_found_by_what_others_say(
    monkeypatch: pytest.MonkeyPatch, shift: int
) -> None:
    there = formatdate(time.time() + shift, usegmt=True)
    monkeypatch.setattr(Client, "peer", lambda _self: (None, there))
    code, said = examine()
    assert code == 1
    assert re.search(r"ERROR ghes1.example.com: The clocks differ by (599|600|601) seconds", said)


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    "date", ["Thu, 26 Nov 99999999999999999999 07:16:16 GMT", "nonsense", "Thu, 26 Nov 2026 99:00"]
)
def test_a_date_that_is_none_is_not_looked_at(monkeypatch: pytest.MonkeyPatch, date: str) -> None:
    monkeypatch.setattr(Client, "peer", lambda _self: (None, date))
    code, said = examine()
    assert code == 0
    assert "in order." in said


@pytest.mark.usefixtures("acme")
def test_a_check_that_breaks_is_told_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError

    monkeypatch.setitem(doctor.CHECKS, "audit", broken)
    code, said = examine("--local")
    assert code == 1
    assert "ERROR audit: This could not be looked at (RuntimeError)" in said
    assert "  ok  secrets: " in said


@pytest.mark.usefixtures("acme")
def test_a_check_that_is_silenced_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    silenced = CheckWarning("HSTS", id="security.W005")
    monkeypatch.setattr(doctor, "run_checks", lambda **_: [silenced])
    assert "  ok  settings: The settings are in order." in examine("--local")[1]


@pytest.mark.usefixtures("acme")
def test_without_a_database_what_is_wrong_is_told_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_args: Any, **_options: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", gone)
        code, said = examine()
    assert code == 1
    assert "ERROR database: The database does not answer" in said
    assert re.search(r"\n\d+ wrong, \d+ to look at, \d+ in order\.", said)


@pytest.mark.parametrize(("days", "mark"), [(29, " WARN "), (90, "  ok  ")])
def test_a_certificate_that_ends_soon_is_found(
    acme: Enterprise,
    fleet: Fleet,  # noqa: F811
    names: dict[str, list[str]],  # noqa: F811
    tmp_path: Path,
    days: int,
    mark: str,
) -> None:
    site = (
        fleet.instances[HOST] if HOST in fleet.instances else next(iter(fleet.instances.values()))
    )
    made = certificates(tmp_path, days=days)
    server = site._server
    assert server is not None
    server.socket = made.context.wrap_socket(server.socket, server_side=True)
    names[HOST] = ["127.0.0.1"]
    ServerInstance.objects.all().delete()
    add(acme, site, "https", ca_bundle=made.authority)
    said = examine()[1]
    assert re.search(rf"{mark}{HOST}: The TLS certificate (ends in|lasts) {days - 1} ", said), said


def test_a_database_that_is_not_migrated_is_told(
    acme: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Migration:
        app_label, name = "enterprise", "9999_later"

    monkeypatch.setattr(
        doctor.MigrationExecutor, "migration_plan", lambda *_: [(Migration(), False)]
    )
    code, said = examine("--local")
    assert code == 1
    assert "Migrations are missing (enterprise.9999_later)" in said


def test_every_finding_has_its_words() -> None:
    text = Path(doctor.__file__).read_text()
    codes = set(re.findall(r'"(doctor_[a-z_]+)"', text))
    codes |= {f"doctor_{name}_{how}" for name in health.CHECKS for how in ("fine", "failed")}
    codes |= {"doctor_certificate_ok", "doctor_certificate_warning"}
    assert codes - {"doctor_certificate_"} == set(FINDINGS)
