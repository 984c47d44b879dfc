"""GitHub's clients, unchanged but for their base address, over real HTTP."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from github import Auth, BadCredentialsException, Github, UnknownObjectException
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise
from enterprise.records import CloudRow
from tests.api.conftest import make_token
from tests.conftest import node_program, unavailable
from tests.factories import ServerInstanceFactory, SyncRunFactory
from tests.reports.ledger import apply_rows, count, member, members, recount

pytestmark = pytest.mark.django_db(transaction=True)

OCTOKIT = Path(__file__).parent / "octokit"
GO_GITHUB = Path(__file__).parent / "gogithub"
GO_PATH = Path("/usr/share/gocode")  # where Debian's packages of Go put their source
GO_CACHE = Path(tempfile.gettempdir()) / "licsync-go-cache"
PEOPLE = 5000
LOGINS = sorted(["", "mona", *(f"person{n:05}" for n in range(PEOPLE - 2))])
PER_PAGE = 100


@pytest.fixture
def base_url(live_server: LiveServer) -> str:
    return f"{live_server.url}/api/v3"


@pytest.fixture
def counted(enterprise: Enterprise) -> Enterprise:
    bare = CloudRow(pending_invites=("acme",))
    count(enterprise, [bare, member("mona", two_factor=True), *members(PEOPLE - 2)])
    instance = ServerInstanceFactory(enterprise=enterprise, host_name="ghes1.example.com")
    SyncRunFactory(instance=instance, succeeded=True)
    return enterprise


def pygithub(base_url: str, token: str, **options: Any) -> Github:
    return Github(
        base_url=base_url, auth=Auth.Token(token), retry=None, seconds_between_requests=0, **options
    )


def test_pygithub_lists_everybody_and_can_read_every_attribute(
    counted: Enterprise, token: str, base_url: str
) -> None:
    licenses = pygithub(base_url, token, per_page=PER_PAGE).get_enterprise("acme")
    answer = licenses.get_consumed_licenses()
    assert answer.total_seats_consumed == PEOPLE
    assert answer.total_seats_purchased == 500
    users = list(answer.get_users())
    assert sorted(user.github_com_login for user in users) == LOGINS
    names = [name for name in dir(users[0]) if name.startswith(("github_", "enterprise_"))]
    assert len(names) > 10
    for user in users[:300]:
        assert user.license_type == "enterprise"
        for name in [*names, "total_user_accounts", "visual_studio_subscription_user"]:
            getattr(user, name)
    assert answer.get_users(licence_users_per_page=1).totalCount == PEOPLE


def test_pygithub_lists_everybody_once_though_a_sync_lands_in_between(
    counted: Enterprise, token: str, base_url: str
) -> None:
    licenses = pygithub(base_url, token, per_page=PER_PAGE).get_enterprise("acme")
    met = []
    for user in licenses.get_consumed_licenses().get_users():
        met.append(user.github_com_login)
        if len(met) == 1234:
            apply_rows(counted, members(PEOPLE, start=1000))
            recount(counted)
    assert sorted(met) == LOGINS


def test_pygithub_knows_the_errors(counted: Enterprise, token: str, base_url: str) -> None:
    with pytest.raises(BadCredentialsException):
        pygithub(base_url, "wrong").get_enterprise("acme").get_consumed_licenses()
    with pytest.raises(UnknownObjectException):
        pygithub(base_url, token).get_enterprise("nobody").get_consumed_licenses()


def test_pygithub_reads_the_rate_limit(counted: Enterprise, token: str, base_url: str) -> None:
    client = pygithub(base_url, token)
    client.get_enterprise("acme").get_consumed_licenses()
    assert client.get_rate_limit().rate.used == 1
    assert client.rate_limiting[0] == client.rate_limiting[1] - 1


# --- Programs in other languages -----------------------------------------------------------------


def octokit() -> list[str]:
    return node_program(OCTOKIT / "list.mjs", "@octokit")


def go_github() -> list[str]:
    """Debian's package of go-github, which is older than its methods for these endpoints."""
    go = shutil.which("go")
    if go is None or not (GO_PATH / "src" / "github.com" / "google" / "go-github").is_dir():
        unavailable("go-github is not installed: golang-github-google-go-github-dev")
    return [go, "run", str(GO_GITHUB / "list.go")]


@pytest.mark.parametrize("program", [octokit, go_github])
def test_a_program_lists_everybody_once_though_a_sync_lands_in_between(
    enterprise: Enterprise,
    counted: Enterprise,
    base_url: str,
    program: Callable[[], list[str]],
) -> None:
    """octokit follows ``Link`` to the letter; go-github takes the page's number from it."""
    with subprocess.Popen(
        [*program(), base_url, make_token(enterprise), "acme", str(PER_PAGE)],
        env={
            **os.environ,
            "GO111MODULE": "off",
            "GOPATH": str(GO_PATH),
            "GOCACHE": str(GO_CACHE),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as listing:
        assert listing.stderr is not None
        line = listing.stderr.readline()
        if line == "first page\n":
            apply_rows(enterprise, members(PEOPLE, start=1000))
            recount(enterprise)
        out, err = listing.communicate("go on\n", timeout=120)
    assert listing.returncode == 0, line + err
    told = json.loads(out)
    assert sorted(user["github_com_login"] for user in told["users"]) == LOGINS
    assert told["status"]["server_instances"][0]["hostname"] == "ghes1.example.com"
    assert told["status"]["server_instances"][0]["last_sync"]["status"] == "success"
    assert told["refusal"]["status"] == 404
    assert told["refusal"]["message"].startswith("Not Found")
    if program is go_github:
        assert told["used"] == PEOPLE // PER_PAGE + 1
