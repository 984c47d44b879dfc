"""docker-compose.yml: taken by the schema of the Compose specification, and its services, started by
hand as it says, come up in its order.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
SET_BY_COMPOSE = {"DATABASE_URL", "CELERY_BROKER_URL", "LICSYNC_CACHE_URL"}
HELD_BY_US = {"postgres", "redis"}  # the test's own, on other addresses


def test_it_is_a_compose_file() -> None:
    command = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [sys.executable, "-m", *command, str(ROOT / "docker-compose.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", OURS)
def test_our_services_may_do_as_little_as_they_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]  # gunicorn's heartbeat, uploads


def test_every_variable_reaches_our_services_but_those_that_compose_sets() -> None:
    """Given by value or as a file: whatever stands in .env, and the folder for such files."""
    told = (ROOT / "docs" / "configuration.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", told, flags=re.MULTILINE))
    for service in map(SERVICES.__getitem__, OURS):
        assert service["env_file"] == ".env"
        assert service["volumes"] == ["./secrets:/run/secrets:ro"]
        assert service["environment"].keys() == SET_BY_COMPOSE
    assert documented >= SET_BY_COMPOSE


def test_what_only_compose_reads_is_not_taken_for_a_setting() -> None:
    """It stands in the same .env, and a ``LICSYNC_`` that no setting has would be warned of."""
    read = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert read == {"POSTGRES_PASSWORD", "WEB_PORT"}


def test_the_image_runs_as_nobody_and_builds_in_a_stage_of_its_own() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert len(re.findall(r"^FROM ", text, re.MULTILINE)) == 2
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER licsync$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "requirements-dev" not in last


def test_the_image_has_what_every_setting_needs() -> None:
    """Sentry is an extra of the wheel; the lock that the image installs has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements.txt").read_text()
    for requirement in project["optional-dependencies"]["sentry"]:
        name = re.split(r"[^\w-]", requirement)[0]
        assert re.search(rf"^{name}==.* \\\n    --hash=sha256:", lock, re.MULTILINE), name


def test_every_service_waits_for_what_it_needs() -> None:
    needs = {name: set(SERVICES[name]["depends_on"]) for name in OURS}
    assert needs["migrate"] == {"postgres"}
    assert needs["web"] == needs["worker"] == needs["beat"] == {"migrate", "postgres", "redis"}
    for name in OURS:
        for other, how in SERVICES[name]["depends_on"].items():
            wanted = "service_completed_successfully" if other == "migrate" else "service_healthy"
            assert how["condition"] == wanted
    for name in HELD_BY_US:
        assert SERVICES[name]["healthcheck"]["test"]


def test_a_worker_leaves_the_processors_to_the_pages() -> None:
    """That it is nice counts in its own container only."""
    assert [name for name in OURS if "cpu_shares" in SERVICES[name]] == ["worker"]
    assert SERVICES["worker"]["cpu_shares"] < 1024  # what everybody else has


def start_order() -> list[str]:
    """Our services, each after what it depends on."""
    order: list[str] = []
    while left := [name for name in OURS if name not in order]:
        ready = [n for n in left if set(SERVICES[n]["depends_on"]) <= {*order, *HELD_BY_US}]
        assert ready, f"a circle among {left}"
        order += ready
    return order


def within(seconds: float, look: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if look():
                return True
        except OSError:
            pass
        time.sleep(0.5)
    return False


class Machine:
    """Starts services as Compose would, but for the addresses."""

    def __init__(self, postgres: str, redis: str, port: int) -> None:
        self.port = port
        self.environment = {  # as .env says, then what Compose sets
            "LICSYNC_SECRET_KEY": "s" * 60,
            "LICSYNC_CREDENTIAL_KEYS": Fernet.generate_key().decode(),
            "LICSYNC_PUBLIC_URL": f"http://localhost:{port}",
            "DATABASE_URL": postgres,
            "CELERY_BROKER_URL": redis,
            "LICSYNC_CACHE_URL": redis,
            "HOSTNAME": socket.gethostname(),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def command(self, name: str) -> list[str]:
        said = SERVICES[name]["command"].replace("0.0.0.0:8000", f"127.0.0.1:{self.port}")
        return shlex.split(said)

    def start(self, name: str) -> None:
        self.running[name] = subprocess.Popen(
            self.command(name), cwd=ROOT, env=self.environment, start_new_session=True
        )

    def is_well(self, name: str) -> bool:
        check = SERVICES[name].get("healthcheck", {})
        if check.get("disable"):
            return self.running[name].poll() is None
        if "test" not in check:  # the image's own
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/healthz", timeout=4
            ) as answer:
                return answer.status == 200
        _shell, script = check["test"]
        done = subprocess.run(
            ["sh", "-c", script.replace("$$", "$")],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def stop(self) -> dict[str, int]:
        """SIGTERM to all, as ``docker compose stop``; each one's exit code."""
        for process in self.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        return {name: process.wait(60) for name, process in self.running.items()}


@pytest.fixture
def machine(postgres_url: str, redis_url: str) -> Iterator[Machine]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Machine(postgres_url, redis_url, port)
    yield made
    made.stop()


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.redis
def test_started_by_hand_as_it_says_all_come_up_in_its_order(machine: Machine) -> None:
    order = start_order()
    assert order[0] == "migrate"
    for name in order:
        machine.start(name)
        if name == "migrate":
            assert machine.running[name].wait(60) == 0
        else:
            assert within(60, lambda name=name: machine.is_well(name)), name  # type: ignore[misc]

    def ready() -> bool:
        url = f"http://127.0.0.1:{machine.port}/readyz"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200

    assert within(90, ready)
    assert all(code in (0, -15) for code in machine.stop().values())
