"""``python -m sandbox.demo [FOLDER]``: the console beside a sandbox of GitHub, until Ctrl-C.

Every start is a new one, in FOLDER (``var/demo``), whose content is removed: one enterprise on the
cloud, two instances, three people with random passwords. The first sync runs at once, and its counts
are printed.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from sandbox.generate import generate_world
from sandbox.server import Fleet, serve

ROOT = Path(__file__).resolve().parent.parent
SLUG = "octodemo"
PEOPLE = {"owner": "owner", "billing": "billing_manager", "auditor": "auditor"}
PREFERRED_PORT = 8000


class Stop(Exception):
    """A signal asked the demo to end."""


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else ROOT / "var" / "demo"
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("The demo is running already.", file=sys.stderr)
            return 1
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _stop)
        world = generate_world(slug=SLUG, name="Octodemo", as_of=datetime.now(UTC))
        try:
            with serve(world) as fleet:
                return _run(fleet, folder)
        except Stop:
            return 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stop


def _run(fleet: Fleet, folder: Path) -> int:
    address = f"http://127.0.0.1:{_free_port()}"
    passwords = {username: secrets.token_urlsafe(12) for username in PEOPLE}
    environment = _environment(fleet, folder, address, passwords)
    provision = folder / "provision.toml"
    provision.write_text(_provision(fleet), encoding="utf-8")
    for step in (("migrate", "--verbosity", "0"), ("provision", str(provision))):
        if code := _manage(environment, *step):
            return code
    print(f"\n  {address}/enterprises/{SLUG}/settings/connect\n")
    for username, role in PEOPLE.items():
        print(f"  {role:16} {username:8} {passwords[username]}")
    print("\nThese passwords hold until the next start. Ctrl-C stops everything.\n", flush=True)
    # A session of its own: Ctrl-C reaches this process alone, which passes it on once.
    console = subprocess.Popen(
        [sys.executable, "manage.py", "up", address.removeprefix("http://")],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until_it_answers(console, address)
        print("The first sync:", flush=True)
        _manage(environment, "sync", "--enterprise", SLUG, "--all", "--wait")
        print(f"\nWho consumes a license: {address}/enterprises/{SLUG}/licensing", flush=True)
        return console.wait()
    finally:
        _end(console)


def _end(console: subprocess.Popen[bytes]) -> None:
    """Let the console finish what it does; a second Ctrl-C cuts that short."""
    console.terminate()
    while True:
        try:
            console.wait()
        except Stop:
            console.terminate()
        else:
            return


def _manage(environment: Mapping[str, str], *arguments: str) -> int:
    """Run a command, which says itself what goes wrong; returns its exit code."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _wait_until_it_answers(console: subprocess.Popen[bytes], address: str) -> None:
    while console.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(console.returncode)


def _free_port() -> int:
    """The usual port if it is free, else any."""
    for port in (PREFERRED_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SystemExit("No port is free on 127.0.0.1.")


def _environment(
    fleet: Fleet, folder: Path, address: str, passwords: Mapping[str, str]
) -> dict[str, str]:
    """The embedded mode whatever the caller's environment sets, with a demo's quick clocks."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LICSYNC_") and name not in {"DATABASE_URL", "CELERY_BROKER_URL"}
    }
    return {
        **kept,
        "LICSYNC_VAR_DIR": str(folder.resolve()),
        "LICSYNC_PUBLIC_URL": address,
        "LICSYNC_ALLOW_LOOPBACK": "1",
        "LICSYNC_TICK_SECONDS": "5",
        "LICSYNC_RETRY_BASE_SECONDS": "1",
        "GHEC_TOKEN": fleet.ghec.token,
        **{_variable(host, "TOKEN"): instance.token for host, instance in fleet.instances.items()},
        **{_variable(username, "PASSWORD"): word for username, word in passwords.items()},
    }


def _variable(name: str, what: str) -> str:
    return f"{name.upper().replace('.', '_').replace('-', '_')}_{what}"


def _provision(fleet: Fleet) -> str:
    """What a person would write for this enterprise (docs/configuration.md)."""
    parts = [
        f"""[enterprise]
slug = "{fleet.world.slug}"
name = "{fleet.world.name}"
api_url = "{fleet.ghec.url}"
token_env = "GHEC_TOKEN"
"""
    ]
    parts += [
        f"""[[instance]]
host_name = "{host}"
url = "{instance.url}"
username = "{instance.username}"
token_env = "{_variable(host, "TOKEN")}"
connect = true
license_sync = true
"""
        for host, instance in fleet.instances.items()
    ]
    parts += [
        f"""[[member]]
username = "{username}"
email = "{username}@example.com"
role = "{role}"
password_env = "{_variable(username, "PASSWORD")}"
"""
        for username, role in PEOPLE.items()
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
