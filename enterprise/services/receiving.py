"""Receiving a file: it is in nobody's reach and has no name, and is gone when its process is."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from typing import BinaryIO, cast

from django.conf import settings

from enterprise.faults import Fault
from enterprise.sources.upload import MAX_BYTES

_STEP = 2**16


class Spool:
    """A nameless file for what is received, in the data folder where there is one; 0600.

    It is gone when it is closed or its process ends, whatever ends it.
    """

    def __init__(self, *, limit: int = MAX_BYTES) -> None:
        folder = settings.LICSYNC_VAR_DIR if settings.LICSYNC_EMBEDDED else None
        self.file = cast(BinaryIO, tempfile.TemporaryFile(dir=folder))  # noqa: SIM115
        self._limit = limit
        self._size = 0

    def write(self, chunk: bytes) -> None:
        """Raises Fault ``upload_too_large`` or, where the disk is full, ``upload_not_stored``."""
        self._size += len(chunk)
        if self._size > self._limit:
            raise Fault("upload_too_large", limit=self._limit)
        try:
            self.file.write(chunk)
        except OSError as error:
            reason = os.strerror(error.errno or errno.EIO)
        else:
            return
        raise Fault("upload_not_stored", reason=reason)


def upload_receive(read: Callable[[int], bytes], *, expected: int | None) -> BinaryIO:
    """Receive a request's body of ``expected`` bytes, where that is known, into a spool.

    Raises Fault ``upload_interrupted`` and those of ``Spool``; nothing is kept then.
    """
    if expected is not None and expected > MAX_BYTES:
        raise Fault("upload_too_large", limit=MAX_BYTES)
    spool = Spool()
    with ExitStack() as stack:
        stack.enter_context(spool.file)
        while chunk := _read_some(read):
            spool.write(chunk)
        if expected is not None and spool.file.tell() < expected:
            raise Fault("upload_interrupted")
        stack.pop_all()
    return spool.file


def _read_some(read: Callable[[int], bytes]) -> bytes:
    """The next bytes of a body; a client that went away is a Fault."""
    try:
        return read(_STEP)
    except OSError:
        pass
    raise Fault("upload_interrupted")
