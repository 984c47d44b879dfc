"""The code of the version before: it serves while the new one migrates, beside it, and after it.

On one database, broker and GitHub, before one browser, in the order of docs/operations.md. Two states
of GitHub take turns: whoever reads and counts one of them has to come to what others came to.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from scripts.check_migrations import PREVIOUS, PREVIOUS_COMMIT
from tests.conftest import SERVICES_REQUIRED
from tests.system.console import ROOT, Console, console
from tests.system.servers import postgres_folder, private_servers

pytestmark = pytest.mark.slow

HOSTS = {"ghes1.example.com": 120, "ghes2.example.com": 60}
PASSWORD = "correct horse battery"
TOKEN = "t" * 50
ANOTHER = """
[enterprise]
slug = "another"
[[instance]]
host_name = "ghes9.example.com"
url = "https://ghes9.example.com"
[[member]]
username = "lisa"
role = "owner"
"""
MOVED = "moved.example.com"
Addresses = dict[tuple[str, int], str]  # by host and user ID
PAGES = ("", "/licensing", "/licensing/history", "/runs", "/settings/connect", "/settings/audit")
NEW_PAGES = (
    "/insights/forecast",
    "/insights/allocation",
    "/insights/changes",
    "/insights/reclaim",
    "/settings/alerts",
    "/settings/webhooks",
)
# What is never changed any more, in columns that both versions know.
HISTORY = (
    "SELECT id, CAST(totals AS TEXT) FROM enterprise_snapshot",
    "SELECT id, kind, CAST(counts AS TEXT) FROM enterprise_syncrun WHERE state = 'succeeded'",
    "SELECT id, run_id, attempt, code FROM enterprise_runlogline",
    "SELECT id, actor, action, target FROM enterprise_auditevent",
)


@pytest.fixture(scope="module")
def code_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the version before, ready to run on the packages of this one."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", PREVIOUS_COMMIT], capture_output=True, check=False
    )
    if archive.returncode:
        pytest.skip(f"this copy lacks {PREVIOUS_COMMIT}: {archive.stderr.decode().strip()}")
    code = tmp_path_factory.mktemp("code_before")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(code, filter="data")
    assert max(code.glob("enterprise/migrations/0*.py")).stem == PREVIOUS[1]
    (code / "static" / "vendor").symlink_to(ROOT / "static" / "vendor")
    maker = Console(code / "var", code=code)
    maker.module("scripts.compile_messages")
    maker.manage("collectstatic", "--no-input", "--verbosity", "0")
    return code


class Owner:
    """In a browser that was signed in by the version before, and a script with its token."""

    def __init__(self, made: Console, fleet: Fleet) -> None:
        self._enterprise = f"/enterprises/{fleet.world.slug}"
        self._browser = requests.Session()
        self._browser.headers["Connection"] = "close"
        self.look(made, "/accounts/login/")
        assert self._post(made, "/accounts/login/", login="mona", password=PASSWORD) == 302

    def _post(self, made: Console, path: str, **fields: str) -> int:
        address = f"http://{made.web}{path}"
        fields["csrfmiddlewaretoken"] = self._browser.cookies["licsync_csrf"]
        headers = {"Referer": address}
        answer = self._browser.post(
            address, fields, headers=headers, allow_redirects=False, timeout=60
        )
        return answer.status_code

    def look(self, made: Console, path: str) -> int:
        answer = self._browser.get(f"http://{made.web}{path}", allow_redirects=False, timeout=60)
        return answer.status_code

    def misses(self, made: Console, pages: tuple[str, ...] = PAGES) -> dict[str, int]:
        """The pages that are not there, without a further sign-in, and what came instead."""
        came = {page: self.look(made, self._enterprise + page) for page in pages}
        return {page: status for page, status in came.items() if status != 200}

    def sync_all(self, made: Console) -> bool:
        """Click on "Sync all now"; whichever worker is there does it."""
        return self._post(made, f"{self._enterprise}/settings/connect/sync-all") == 302

    def moved(self, made: Console) -> int:
        """How many persons the search of the API finds at the other domain, at most a page."""
        answer = requests.get(
            f"http://{made.web}/api/v1{self._enterprise}/persons",
            {"search": MOVED},
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        return len(answer.json()["items"])


class Stage(NamedTuple):
    """Two versions on one data folder."""

    before: Console
    after: Console
    fleet: Fleet


@pytest.fixture(
    params=["embedded", pytest.param("services", marks=[pytest.mark.postgres, pytest.mark.redis])]
)
def stage(request: pytest.FixtureRequest, tmp_path: Path, code_before: Path) -> Iterator[Stage]:
    folder = tmp_path / "console"
    folder.mkdir(mode=0o700)
    with contextlib.ExitStack() as opened:
        options = {}
        if request.param == "services":
            if postgres_folder() is None and not SERVICES_REQUIRED:
                pytest.skip("PostgreSQL's server programs are not installed")
            postgres, redis = opened.enter_context(private_servers())
            options = {"database": postgres.url, "broker": redis.url}
        fleet = opened.enter_context(serve(generate_world(11, cloud=200, instances=HOSTS)))
        before = opened.enter_context(console(folder, code=code_before, **options))
        after = opened.enter_context(console(folder, **options))
        before.environment |= {"PASSWORD": PASSWORD, "TOKEN": TOKEN}
        before.provision(
            fleet,
            "[[member]]",
            'username = "mona"',
            'role = "owner"',
            'password_env = "PASSWORD"',
            "[[token]]",
            'name = "script"',
            'scopes = ["read:enterprise"]',
            'token_env = "TOKEN"',
        )
        yield Stage(before, after, fleet)


def addresses(fleet: Fleet) -> Addresses:
    return {
        (host_name, user_id): user.email
        for host_name, instance in fleet.world.instances.items()
        for user_id, user in instance.users.items()
    }


def with_some_moved(known: Addresses) -> Addresses:
    """Every sixth account with an address at the other domain: much to apply, but below the guard."""
    return known | {key: f"user{key[1]}@{MOVED}" for key in list(known)[::6]}


def give(fleet: Fleet, wanted: Addresses) -> None:
    for (host_name, user_id), email in wanted.items():
        fleet.world.instances[host_name].users[user_id].email = email


def start(made: Console) -> None:
    made.start_web()
    made.start_worker()
    made.start_beat()


def synced(owner: Owner, made: Console) -> list[list[tuple[Any, ...]]]:
    """What has been read and counted when a click on "Sync all now" is done.

    Without the sums by which a version knows a row again: they are its own.
    """
    assert owner.sync_all(made)
    assert made.wait(made.is_settled, seconds=120), made.runs()
    assert made.runs() == []
    accounts, cloud, persons, memberships = made.content()
    return [[row[:-1] for row in accounts], [row[:-1] for row in cloud], persons, memberships]


def schema(made: Console) -> str:
    """The newest migration that is applied."""
    query = "SELECT MAX(name) FROM django_migrations WHERE app = 'enterprise'"
    return str(made.rows(query)[0][0])


def history(made: Console) -> set[tuple[Any, ...]]:
    return {(query, *row) for query in HISTORY for row in made.rows(query)}


def test_the_version_before_serves_while_the_new_one_migrates_beside_it_and_after_it(
    stage: Stage,
) -> None:
    before, after, fleet = stage
    as_ever = addresses(fleet)
    moved = with_some_moved(as_ever)

    # The version before, on its own.
    start(before)
    owner = Owner(before, fleet)
    of_as_ever = synced(owner, before)
    assert (owner.misses(before), owner.moved(before)) == ({}, 0)
    assert owner.misses(before, NEW_PAGES) == dict.fromkeys(NEW_PAGES, 404)
    assert schema(before) == PREVIOUS[1]
    earlier = history(before)

    # The new version migrates; pages are looked at and runs are under way all the time.
    give(fleet, moved)
    with ThreadPoolExecutor(1) as pool:
        upgrade = pool.submit(after.manage, "migrate", "--verbosity", "0")
        while not upgrade.done():
            assert owner.sync_all(before)
            assert owner.misses(before) == {}
    upgrade.result()
    assert schema(before) > PREVIOUS[1]
    assert earlier <= history(after)
    of_moved = synced(owner, before)
    assert of_moved != of_as_ever
    another = before.folder / "another.toml"
    another.write_text(ANOTHER)
    before.manage("provision", str(another))
    found = owner.moved(before)
    assert (owner.misses(before), found > 0) == ({}, True)

    # One process after the other is replaced; first the new pages ask the old worker.
    after.start_web("new_web")
    before.terminate("web")
    assert (owner.misses(after, PAGES + NEW_PAGES), owner.moved(after)) == ({}, found)
    give(fleet, as_ever)
    assert synced(owner, after) == of_as_ever
    after.start_worker("new_worker")
    before.terminate("worker")
    after.start_beat("new_beat")
    before.terminate("beat")
    give(fleet, moved)
    assert synced(owner, after) == of_moved
    assert after.wait(lambda: after.answers("/readyz"), seconds=60)
    after.manage("doctor")
    after.manage("verify_audit")

    # The old version is put in place again, on the new schema and on what the new one wrote.
    after.stop()
    start(before)
    give(fleet, as_ever)
    assert synced(owner, before) == of_as_ever
    assert (owner.misses(before), owner.moved(before)) == ({}, 0)

    # All is stopped and undone.
    before.stop()
    after.manage("migrate", *PREVIOUS, "--verbosity", "0")
    assert schema(before) == PREVIOUS[1]
    start(before)
    give(fleet, moved)
    assert synced(owner, before) == of_moved
    assert (owner.misses(before), owner.moved(before)) == ({}, found)
    assert earlier <= history(before)
