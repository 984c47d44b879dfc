"""docs/configuration.md says what is so: its file applies, and no key or variable is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from enterprise.services.provision_file import ARRAYS, ENTERPRISE, provision_file_read
from enterprise.services.provisioning import provision
from licsync import env
from tests.commands.test_provision import SECRETS

TEXT = (settings.BASE_DIR / "docs" / "configuration.md").read_text(encoding="utf-8")


@pytest.mark.django_db
def test_the_example_applies_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, flags=re.DOTALL)
    path = tmp_path / "acme.toml"
    path.write_text(example, encoding="utf-8")
    secrets = {**SECRETS, "GHES2_TOKEN": "ghp_server2"}
    changes = provision(file=provision_file_read(path), secret=secrets.__getitem__)
    assert "instance ghes2.example.com: connect enabled" in changes
    assert provision(file=provision_file_read(path), secret=secrets.__getitem__) == []


@pytest.mark.parametrize("kind", ["enterprise", *ARRAYS])
def test_every_key_of_the_file_is_documented_and_no_other(kind: str) -> None:
    table = {"enterprise": ENTERPRISE, **ARRAYS}[kind]
    heading = "`[enterprise]`, exactly one" if kind == "enterprise" else f"`[[{kind}]]`, any number"
    section = TEXT.split(heading)[1].split("\n`[")[0].split("\n## ")[0]
    documented = set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE))
    keys = set(table.keys) - ({"state"} if kind == "enterprise" else set())
    assert documented == keys


def test_every_variable_of_the_settings_is_documented() -> None:
    names = {name for name in env.known_names if not name.endswith("_FILE")}
    ours = {name for name in names if name.startswith("LICSYNC_")}
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", TEXT, flags=re.MULTILINE))
    assert ours | {"CELERY_BROKER_URL", "DATABASE_URL"} <= documented
    assert documented - ours - {"CELERY_BROKER_URL", "DATABASE_URL"} == {
        "LICSYNC_REQUIRE_SERVICES"  # read by the tests
    }
