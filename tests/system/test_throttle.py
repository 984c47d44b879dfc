"""Guesses of a password are counted over all web processes together, wherever the cache is."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.system.console import Console, console
from tests.system.servers import Redis

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"
ALLOWED = 5  # wrong passwords for one account within five minutes


@contextlib.contextmanager
def two_processes(folder: Path, **options: str) -> Iterator[tuple[Console, list[str]]]:
    """A console with an account, and the addresses of two web servers that share nothing in memory."""
    with console(folder, **options) as made:
        made.manage("migrate", "--verbosity", "0")
        make = f"User.objects.create_user('mona', 'mona@example.com', '{PASSWORD}')"
        made.manage("shell", "-c", f"from enterprise.models import User; {make}")
        addresses = []
        for name in ("web1", "web2"):
            made.start_web(name)
            addresses.append(f"http://{made.web}/accounts/login/")
        yield made, addresses


def signs_in(address: str, password: str) -> bool:
    """Whether a new browser gets in."""
    with requests.Session() as browser:
        browser.get(address, timeout=60)
        sent = {"login": "mona", "password": password}
        sent["csrfmiddlewaretoken"] = browser.cookies["licsync_csrf"]
        headers = {"Referer": address}
        answer = browser.post(address, sent, headers=headers, allow_redirects=False, timeout=60)
        assert answer.status_code in (200, 302, 429), answer.text
        return answer.status_code == 302


def hold(addresses: list[str]) -> None:
    assert all(signs_in(address, PASSWORD) for address in addresses)
    turns = itertools.cycle(addresses)
    for _guess in range(ALLOWED):
        assert not signs_in(next(turns), "wrong")
    assert not any(signs_in(address, PASSWORD) for address in addresses)


def test_two_processes_count_together_in_the_database(tmp_path: Path) -> None:
    with two_processes(tmp_path / "console") as (made, addresses):
        hold(addresses)
        made.execute("DELETE FROM licsync_cache")
        assert signs_in(addresses[0], PASSWORD)  # so it was the count that held it


@pytest.mark.redis
def test_two_processes_count_together_in_redis(tmp_path: Path) -> None:
    server = Redis()
    server.start()
    database = f"sqlite:///{tmp_path}/console.sqlite3"
    try:
        with two_processes(tmp_path / "console", database=database, broker=server.url) as (
            _made,
            addresses,
        ):
            hold(addresses)
            server.restart()  # which keeps nothing
            assert signs_in(addresses[0], PASSWORD)
    finally:
        server.stop()
