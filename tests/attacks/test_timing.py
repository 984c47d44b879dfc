"""What a guess costs tells nothing about the secret: counted, never timed."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enterprise.models import ApiToken
from enterprise.services.audit import SYSTEM
from enterprise.services.members import sign_in_link_is_open, sign_in_link_make
from enterprise.services.tokens import token_check, token_make
from tests.factories import EnterpriseFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def token() -> str:
    enterprise = EnterpriseFactory()
    made = token_make(enterprise=enterprise, actor=SYSTEM, name="job", scopes=["read:metrics"])
    return made[1]


def test_a_token_is_looked_up_by_its_digest_only(token: str) -> None:
    """One query by an index over digests, however much of the token a guess has right."""
    guesses = [token[:-1] + "#", token[:20], "x" * len(token), token.swapcase(), "", "'"]
    asked = []
    for guess in guesses:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert token_check(guess) is None
        asked.append(len(queries))
        assert not any(token[:20] in query["sql"] for query in queries)
    assert {*asked} == {1}


def test_a_revoked_token_costs_what_one_that_never_was_does(token: str) -> None:
    ApiToken.objects.update(revoked_at=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        assert token_check(token) is None
    assert len(queries) == 1


def test_a_sign_in_link_is_looked_up_by_its_digest_only() -> None:
    token = sign_in_link_make(user=UserFactory())
    for guess in (token[:-1] + "#", token[:10], "x"):
        with CaptureQueriesContext(connection) as queries:
            assert not sign_in_link_is_open(token=guess)
        assert len(queries) == 1
        assert not any(token[:10] in query["sql"] for query in queries)
