"""An enterprise of a few persons, counted in earnest, for tests of what the pages say of it."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import Any

from enterprise.emails import normalize
from enterprise.models import Enterprise, ServerInstance, ServerUserAccount, Snapshot
from enterprise.records import CloudRow
from tests.factories import ServerUserAccountFactory
from tests.reports.ledger import apply_rows, recount


def account(instance: ServerInstance, user_id: int, email: str, **facts: Any) -> ServerUserAccount:
    """An account of an instance with that primary e-mail, which consumes unless ``facts`` say no."""
    return ServerUserAccountFactory(
        instance=instance, user_id=user_id, email=email, email_key=normalize(email), **facts
    )


def move(account: ServerUserAccount, email: str) -> None:
    """Give an account another primary e-mail."""
    account.email, account.email_key = email, normalize(email)
    account.save()


def count(enterprise: Enterprise, rows: list[CloudRow], *, states: int | None = None) -> Snapshot:
    """Make ``rows`` GitHub's list, ``states`` its stated total, and count."""
    state = apply_rows(enterprise, rows)
    if states is not None:
        state.total = states
        state.save()
    snapshot = recount(enterprise)
    enterprise.refresh_from_db()
    return snapshot


# --- What a response says -------------------------------------------------------------------------


def text_of(response: Any) -> str:
    """What a person reads, in one line."""
    words = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", html.unescape(words))


def table(response: Any) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode()
    return list(csv.reader(io.StringIO(text, newline="")))
