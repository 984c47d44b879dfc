"""Which accounts a list has: by every spelling of a host, and by what an identity is."""

from __future__ import annotations

import pytest

from enterprise.models import CloudAccount, Enterprise
from enterprise.selectors import lists
from enterprise.selectors.lists import List, ListPage, list_walk
from enterprise.services.cloud_rows import NEITHER_NAME_ID_NOR_EMAIL, row_matching
from tests.factories import EnterpriseFactory, GitHubSyncStatusFactory, ServerInstanceFactory, ago
from tests.reports.ledger import apply_rows, count, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def enterprise() -> Enterprise:
    enterprise = EnterpriseFactory(slug="acme")
    ServerInstanceFactory(
        enterprise=enterprise, host_name="read.example.com", applied_as_of=ago(hours=1)
    )
    ServerInstanceFactory(
        enterprise=enterprise, host_name="waiting.example.com", server_id="known-to-github"
    )
    return enterprise


def first(read: List, enterprise: Enterprise) -> ListPage:
    return read(enterprise, after=0, limit=50, masked=False)


@pytest.mark.parametrize(
    ("ref", "listed"),
    [
        ("elsewhere.example.com:1", ("elsewhere.example.com:1",)),
        ("ELSEWHERE.example.com:1", ("elsewhere.example.com:1",)),
        ("waiting.example.com:1", ("waiting.example.com:1",)),
        ("Waiting:1", ("waiting.example.com:1",)),
        ("former.example.com:1", ("waiting.example.com:1",)),
        ("read.example.com:1", None),
        ("read:1", None),
    ],
)
def test_an_account_on_an_instance_not_read_is_listed_however_github_names_the_host(
    enterprise: Enterprise, ref: str, listed: tuple[str, ...] | None
) -> None:
    GitHubSyncStatusFactory(
        enterprise=enterprise, host_name="former.example.com", server_id="known-to-github"
    )
    count(enterprise, [member("mona", server_user_ids=(ref, "read.example.com:2"))])
    lines = first(lists.accounts_not_read, enterprise).lines
    assert [line.details for line in lines] == ([listed] if listed else [])


@pytest.mark.parametrize(
    ("facts", "listed"),
    [
        ({}, True),
        ({"saml_name_id": "0oa00000012"}, False),
        ({"verified_emails": ("mona@example.com",)}, False),
        ({"server_emails": ("mona@example.com",)}, True),
        ({"visual_studio_email": "mona@example.com", "visual_studio_status": "Matched"}, True),
        ({"name": ',"",[],['}, True),
    ],
)
def test_a_member_is_a_suspect_with_neither_identity_nor_verified_domain_address(
    enterprise: Enterprise, facts: dict[str, object], listed: bool
) -> None:
    apply_rows(enterprise, [member("mona", **{"verified_emails": (), **facts})])
    lines = first(lists.members_without_email, enterprise).lines
    assert [line.name for line in lines] == (["mona"] if listed else [])


@pytest.mark.parametrize("text", [NEITHER_NAME_ID_NOR_EMAIL, 'a","",[],["b'])
def test_no_value_can_look_like_a_row_without_name_id_and_address(text: str) -> None:
    rows = [
        member("mona", saml_name_id=text),
        member(text),
        member("mona", visual_studio_email=text),
        member("mona", verified_emails=(text,)),
    ]
    assert not [row for row in rows if NEITHER_NAME_ID_NOR_EMAIL in row_matching(row)]


def test_invitations_and_subscribers_are_no_members(enterprise: Enterprise) -> None:
    invited = member("", name="", cloud_user=False, verified_emails=())
    apply_rows(enterprise, [invited])
    assert CloudAccount.objects.get().kind == CloudAccount.Kind.INVITATION
    assert first(lists.members_without_email, enterprise).lines == []


def test_a_walk_reads_every_page(enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "WALK", 3)
    apply_rows(enterprise, [member(f"m{n}", verified_emails=()) for n in range(8)])
    names = [line.name for line in list_walk(lists.members_without_email, enterprise, masked=False)]
    assert names == [f"m{n}" for n in range(8)]
