"""Backup and restore: equal content or a refusal, never a part."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from cryptography.fernet import Fernet
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enterprise.management.commands import restore as restoring
from enterprise.models import AuditEvent, Enterprise, User
from enterprise.selectors.search import persons_search
from enterprise.services.audit import SYSTEM
from enterprise.services.audit_seal import audit_seal
from enterprise.services.backup_format import TableSum, table_sum, tables
from enterprise.services.members import member_set, user_find_or_add
from enterprise.wording.backup import TROUBLES
from sandbox.server import Fleet
from tests.factories import MembershipFactory
from tests.sync.conftest import fleet, register, sync_everything  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[2]
PASSPHRASE = "a passphrase of some length"


@pytest.fixture
def acme(fleet: Fleet) -> Enterprise:  # noqa: F811
    """A console that has synced and counted, with people and a sealed audit log."""
    enterprise = register(fleet)
    sync_everything(enterprise)
    MembershipFactory(enterprise=enterprise, user__username="mona")
    audit_seal()
    return enterprise


def sums() -> dict[str, TableSum]:
    return {model._meta.db_table: table_sum(model) for model in tables()}


def make(path: Path) -> str:
    said = io.StringIO()
    call_command("backup", path, stdout=said)
    return said.getvalue()


def restore(path: Path) -> str:
    said = io.StringIO()
    call_command("restore", path, stdout=said)
    return said.getvalue()


def empty() -> None:
    call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def emptied(acme: Enterprise, tmp_path: Path, through_the_door: Callable[[], None]) -> Path:
    """A backup, and an empty database."""
    path = tmp_path / "console.backup"
    make(path)
    through_the_door()
    empty()
    return path


def test_a_restored_console_has_equal_content(
    acme: Enterprise, tmp_path: Path, settings: Any, through_the_door: Callable[[], None]
) -> None:
    path = tmp_path / "console.backup"
    assert "not encrypted" in make(path)
    before = sums()
    assert path.stat().st_mode & 0o077 == 0
    through_the_door()
    empty()
    assert "rows restored, and equal to the backup" in restore(path)
    after = sums()
    event = after.pop("enterprise_auditevent")
    assert event.rows == before.pop("enterprise_auditevent").rows + 1
    assert after == before
    call_command("verify_audit", stdout=io.StringIO())


def test_it_goes_on_working(emptied: Path) -> None:
    restore(emptied)
    enterprise = Enterprise.objects.get()
    mona = User.objects.get(username="mona")
    paul, _ = user_find_or_add(username="paul")  # ids of new rows are new
    member_set(enterprise=enterprise, user=paul, role="auditor", actor=SYSTEM)
    found = persons_search(enterprise, masked=False, text="example")  # the index of words
    assert found.lines
    client = Client()
    client.force_login(mona)
    assert client.get(f"/enterprises/{enterprise.slug}/licensing").status_code == 200


def test_an_encrypted_one_needs_its_passphrase(
    acme: Enterprise, tmp_path: Path, settings: Any, through_the_door: Callable[[], None]
) -> None:
    settings.LICSYNC_BACKUP_PASSPHRASE = PASSPHRASE
    path = tmp_path / "console.backup"
    assert "encrypted" in make(path)
    with pytest.raises(OSError, match="gzip"):
        gzip.decompress(path.read_bytes())
    through_the_door()
    empty()
    for wrong, said in (("", "is encrypted"), ("another passphrase, as long", "cannot be decrypt")):
        settings.LICSYNC_BACKUP_PASSPHRASE = wrong
        with pytest.raises(CommandError, match=said):
            restore(path)
        assert not User.objects.exists()
    settings.LICSYNC_BACKUP_PASSPHRASE = PASSPHRASE
    restore(path)
    assert User.objects.filter(username="mona").exists()


def test_sessions_and_keys_are_not_in_it(acme: Enterprise, tmp_path: Path, settings: Any) -> None:
    client = Client()
    client.force_login(User.objects.get(username="mona"))
    UserSession.objects.get_or_create(
        session_key=client.session.session_key,
        defaults={"user": User.objects.get(username="mona"), "ip": "127.0.0.1"},
    )
    path = tmp_path / "console.backup"
    make(path)
    content = gzip.decompress(path.read_bytes())
    assert Session.objects.get().session_key.encode() not in content
    assert settings.SECRET_KEY.encode() not in content
    assert settings.LICSYNC_CREDENTIAL_KEYS[0].encode() not in content
    event = AuditEvent.objects.get(action="backup.make")
    assert (event.enterprise, event.after) == (None, {"encrypted": False})


def test_it_is_of_one_moment_and_holds_nobody_up(acme: Enterprise, tmp_path: Path) -> None:
    """What another connection commits while it is written is not in it."""
    from threading import Thread

    from enterprise.services import backup as service

    def meanwhile(table: str, _rows: int) -> None:
        if table.endswith("apitoken"):
            other = Thread(target=write)
            other.start()
            other.join(10)
            assert not other.is_alive()

    def write() -> None:
        Enterprise.objects.update(name="Renamed meanwhile")
        connection.close()

    path = tmp_path / "console.backup"
    service.backup_make(path=path, passphrase="", actor=SYSTEM, tell=meanwhile)
    assert Enterprise.objects.get().name == "Renamed meanwhile"
    assert b"Renamed meanwhile" not in gzip.decompress(path.read_bytes())


def test_only_an_empty_database_is_restored_into(acme: Enterprise, tmp_path: Path) -> None:
    path = tmp_path / "console.backup"
    make(path)
    before = sums()
    with pytest.raises(CommandError, match="not empty"):
        restore(path)
    assert sums() == before


def test_a_database_that_is_refused_is_not_migrated(
    acme: Enterprise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "console.backup"
    make(path)
    migrated: list[str] = []
    monkeypatch.setattr(restoring, "call_command", lambda name, **_: migrated.append(name))
    with pytest.raises(CommandError, match="not empty"):
        restore(path)
    assert migrated == []


def test_a_new_database_with_an_audit_event_is_said_not_to_be_empty(
    emptied: Path, tmp_path: Path
) -> None:
    make(tmp_path / "made by cron.backup")
    with pytest.raises(CommandError, match="not empty"):
        restore(emptied)


def test_a_file_that_may_not_be_read_is_not_called_damaged(
    emptied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(CommandError, match="cannot be read: Permission denied"):
        restore(emptied)


def test_a_file_is_not_written_over(acme: Enterprise, tmp_path: Path) -> None:
    path = tmp_path / "console.backup"
    path.write_text("precious")
    with pytest.raises(CommandError, match="there already"):
        make(path)
    assert path.read_text() == "precious"


def test_a_folder_that_cannot_be_written_is_told(acme: Enterprise, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written: No such file"):
        make(tmp_path / "nowhere" / "console.backup")


def lines_of(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines(keepends=True)


DAMAGES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "no file of ours": (lambda lines: [b'{"format": "other/1"}\n'], "not a backup"),
    "no JSON": (lambda lines: [b"\x00\x01"], "damaged"),
    "cut off": (lambda lines: lines[:-1], "damaged"),
    "cut in the middle": (lambda lines: lines[: len(lines) // 2], "damaged"),
    "a changed row": (
        lambda lines: [line.replace(b'"mona"', b'"lisa"') for line in lines],
        "damaged",
    ),
    "more after the end": (lambda lines: [*lines, b"{}\n"], "damaged"),
    "a later version": (
        lambda lines: [
            lines[0].replace(b'"enterprise.0001_initial"', b'"enterprise.9999_later"'),
            *lines[1:],
        ],
        "another version",
    ),
}


@pytest.mark.parametrize(("change", "said"), DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_restores_nothing(
    emptied: Path, change: Callable[[list[bytes]], list[bytes]], said: str
) -> None:
    emptied.write_bytes(gzip.compress(b"".join(change(lines_of(emptied)))))
    with pytest.raises(CommandError, match=said):
        restore(emptied)
    assert not User.objects.exists()
    assert not Enterprise.objects.exists()


def test_half_a_file_is_damaged(emptied: Path) -> None:
    emptied.write_bytes(emptied.read_bytes()[:5000])
    with pytest.raises(CommandError, match="damaged or cut off"):
        restore(emptied)
    assert not User.objects.exists()


def test_secrets_that_todays_keys_do_not_open_are_counted(
    acme: Enterprise, tmp_path: Path, settings: Any, through_the_door: Callable[[], None]
) -> None:
    TOTP.activate(User.objects.get(username="mona"), generate_totp_secret())
    make(path := tmp_path / "console.backup")
    through_the_door()
    empty()
    settings.LICSYNC_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    assert "4 stored secrets cannot be read" in restore(path)


def test_reading_holds_a_few_rows_at_a_time(acme: Enterprise, tmp_path: Path) -> None:
    with CaptureQueriesContext(connection) as captured:
        make(tmp_path / "console.backup")
    assert len(captured) < 3 * len(tables())


@pytest.mark.postgres
def test_a_backup_of_one_database_restores_into_the_other(
    acme: Enterprise, tmp_path: Path, postgres_url: str
) -> None:
    """From the database of the run to PostgreSQL, to SQLite, and the files say the same."""
    first = tmp_path / "first.backup"
    make(first)
    urls = (postgres_url, f"sqlite:///{tmp_path / 'copy.sqlite3'}")
    source = first
    for number, url in enumerate(urls):
        copy = tmp_path / f"copy{number}.backup"
        for command in (["restore", source], ["backup", copy]):
            environment = {
                **{k: v for k, v in os.environ.items() if not k.startswith("LICSYNC_")},
                "DATABASE_URL": url,
                "LICSYNC_VAR_DIR": str(tmp_path / "var"),
            }
            done = subprocess.run(
                [sys.executable, "manage.py", *map(str, command)],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        assert content(copy) == content(first)
        source = copy


def content(path: Path) -> list[Any]:
    """All lines but the audit log, which tells of each backup."""
    found, table = [], ""
    for line in lines_of(path)[1:-1]:
        value = orjson.loads(line)
        if isinstance(value, dict) and "table" in value:
            table = value["table"]
        if table != "enterprise_auditevent":
            found.append(value)
    return found


def test_every_trouble_has_its_words() -> None:
    import re

    text = (ROOT / "enterprise/services/backup.py").read_text()
    text += (ROOT / "enterprise/services/backup_format.py").read_text()
    assert set(re.findall(r'BackupError\(\s*"([a-z_]+)"', text)) == set(TROUBLES)
