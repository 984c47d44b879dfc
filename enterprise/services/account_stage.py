"""Comparing what a source of an instance gives with what is applied, and staging the difference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from operator import eq, ne
from typing import Any, NamedTuple

from django.db import connection

from enterprise.emails import normalize
from enterprise.faults import Fault
from enterprise.models import ServerInstance, ServerUserAccount
from enterprise.records import ServerAccount
from enterprise.services.bulk import IN_LIST, READ_ROWS, in_batches
from enterprise.services.claims import Claim
from enterprise.services.guard import Loss
from enterprise.services.staging import (
    ADD,
    CHANGE,
    REMOVE,
    SEEN,
    Staging,
    digests_of,
    staged,
)

STAGED_FIELDS = (
    "user_id",
    "email",
    "email_key",
    "other_emails",
    "suspended",
    "dormant",
    "never_signed_in",
    "excluded",
    "consumes",
    "login",
    "last_active",
    "digest",
)
"""What a staged record of an account that is added or changed holds, after what is to be done."""
_EMAIL_KEY, _CONSUMES = STAGED_FIELDS.index("email_key"), STAGED_FIELDS.index("consumes")


class Difference(NamedTuple):
    """What a result would do to what is applied, and the counts that the run keeps."""

    counts: dict[str, int]
    loss: Loss
    applied: int

    @property
    def changes(self) -> int:
        return self.counts["added"] + self.counts["changed"] + self.counts["removed"]


def stage_accounts(
    claim: Claim, instance: ServerInstance, accounts: Iterable[ServerAccount]
) -> Difference:
    """Stage all that a source yields, from its beginning. Raises Fault ``empty_source``."""
    stage = AccountStage(claim, instance)
    for batch in in_batches(accounts, 500):
        stage.take(batch)
    return stage.finish()


class AccountStage:
    """Streams accounts against (id, digest) of what is applied.

    One that ``keeps_places`` leaves unchanged accounts in its chunks too, so that an attempt that
    ``resume``s knows what was read up to the last place: ``taken`` are their user IDs.
    """

    def __init__(
        self,
        claim: Claim,
        instance: ServerInstance,
        *,
        keeps_places: bool = False,
        resume: bool = False,
    ) -> None:
        self.claim = claim
        self.instance = instance
        self.keeps_places = keeps_places
        self.taken: set[int] = set()
        self._known = _known(instance)
        self._applied = len(self._known)
        self._read = self._added = self._idle = 0
        self._changed: dict[int, tuple[bool, str]] = {}
        self._staging = Staging(claim, resume=resume)
        if resume:
            for record in staged(claim.run):
                self._recall(*record)
            claim.log("walk_resumed", rows=self._read)

    def _recall(self, operation: int, *values: Any) -> None:
        """Take note of what an earlier attempt staged."""
        user_id, consumes = values[0], values[1 if operation == SEEN else _CONSUMES]
        self._known.pop(user_id, None)
        self.taken.add(user_id)
        self._read += 1
        self._idle += not consumes
        self._added += operation == ADD
        if operation == CHANGE:
            self._changed[user_id] = (consumes, values[_EMAIL_KEY])

    def take(self, batch: Sequence[ServerAccount]) -> None:
        """Stage what is new or changed in these accounts."""
        self._read += len(batch)
        self._idle += len([1 for account in batch if account.suspended or account.excluded])
        digests = digests_of(batch)
        take = self._known.pop
        before = [take(account.user_id, None) for account in batch]
        # Most accounts are as they were: nothing more is done for those.
        for account, digest, known_digest in compress(
            zip(batch, digests, before, strict=True), map(ne, digests, before)
        ):
            email_key = normalize(account.email)
            if known_digest is None:
                operation = ADD
                self._added += 1
            else:
                operation = CHANGE
                self._changed[account.user_id] = (_consumes(account), email_key)
            self._staging.add([operation, *_row(account, email_key, digest)])
        if self.keeps_places:
            for account in compress(batch, map(eq, digests, before)):
                self._staging.add([SEEN, account.user_id, _consumes(account)])
        self.claim.beat(self._read)

    def place(self, cursor: str) -> None:
        """Stage where the source stands, to be resumed from."""
        self._staging.flush(cursor=cursor)

    def finish(self) -> Difference:
        """Stage what is gone. Raises Fault ``empty_source`` if nothing came where some was applied."""
        if self._applied and not self._read:
            raise Fault("empty_source", applied=self._applied)
        for user_id in self._known:
            self._staging.add([REMOVE, user_id])
        self._staging.flush()
        stopped, moved = _count_losses(self.instance, self._changed)
        return Difference(
            counts={
                "read": self._read,
                "added": self._added,
                "changed": len(self._changed),
                "removed": len(self._known),
                "consuming": self._read - self._idle,
            },
            loss=Loss(len(self._known), stopped, moved),
            applied=self._applied,
        )


def _consumes(account: ServerAccount) -> bool:
    return not account.suspended and not account.excluded


def _known(instance: ServerInstance) -> dict[int, int]:
    """The digests of what is applied, by user ID; read at once, since all of them are kept anyway."""
    known: dict[int, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT user_id, digest FROM enterprise_serveruseraccount WHERE instance_id = %s",
            [instance.pk],
        )
        while rows := cursor.fetchmany(READ_ROWS):
            known.update(rows)
    return known


def _row(account: ServerAccount, email_key: str, digest: int) -> list[Any]:
    return [
        account.user_id,
        account.email,
        email_key,
        "\n".join(account.other_emails),
        account.suspended,
        account.dormant,
        account.never_signed_in,
        account.excluded,
        _consumes(account),
        account.login,
        account.last_active,
        digest,
    ]


def _count_losses(
    instance: ServerInstance, changed: dict[int, tuple[bool, str]]
) -> tuple[int, int]:
    """Of the changed accounts: how many no longer consume, how many have another primary e-mail."""
    stopped = moved = 0
    for ids in in_batches(changed, IN_LIST):
        rows = ServerUserAccount.objects.filter(instance=instance, user_id__in=ids).values_list(
            "user_id", "consumes", "email_key"
        )
        for user_id, consumed, email_key in rows:
            consumes, email_now = changed[user_id]
            if consumed and not consumes:
                stopped += 1
            elif email_key != email_now:
                moved += 1
    return stopped, moved
