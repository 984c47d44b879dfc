"""One run's records in compressed chunks: the difference to what is applied, invisible to readers.

A chunk is a JSON array of records after compression; the cursor beside it is where the source
stood after them. ``held`` and its preview read the same chunks that the apply does.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

import orjson
from django.db import transaction

from enterprise.models import RunChunk, SyncRun
from enterprise.services.claims import Claim

RECORDS = 5000
PAGES_A_CHUNK = 20
"""After so many pages a walk stages where it stands; no more than that is read again."""

REMOVE, ADD, CHANGE, SEEN = 0, 1, 2, 3
"""What the first element of an account's staged record says is to be done with it.

One that is SEEN stays as it is: a walk that is resumed must know that it was there.
"""


def digest_of(record: Any) -> int:
    """Eight bytes of BLAKE2b over the record as JSON, as a signed integer for a database column."""
    return digests_of([record])[0]


def digests_of(records: Sequence[Any]) -> tuple[int, ...]:
    """The ``digest_of`` each record, at once."""
    # A named tuple is one that orjson does not know. No text is kept: to free each at once is three
    # times as fast as to hold some hundreds of them.
    digests = [blake2b(orjson.dumps(tuple(record)), digest_size=8).digest() for record in records]
    return struct.unpack(f">{len(digests)}q", b"".join(digests))


class Staging:
    """Writes chunks of a run, in its worker.

    ``resume`` keeps what an earlier attempt staged up to its last cursor, else all of it goes.
    """

    def __init__(self, claim: Claim, *, resume: bool) -> None:
        self.claim = claim
        self.run = claim.run
        self._records: list[Any] = []
        with transaction.atomic():
            claim.update()  # the fence: a worker that lost its run deletes nothing of another's
            chunks = self.run.chunks.exclude(cursor="").order_by("-number")
            last = chunks.first() if resume else None
            self._number = last.number + 1 if last else 0
            self.run.chunks.filter(number__gte=self._number).delete()

    def add(self, record: Any) -> None:
        self._records.append(record)
        if len(self._records) >= RECORDS:
            self.flush()

    def flush(self, cursor: str = "") -> None:
        """Write what is gathered as one chunk, with the cursor to resume from if there is one."""
        if not self._records and not cursor:
            return
        payload = zlib.compress(orjson.dumps(self._records), 1)
        with transaction.atomic():
            # The fence: whoever ends the run waits for it, and then deletes this chunk too.
            self.claim.update()
            RunChunk.objects.create(
                run=self.run, number=self._number, cursor=cursor, payload=payload
            )
        self._number += 1
        self._records = []


def staged(run: SyncRun) -> Iterator[Any]:
    """Every staged record of a run, in order, a chunk at a time in memory."""
    for payload in (
        RunChunk.objects.filter(run=run).order_by("number").values_list("payload", flat=True)
    ).iterator(chunk_size=1):
        yield from orjson.loads(zlib.decompress(payload))


def last_cursor(run: SyncRun) -> str:
    """Where the source stood when its cursor was last staged, "" if it never was."""
    chunks = RunChunk.objects.filter(run=run).exclude(cursor="")
    return chunks.order_by("-number").values_list("cursor", flat=True).first() or ""
