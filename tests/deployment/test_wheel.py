"""The wheel, installed into a fresh environment in an empty folder: it is all that is needed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def run(*command: object, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def licsync(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, from a wheel built of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("licsync-*.whl")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    pip = folder / "venv" / "bin" / "pip"
    run(pip, "install", "-q", "--require-hashes", "-r", ROOT / "requirements.txt", cwd=folder)
    run(pip, "install", "-q", "--no-deps", wheel, cwd=folder)
    run(pip, "check", cwd=folder)  # the lock is all that the wheel asks for
    return folder / "venv" / "bin" / "licsync"


@pytest.fixture
def clean() -> dict[str, str]:
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("LICSYNC_", "DJANGO_", "PYTHON"))
    }
    return {k: v for k, v in kept.items() if k not in ("DATABASE_URL", "CELERY_BROKER_URL")}


def within(seconds: float, look: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if look():
                return True
        except OSError:
            pass
        time.sleep(0.3)
    return False


def get(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.status, answer.read().decode()


@pytest.fixture
def address(licsync: Path, clean: dict[str, str], tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    console = subprocess.Popen(
        [str(licsync), "up", f"127.0.0.1:{port}"],
        cwd=tmp_path,
        env=clean,
        stdout=(tmp_path / "said").open("w"),
        start_new_session=True,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        console.send_signal(signal.SIGINT)
        console.wait(40)


def test_it_migrates_and_is_in_order(licsync: Path, clean: dict[str, str], tmp_path: Path) -> None:
    run(licsync, "migrate", "--verbosity", "0", cwd=tmp_path, env=clean)
    assert (tmp_path / "var" / "licsync.sqlite3").exists()
    assert run(licsync, "check", "--fail-level", "WARNING", cwd=tmp_path, env=clean)
    assert "/sign-in/" in run(licsync, "owner_link", cwd=tmp_path, env=clean)


def test_up_shows_a_sign_in_page_with_its_styles_in_three_languages(
    address: str, tmp_path: Path
) -> None:
    assert within(60, lambda: get(f"{address}/healthz")[0] == 200)
    status, page = get(f"{address}/accounts/login/")
    assert status == 200
    styles = re.findall(r'href="(/static/[^"]+\.css)"', page)
    assert len(styles) >= 2
    for path in [*styles, *re.findall(r'src="(/static/[^"]+\.js)"', page)]:
        status, body = get(address + path)
        assert status == 200
        assert len(body) > 100
    for language, word in (("de", "Anmelden"), ("zh-hans", "登录")):
        request = urllib.request.Request(
            f"{address}/accounts/login/", headers={"Accept-Language": language}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert word in answer.read().decode()
    assert within(90, lambda: get(f"{address}/readyz")[0] == 200)  # a worker did a tick
    assert "/sign-in/" in (tmp_path / "said").read_text()
