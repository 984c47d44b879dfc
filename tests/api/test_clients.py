"""GitHub's clients, unchanged but for their base address, over real HTTP."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from github import Auth, BadCredentialsException, Github, UnknownObjectException
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise
from enterprise.records import CloudRow
from tests.api.conftest import make_token
from tests.conftest import SERVICES_REQUIRED
from tests.factories import ServerInstanceFactory, SyncRunFactory
from tests.reports.ledger import count, member, members

pytestmark = pytest.mark.django_db(transaction=True)

OCTOKIT = Path(__file__).parent / "octokit"
PEOPLE = 230


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


@pytest.mark.parametrize("per_page", [30, 100])
def test_pygithub_lists_everybody_and_can_read_every_attribute(
    counted: Enterprise, token: str, base_url: str, per_page: int
) -> None:
    licenses = pygithub(base_url, token, per_page=per_page).get_enterprise("acme")
    answer = licenses.get_consumed_licenses()
    assert answer.total_seats_consumed == PEOPLE
    assert answer.total_seats_purchased == 500
    users = list(answer.get_users())
    assert len({user.github_com_login for user in users}) == len(users) == PEOPLE
    names = [name for name in dir(users[0]) if name.startswith(("github_", "enterprise_"))]
    assert len(names) > 10
    for user in users:
        assert user.license_type == "enterprise"
        for name in [*names, "total_user_accounts", "visual_studio_subscription_user"]:
            getattr(user, name)
    assert answer.get_users(licence_users_per_page=1).totalCount == PEOPLE


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


@pytest.mark.parametrize("per_page", [7, 100])
def test_octokit_lists_everybody_and_the_sync_status(
    enterprise: Enterprise, counted: Enterprise, base_url: str, per_page: int
) -> None:
    node = shutil.which("node")
    if node is None or not (OCTOKIT / "node_modules" / "@octokit").is_dir():
        reason = "octokit is not installed: npm ci in tests/api/octokit"
        if SERVICES_REQUIRED:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    done = subprocess.run(
        [node, "list.mjs", base_url, make_token(enterprise), "acme", str(per_page)],
        cwd=OCTOKIT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    logins = [user["github_com_login"] for user in told["users"]]
    assert len(set(logins)) == len(logins) == PEOPLE
    assert told["status"]["server_instances"][0]["hostname"] == "ghes1.example.com"
    assert told["status"]["server_instances"][0]["last_sync"]["status"] == "success"
    assert told["refusal"]["status"] == 404
    assert told["refusal"]["message"].startswith("Not Found")
