"""A small file that unpacks to more than the limit is refused, by whichever door it comes."""

from __future__ import annotations

import gzip

import pytest
from django.test import Client

from enterprise.models import Enterprise, Role, RunChunk, ServerInstance, ServerUserAccount, SyncRun
from enterprise.sources.upload import Upload
from tests.uploads.conftest import HEADER, HOST, body, line, send, usage, users
from tests.uploads.test_page import client_of, upload

LIMIT = 2_000_000  # unpacked, instead of 2 GiB
BOMBS = {
    "usage.json": body(usage(*users(LIMIT // 100))),
    "all_users.csv": (HEADER + line(1, "", suspended=True)).encode()
    + b"".join(line(number, "").encode() for number in range(2, LIMIT // 40)),
}


@pytest.fixture(autouse=True)
def _small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Upload.__init__, "__kwdefaults__", {"limit": LIMIT})


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_sent_to_the_api_is_refused(job: Client, name: str) -> None:
    packed = gzip.compress(BOMBS[name])
    assert len(packed) < LIMIT < len(BOMBS[name])

    answer = send(job, packed, f"?instance={HOST}&exported_at=2026-10-05T02:00:00Z")

    assert answer.status_code == 413
    told = answer.json()
    assert (told["code"], told["params"]) == ("upload_too_large", {"limit": LIMIT})
    assert f"larger than the limit of {LIMIT} bytes" in told["detail"]
    run = SyncRun.objects.get()
    assert (run.state, run.error_code) == ("failed", "upload_too_large")
    assert not ServerUserAccount.objects.exists()
    assert not RunChunk.objects.exists()


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_sent_by_the_page_is_refused(
    enterprise: Enterprise, instance: ServerInstance, name: str
) -> None:
    owner = client_of(enterprise, Role.OWNER)

    page = upload(owner, gzip.compress(BOMBS[name]), name, "2026-10-05T02:00")

    run = SyncRun.objects.get()
    assert (run.state, run.error_code) == ("failed", "upload_too_large")
    assert f"larger than the limit of {LIMIT} bytes" in page.content.decode()
    assert not ServerUserAccount.objects.exists()
    assert not RunChunk.objects.exists()
